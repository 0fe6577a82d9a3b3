"""Small durable facts shared by all processes of the machine: request budgets, cool-downs, breakers; the run log."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pricectl.state.account import Limits, Outcome, Snapshot
    from pricectl.state.ledger import Ledger

__all__ = ["Ledger", "Limits", "Outcome", "Snapshot"]


def __getattr__(name: str) -> Any:
    # The ledger takes 8 ms to import, and the monitors' `status --check` wants the run log alone.
    if name == "Ledger":
        from pricectl.state.ledger import Ledger

        return Ledger
    if name in __all__:
        from pricectl.state import account

        return getattr(account, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
