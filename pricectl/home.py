"""The home folder and the files that come with pricectl. On the way of a cached answer: imports next to nothing
(``typing`` alone is 8 ms, two thirds of bare Python)."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ENV = "PRICECTL_"
# The providers, each with its usual base address. A new one is its module in providers/ and its line here.
PROVIDERS = {
    "binance": "https://data-api.binance.vision",
    "yahoo": "https://query2.finance.yahoo.com",
    "kraken": "https://api.kraken.com",
    "coinbase": "https://api.exchange.coinbase.com",
    "frankfurter": "https://api.frankfurter.dev",
    "ecb": "https://data-api.ecb.europa.eu",
    "tiingo": "https://api.tiingo.com",
}
KEYED = ("tiingo",)  # those that answer only who shows a key
# Variables that leave a cached answer as it is: the front door need not step aside for them.
HARMLESS_ENV = (
    "PRICECTL_HOME",
    *(f"PRICECTL_{name.upper()}_URL" for name in PROVIDERS),
    *(f"PRICECTL_{name.upper()}_TOKEN{end}" for name in KEYED for end in ("", "_FILE", "_NEXT")),
)


class Home:
    """The folder that holds everything, and the names in it. All are text paths; nothing is created here."""

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        self.root = root

    @property
    def config(self) -> str:
        return os.path.join(self.root, "config.toml")

    @property
    def assets(self) -> str:
        return os.path.join(self.root, "assets.csv")

    @property
    def cache(self) -> str:
        return os.path.join(self.root, "cache")

    @property
    def store(self) -> str:
        return os.path.join(self.root, "store")

    @property
    def state(self) -> str:
        return os.path.join(self.root, "state")

    @property
    def hits(self) -> str:
        """The file in which the front door counts its answers, one byte each."""
        return os.path.join(self.root, "state", "hits")


def home_dir(flag: str | None, env: Mapping[str, str]) -> str:
    """The home: the flag, ``PRICECTL_HOME``, or the platform's per-user data folder."""
    chosen = flag or env.get("PRICECTL_HOME")
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    base = os.path.expanduser("~")
    if sys.platform == "darwin":
        return os.path.join(base, "Library", "Application Support", "pricectl")
    data = env.get("XDG_DATA_HOME", "")
    return os.path.join(data if os.path.isabs(data) else os.path.join(base, ".local", "share"), "pricectl")


def shipped(name: str) -> str:
    """The path of a data file that comes with pricectl: in the installed package, or beside it in a checkout."""
    package = os.path.dirname(os.path.abspath(__file__))
    inside = os.path.join(package, "data", name)
    return inside if os.path.exists(inside) else os.path.join(os.path.dirname(package), "data", name)
