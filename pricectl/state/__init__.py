"""Small durable facts shared by all processes of the machine: request budgets, cool-downs, breakers."""

from pricectl.state.account import Limits, Outcome, Snapshot
from pricectl.state.ledger import Ledger

__all__ = ["Ledger", "Limits", "Outcome", "Snapshot"]
