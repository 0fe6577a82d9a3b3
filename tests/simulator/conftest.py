import pytest

from loopback import Standing
from pricectl.simulator import Market, Simulator


@pytest.fixture
def clock():
    """Tuesday, 24 November 2026, 16:00 in New York's morning-to-afternoon: 11:00 there, every market named is known."""
    return Standing("2026-11-24T16:00:00")


@pytest.fixture
def market(clock):
    return Market(clock=clock)


@pytest.fixture
def simulator(market):
    with Simulator(market) as running:
        yield running
