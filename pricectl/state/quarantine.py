"""What was kept aside instead of stored, and what was decided about it: ``state/quarantine.jsonl``.

Lines are only ever added, each by one ``write`` to a file opened for appending, so processes never mix theirs: a line
that keeps bars aside, later perhaps one that decides about them. What cannot be read back is counted and passed over.
"""

import datetime as dt
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pricectl.errors import NotFound, Unwritable
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.bar import Bar
from pricectl.model.instant import iso

RELEASED, REJECTED, REPLACED = "released", "rejected", "replaced"  # the last: another price of that day came
_ID_LENGTH = 10


class Aside(NamedTuple):
    """One bar that was kept aside at ``at`` (ISO, UTC), as traded. ``why`` in a word or two; ``stored`` the bar that
    it contradicts (None: nothing is stored of that day). ``may_settle``: the provider can still confirm it.
    ``decision`` is empty while it waits, otherwise one of the words above; ``by`` is then ``person`` or the provider.
    """

    id: str
    at: str
    series: Series
    why: str
    bar: Bar
    stored: Bar | None
    currency: str
    may_settle: bool
    decision: str = ""
    by: str = ""


class Quarantine:
    """The bars kept aside in one home. ``damaged`` counts the lines that the last reading passed over."""

    def __init__(self, home: Home) -> None:
        self._folder = home.state
        self.path = os.path.join(home.state, "quarantine.jsonl")
        self.damaged = 0

    def append(
        self,
        series: Series,
        why: str,
        bars: Sequence[Bar],
        at_ms: int,
        stored: Iterable[Bar] = (),
        currency: str = "",
        may_settle: bool = False,
        decision: str = "",
    ) -> None:
        """Keep ``bars`` aside, with what is stored of their days. ``decision``: that nothing is left to decide.
        Raises Unwritable."""
        days = {bar.date for bar in bars}
        entry: dict[str, Any] = {
            "at": iso(at_ms),
            "series": str(series),
            "why": why,
            "stored": [_listed(bar) for bar in stored if bar.date in days],
            "fetched": [_listed(bar) for bar in bars],
            "currency": currency,
            "settles": may_settle,
        }
        if decision:
            entry["decision"] = decision
        self._add(entry)

    def listed(self, series: Series | None = None, *, decided: bool = False) -> list[Aside]:
        """The bars that wait for a decision, of ``series`` or of all, by series and day; of a day the last one said.
        ``decided``: those about which it has been decided too."""
        found: dict[tuple[Series, dt.date, str], Aside] = {}
        waiting: dict[tuple[Series, dt.date], Aside] = {}
        for entry in self._entries(series):
            for one in entry if isinstance(entry, list) else self._decided(entry, found):
                key = (one.series, one.bar.date)
                found[(*key, one.id)] = one
                if not one.decision:
                    waiting[key] = one
                elif key in waiting and waiting[key].id == one.id:
                    del waiting[key]
        chosen = found.values() if decided else waiting.values()
        return sorted(chosen, key=lambda one: (one.series, one.bar.date, one.at))

    def named(self, ids: Iterable[str]) -> list[Aside]:
        """What waits under ``ids``: an id stands for all its days, ``id:2026-11-20`` for one. Raises NotFound."""
        waiting = self.listed()
        chosen: list[Aside] = []
        for one in dict.fromkeys(ids):
            name, _, day = one.partition(":")
            fitting = [aside for aside in waiting if aside.id == name and day in ("", aside.bar.date.isoformat())]
            if not fitting:
                raise NotFound(f"nothing is kept aside as {one!r}", "`pricectl doctor` lists what is")
            chosen += [aside for aside in fitting if aside not in chosen]
        return chosen

    def decide(self, asides: Iterable[Aside], decision: str, at_ms: int, by: str = "person") -> None:
        """Add the lines that say ``decision`` of ``asides``, and whose it was. Raises Unwritable."""
        days: dict[tuple[Series, str], list[str]] = {}
        for one in asides:
            days.setdefault((one.series, one.id), []).append(one.bar.date.isoformat())
        for (series, name), own in days.items():
            said = {"at": iso(at_ms), "series": str(series), "id": name, "decision": decision, "days": own, "by": by}
            self._add(said)

    def _decided(self, said: Mapping[str, Any], found: Mapping[tuple[Series, dt.date, str], Aside]) -> list[Aside]:
        return [
            one._replace(decision=said["decision"], by=said["by"])
            for one in found.values()
            if one.id == said["id"] and one.bar.date.isoformat() in said["days"]
        ]

    def _entries(self, series: Series | None) -> Iterable[list[Aside] | dict[str, Any]]:
        self.damaged = 0
        try:
            with open(self.path, "rb") as file:
                lines = file.read().split(b"\n")
        except OSError:
            return
        import json

        sought = json.dumps(str(series)).encode() if series else b""
        for line in lines:
            if not line or sought not in line:
                continue
            try:
                entry = _entry(line)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                self.damaged += 1
                continue
            if series is None or not isinstance(entry, list) or any(one.series == series for one in entry):
                yield entry

    def _add(self, entry: Mapping[str, Any]) -> None:
        import json

        line = json.dumps(entry).encode() + b"\n"
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                if os.stat(self._folder).st_mode & stat.S_IRGRP and os.fstat(fd).st_uid == os.geteuid():
                    os.fchmod(fd, 0o640)
                size = os.fstat(fd).st_size
                # What a full disk cut short must not swallow the next line too.
                torn = size and os.pread(fd, 1, size - 1) != b"\n"
                os.write(fd, b"\n" + line if torn else line)
            finally:
                os.close(fd)
        except OSError as error:
            what = f"cannot write {self.path}: {error.strerror or error}"
            raise Unwritable(what, "check the folder's owner, mode and space") from error


def _listed(bar: Bar) -> list[object]:
    # NaN is no JSON; a bar with one was rejected, and nobody computes with it again.
    return [bar.date.isoformat(), *(None if value != value else value for value in bar[1:])]


def _entry(line: bytes) -> list[Aside] | dict[str, Any]:
    """The bars of a line, or what it decides."""
    import hashlib
    import json

    said = json.loads(line)
    if "fetched" not in said:
        days = [dt.date.fromisoformat(day).isoformat() for day in said["days"]]
        return {"id": str(said["id"]), "decision": str(said["decision"]), "days": days, "by": str(said["by"])}
    name = hashlib.sha256(line).hexdigest()[:_ID_LENGTH]
    provider, _, provider_id = said["series"].partition(":")
    stored = {bar.date: bar for bar in map(_bar, said["stored"])}
    facts = (str(said.get("currency", "")), bool(said.get("settles")), str(said.get("decision", "")))
    series, why = Series(provider, provider_id), str(said["why"])
    bars = map(_bar, said["fetched"])
    return [Aside(name, str(said["at"]), series, why, bar, stored.get(bar.date), *facts) for bar in bars]


def _bar(said: list[Any]) -> Bar:
    day, *prices, volume, flags = said
    open_, high, low, close = (float("nan") if value is None else float(value) for value in prices)
    amount = None if volume is None else float(volume)
    return Bar(dt.date.fromisoformat(day), open_, high, low, close, amount, int(flags))
