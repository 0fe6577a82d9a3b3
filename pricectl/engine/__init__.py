"""What happens: the verbs over three tiers. An Engine opens each tier when it is first needed."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from pricectl.config import Settings
from pricectl.model.asset import Asset
from pricectl.model.instant import Clock

if TYPE_CHECKING:
    from pricectl.cache.hot import Cache
    from pricectl.catalogue import Catalogue
    from pricectl.sessions import Calendar
    from pricectl.state import Ledger
    from pricectl.store import Store


class Engine:
    """The tiers of one home. ``warn`` takes one line for the person at the terminal (standard error); ``requests``
    counts what was sent to each provider."""

    def __init__(self, settings: Settings, clock: Clock, warn: Callable[[str], None]) -> None:
        self.settings = settings
        self.clock = clock
        self.warn = warn
        self.requests: dict[str, int] = {}

    @cached_property
    def catalogue(self) -> "Catalogue":
        from pricectl.catalogue import Catalogue

        return Catalogue.load(self.settings)

    @cached_property
    def cache(self) -> "Cache":
        from pricectl.cache.hot import Cache

        return Cache(self.settings, self.clock, self.warn)

    @cached_property
    def store(self) -> "Store":
        from pricectl.store import Store

        return Store(
            self.settings.home,
            self.clock,
            read_only=self.settings.read_only,
            group=self.settings["home.group"],
        )

    @cached_property
    def ledger(self) -> "Ledger":
        from pricectl.state import Ledger

        return Ledger(self.settings, self.clock)

    def calendar(self, asset: Asset) -> "Calendar":
        """The hours of the asset's exchange."""
        from pricectl.sessions import calendar_of

        return calendar_of(asset)
