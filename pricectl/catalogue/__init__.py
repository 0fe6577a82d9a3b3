"""The assets: the list that comes with pricectl, and the user's own over it."""

from collections.abc import Callable, Iterable, Sequence

from pricectl.catalogue import own
from pricectl.catalogue.describe import described, differences, outside
from pricectl.catalogue.near import Near
from pricectl.catalogue.own import FACTS, Row, Rows
from pricectl.catalogue.shipped import COLUMNS, Shipped
from pricectl.catalogue.symbols import canonical, matching, shown
from pricectl.config import Settings
from pricectl.errors import NotFound, UsageError
from pricectl.model.asset import Asset, Series

__all__ = ["COLUMNS", "Catalogue", "canonical", "described", "shown"]


class Catalogue:
    """The assets of one home. Reading is lazy; every change is written at once and safely, or not at all.

    What changes raises Unwritable where the home cannot be written; with ``dry_run`` it checks and tells the
    same, and leaves the disk alone.
    """

    def __init__(self, settings: Settings, shipped: Shipped, rows: Rows) -> None:
        self._settings = settings
        self._shipped = shipped
        self._take(rows)

    def _take(self, rows: Rows) -> None:
        self._rows = rows
        self._near: Near | None = None
        self._own_series: dict[Series, str] | None = None

    @classmethod
    def load(cls, settings: Settings) -> "Catalogue":
        """The catalogue of the settings' home. Raises ConfigError for a damaged list, naming the line."""
        return cls(settings, Shipped.load(), own.load(settings.home))

    def find(self, asked: str) -> Asset:
        """The asset of a symbol in any case, or of a provider's own (``yahoo:NVDA``).

        A qualified symbol whose series is in the catalogue is that asset; any other stands for itself. Raises
        UsageError for what cannot be a symbol, NotFound (its hint names near misses) for an unknown one.
        """
        try:
            symbol = canonical(asked)
        except UsageError as error:
            hint = self._meant(asked) if len(asked) <= 40 and ".." not in asked else ""
            raise UsageError(str(error), hint or error.hint) from None
        provider, colon, provider_id = symbol.partition(":")
        if colon:
            return self._of_series(provider, provider_id) or outside(provider, provider_id)
        asset = self.get(symbol)
        if asset is None:
            hint = self._meant(symbol)
            raise NotFound(f"unknown symbol {symbol}", hint or "`pricectl assets search TEXT`, or yahoo:SYMBOL")
        return asset

    def get(self, symbol: str) -> Asset | None:
        """The asset of a canonical symbol, None if there is none."""
        under = self._shipped.get(symbol)
        row = self._rows.get(symbol)
        return under if row is None else row.over(symbol, under)

    def all(self, type_: str = "", active: bool | None = True) -> list[Asset]:
        """The assets by symbol: of one type or (empty) of all; ``active`` None gives also those switched off."""
        assets = dict(self._shipped.all())
        for symbol, row in self._rows.items():
            asset = row.over(symbol, assets.get(symbol))
            if asset is not None:
                assets[symbol] = asset
        return sorted(
            one for one in assets.values() if type_ in ("", one.type) and (active is None or one.active is active)
        )

    def followed(self) -> list[Asset]:
        """The active assets that ``refresh`` keeps up to date."""
        return [
            asset for symbol in sorted(self._rows) if (asset := self.get(symbol)) and asset.followed and asset.active
        ]

    def search(self, text: str) -> list[Asset]:
        """The assets, active or not, in which every word of ``text`` occurs; best first."""
        return matching(text, self.all(active=None))

    @property
    def orphans(self) -> list[str]:
        """Symbols that the user's list changes or follows, but that neither it nor the shipped list describes."""
        return [symbol for symbol in sorted(self._rows) if self.get(symbol) is None]

    def add(self, asset: Asset, *, replace: bool = False, dry_run: bool = False) -> bool:
        """Add ``asset`` and follow it; whether that changed anything.

        Raises UsageError when the symbol is taken by something different and ``replace`` is not given.
        """
        return self.add_all([asset], replace=replace, dry_run=dry_run)

    def add_all(self, assets: Iterable[Asset], *, replace: bool = False, dry_run: bool = False) -> bool:
        """Add and follow all of ``assets``, or none; otherwise as ``add``."""

        def edit(rows: Rows) -> None:
            for asset in assets:
                symbol, under = asset.symbol, self._shipped.get(asset.symbol)
                row = rows.get(symbol)
                known = row.over(symbol, under) if row else under
                if not replace and (different := known and differences(known, asset)):
                    raise UsageError(f"{symbol} is taken: {different}", "--replace changes it")
                facts = {name: getattr(asset, name) for name in FACTS}
                if under:
                    facts = {name: cell for name, cell in facts.items() if cell != getattr(under, name)}
                rows[symbol] = Row({name: cell for name, cell in facts.items() if cell}, None, True)

        return self._change(edit, dry_run)

    def remove(self, symbols: Sequence[str], *, dry_run: bool = False) -> bool:
        """Take the user's rows of ``symbols`` away, all or none: own assets go, shipped ones are as shipped.

        Raises NotFound for an unknown symbol, UsageError for one that only the shipped list has.
        """

        def edit(rows: Rows) -> None:
            for symbol in dict.fromkeys(map(self._known, symbols)):
                if symbol not in rows:
                    raise UsageError(
                        f"{symbol} is in the shipped list", f"`pricectl assets deactivate {symbol}` hides it"
                    )
                del rows[symbol]

        return self._change(edit, dry_run)

    def set_active(self, symbols: Sequence[str], active: bool, *, dry_run: bool = False) -> bool:
        """Switch assets on or off: those off are neither listed, nor in a batch of all, nor refreshed."""
        return self._switch(symbols, dry_run, lambda row: row._replace(active=active))

    def follow(self, symbols: Sequence[str], *, dry_run: bool = False) -> bool:
        """Have ``refresh`` keep ``symbols`` up to date; whether that changed anything."""
        return self._switch(symbols, dry_run, lambda row: row._replace(followed=True))

    def unfollow(self, symbols: Sequence[str], *, dry_run: bool = False) -> bool:
        """Have ``refresh`` leave ``symbols`` alone; whether that changed anything."""
        return self._switch(symbols, dry_run, lambda row: row._replace(followed=False))

    def _switch(self, symbols: Sequence[str], dry_run: bool, turn: Callable[[Row], Row]) -> bool:
        def edit(rows: Rows) -> None:
            for asked in symbols:
                symbol = self._known(asked)
                row = turn(rows.get(symbol, Row({})))
                # what says nothing that the shipped list does not say needs no row
                if row.facts or row.active is False or row.followed or not self._shipped.get(symbol):
                    rows[symbol] = row
                else:
                    rows.pop(symbol, None)

        return self._change(edit, dry_run)

    def _known(self, asked: str) -> str:
        symbol = canonical(asked)
        if symbol in self._rows and ":" not in symbol:
            return symbol  # also an orphan: it must be possible to be rid of it
        asset = self.find(asked)
        if ":" in asset.symbol:
            raise NotFound(f"{asset.symbol} is not in the catalogue", f"`pricectl add-asset {asset.symbol}` adds it")
        return asset.symbol

    def _change(self, edit: Callable[[Rows], None], dry_run: bool) -> bool:
        """Whether ``edit`` changes the list; tried first, so that a refusal or no change touches no file."""

        def fresh(rows: Rows) -> None:
            self._take(dict(rows))  # another process may have changed the list since it was read
            edit(rows)

        rows = own.change(self._settings, fresh, dry_run=True)
        changed = own.render(rows) != own.render(self._rows)
        if changed and not dry_run:
            self._take(own.change(self._settings, fresh))
        return changed

    def _meant(self, asked: str) -> str:
        if self._near is None:
            self._near = Near(self.all())
        near = self._near.to(asked)
        return f"did you mean {' or '.join(near)}?" if near else ""

    def _of_series(self, provider: str, provider_id: str) -> Asset | None:
        if self._own_series is None:
            found = [asset for symbol in self._rows if (asset := self.get(symbol))]
            self._own_series = {asset.series: asset.symbol for asset in found}
        symbol = self._own_series.get(Series(provider, provider_id))
        if symbol is not None:
            return self.get(symbol)
        under = self._shipped.of_series(provider, provider_id)
        return under if under and under.symbol not in self._rows else None
