"""The simulated market: which assets it lists, what they did, what they cost now."""

import datetime as dt
import threading
from collections.abc import Iterable, Sequence

from pricectl.model.asset import Asset, Series
from pricectl.model.bar import Action, Bar
from pricectl.model.instant import Clock
from pricectl.simulator.elsewhere import elsewhere
from pricectl.simulator.listing import Listing, listing
from pricectl.simulator.moment import Moment, moment
from pricectl.simulator.tape import ReplayTape, Tape, WalkTape

# What providers list beside the catalogue's assets: coin against coin, coins in dollars, and some pairs that stopped
# trading long ago.
_PAIRS = (
    ("ETHBTC", "BTC"), ("BNBBTC", "BTC"), ("LTCBTC", "BTC"), ("SOLBTC", "BTC"), ("BNBETH", "ETH"), ("DOGEEUR", "EUR"),
)  # fmt: skip
_DEAD = (("BCCBTC", "BTC"), ("HSRBTC", "BTC"), ("VENUSDT", "USDT"))
_COINS = (("BTC-USD", "Bitcoin USD"), ("ETH-USD", "Ethereum USD"), ("DOGE-USD", "Dogecoin USD"))


class Market:
    """A market that is the same for the same ``seed``, whatever is asked in whatever order.

    ``assets`` are those listed (default: the shipped catalogue); ``clock`` says what time it is. All methods may
    be called while the simulator serves. ``now_ms`` is milliseconds since the epoch, UTC.
    """

    def __init__(self, assets: Iterable[Asset] | None = None, *, seed: int = 1, clock: Clock | None = None) -> None:
        self.seed = seed
        self.clock = clock or Clock()
        self._given = assets
        self._lock = threading.RLock()
        self._assets: dict[Series, Asset] = {}
        self._loaded = False
        self._tapes: dict[Series, Tape] = {}
        self._halted: set[Series] = set()
        self._like: dict[Series, Asset] = {}  # series that move as an asset of another provider does
        self._pinned: dict[Series, float] = {}

    def now_ms(self) -> int:
        return self.clock.now_ms()

    def assets(self, provider: str) -> list[Asset]:
        """The assets that a provider lists, halted ones too, in its own order."""
        self._load()
        with self._lock:
            return [asset for asset in self._assets.values() if asset.provider == provider]

    def tape(self, provider: str, provider_id: str) -> Tape | None:
        """What ``provider_id`` did and will do; None if the provider does not know it."""
        series = Series(provider, provider_id)
        tape = self._tapes.get(series)
        if tape is None:
            self._load()
            with self._lock:
                asset = self._assets.get(series)
                if asset is not None:
                    tape = self._tapes.setdefault(series, WalkTape(self._listing(asset)))
        return tape

    def _listing(self, asset: Asset) -> Listing:
        return listing(self._like.get(asset.series, asset), self.seed)._replace(asset=asset)

    def moment(self, tape: Tape, now_ms: int) -> Moment | None:
        """The tape as it stands at ``now_ms``."""
        return moment(tape, now_ms, self._pinned.get(tape.asset.series))

    def halted(self, series: Series) -> bool:
        """Whether the provider still names the series but no longer trades it."""
        return series in self._halted

    def pinned(self, series: Series) -> float | None:
        """The price of the last trade where it was set by hand."""
        return self._pinned.get(series)

    def add(self, asset: Asset) -> None:
        """From now on the market knows ``asset``, or knows it anew."""
        self._load()
        with self._lock:
            self._forget(asset.series)
            self._assets[asset.series] = asset

    def remove(self, provider: str, provider_id: str) -> None:
        """From now on the provider does not know ``provider_id``."""
        self._load()
        with self._lock:
            self._forget(Series(provider, provider_id))

    def halt(self, provider: str, provider_id: str) -> None:
        """From now on ``provider_id`` is dead: named by the provider, with no price."""
        self._load()
        self._halted.add(Series(provider, provider_id))

    def pin(self, provider: str, provider_id: str, price: float | None) -> None:
        """From now on the last trade was just now, at ``price`` as traded; None lets the price go again."""
        with self._lock:
            if price is None:
                self._pinned.pop(Series(provider, provider_id), None)
            else:
                self._pinned[Series(provider, provider_id)] = price

    def act(
        self, provider: str, provider_id: str, actions: Iterable[Action] = (), blanks: Iterable[dt.date] = ()
    ) -> None:
        """More actions on a seeded series (values as traded), and days whose row the provider has lost."""
        tape = self.tape(provider, provider_id)
        if not isinstance(tape, WalkTape):
            raise ValueError(f"{provider}:{provider_id} is not a seeded series of this market")
        tape.add(actions, blanks)

    def replay(
        self,
        provider: str,
        provider_id: str,
        bars: Iterable[Bar],
        actions: Sequence[Action] = (),
        *,
        adjusted: bool = False,
        asset: Asset | None = None,
    ) -> None:
        """Serve exactly these bars and actions under ``provider_id`` from now on, and no other sessions.

        Prices are as traded; with ``adjusted`` they are on the scale after all given splits (volumes too) and are
        turned back first. A bar whose close is NaN is served as a row of nulls. ``asset`` is needed where the
        market does not list the series yet: its currency and exchange decide the stamps.
        """
        self._load()
        series = Series(provider, provider_id)
        with self._lock:
            known = asset or self._assets.get(series)
            if known is None:
                raise ValueError(f"the market does not list {series}: say what it is with asset=")
            splits = [action for action in actions if action.kind == "split"] if adjusted else []
            tape = ReplayTape(known, [_turned_back(bar, splits) for bar in bars], actions)
            self._forget(series)
            self._assets[series] = known
            self._tapes[series] = tape

    def _forget(self, series: Series) -> None:
        for known in (self._assets, self._tapes, self._pinned):
            known.pop(series, None)
        self._halted.discard(series)

    def _load(self) -> None:
        with self._lock:
            if self._loaded:
                return
            assets = _shipped() if self._given is None else self._given
            self._assets = {asset.series: asset for asset in assets}
            if self._given is None:
                for asset in _beside():
                    self._assets.setdefault(asset.series, asset)
                for own in list(self._assets.values()):
                    for asset, alike in elsewhere(own):
                        self._assets.setdefault(asset.series, asset)
                        if alike:
                            self._like.setdefault(asset.series, own)
                self._halted |= {Series("binance", pair) for pair, _ in _DEAD}
            self._halted |= {series for series, asset in self._assets.items() if not asset.active}
            self._loaded = True


def _turned_back(bar: Bar, splits: Sequence[Action]) -> Bar:
    factor = 1.0
    for split in splits:
        if bar.date < split.ex_date:
            factor *= split.value
    if factor == 1.0:
        return bar
    volume = None if bar.volume is None else bar.volume / factor
    return Bar(bar.date, bar.open * factor, bar.high * factor, bar.low * factor, bar.close * factor, volume)


def _beside() -> Iterable[Asset]:
    for pair, quote in _PAIRS + _DEAD:
        yield Asset(pair, pair, "crypto", "Pair", pair, "binance", pair, quote, "BINANCE")
    for coin, name in _COINS:
        yield Asset(coin, name, "crypto", "Coin", coin, "yahoo", coin, "USD", "CCC")


def _shipped() -> Iterable[Asset]:
    from pricectl.catalogue.shipped import Shipped

    return Shipped.load().all().values()
