"""Weeks and months whose ex-date became known, or was moved, after they were rolled up: their days are asked for again.

The days are stored beside the piece and wait there; the roll-up that follows takes all of them in its place, cut at the
ex-date, in its one commit. Until then ``history`` says that it is not complete there.
"""

from typing import TYPE_CHECKING

from pricectl.engine.gaps import merge
from pricectl.engine.intake import Intake
from pricectl.errors import NotFound, UsageError

if TYPE_CHECKING:
    from pricectl.engine import Engine

_JOIN_DAYS = 1000


def mend(engine: "Engine") -> None:
    """Ask the providers for the days of all torn weeks and months, and store them. Where one does not answer, or
    nobody may be asked, the piece stays as it is, which is warned of. Raises StoreError."""
    for series, spans in engine.store.torn().items():
        try:
            asset = engine.catalogue.find(str(series))
        except (NotFound, UsageError) as error:
            engine.warn(f"{series}: split or paid within stored weeks or months, and nobody can be asked ({error})")
            continue
        for span in merge(spans, _JOIN_DAYS):
            intake = Intake(engine, asset)
            intake.fill(span, None, engine.clock.now_ms(), offline=False, refresh=True)
            if intake.failure is not None:
                engine.warn(f"{asset.symbol}: stored weeks or months stay as they are ({intake.failure})")
                break
