"""A loopback market in the providers' wire formats: for trying things out without a network, and for tests."""

from pricectl.simulator.faults import Fault, Match
from pricectl.simulator.market import Market
from pricectl.simulator.server import Entry, Simulator

__all__ = ["Entry", "Fault", "Market", "Match", "Simulator"]
