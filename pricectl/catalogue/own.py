"""The user's own list: ``assets.csv`` in the home, the same columns as the shipped list and two more.

A blank cell in the row of a shipped symbol means the shipped value, so a correction that comes with an upgrade
reaches the user too. Written as a whole beside itself, fsynced and renamed, under a lock: a reader sees the old
list or the new one, and two writers lose nothing.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from pricectl.catalogue.shipped import COLUMNS
from pricectl.catalogue.symbols import listed_chain, shown, spelling
from pricectl.config import PROVIDERS, Settings, ensure_home
from pricectl.errors import ConfigError, PricectlError, Unwritable
from pricectl.home import Home
from pricectl.model.asset import TYPES, Asset

OWN_COLUMNS = (*COLUMNS, "active", "followed")
FACTS = COLUMNS[1:]
_LOCK = "assets.lock"
_YES, _NO = "yes", "no"


class Row(NamedTuple):
    """What the user says of one symbol: ``facts`` that are not blank, and the two switches where they are set."""

    facts: dict[str, str]
    active: bool | None = None
    followed: bool | None = None

    def over(self, symbol: str, under: Asset | None) -> Asset | None:
        """The asset that results over the shipped one; None if too little is known of it.

        That happens to a row that only followed a shipped symbol, after an upgrade that no longer has it.
        """
        if under is None:
            if not {"type", "provider", "provider_id"} <= self.facts.keys():
                return None
            under = Asset(symbol, symbol, "", self.facts["type"], symbol, "", "", "", "")
        if "fallbacks" not in self.facts and any(
            self.facts.get(name, getattr(under, name)) != getattr(under, name) for name in ("provider", "provider_id")
        ):
            under = under._replace(fallbacks="")  # they stand in for the shipped series, not for this one
        return under._replace(
            **self.facts,
            active=under.active if self.active is None else self.active,
            followed=bool(self.followed),
            own=bool(self.facts),
        )


Rows = dict[str, Row]


def load(home: Home) -> Rows:
    """The user's rows by symbol; none if there is no list. Raises ConfigError naming the line that is wrong."""
    try:
        with open(home.assets, encoding="utf-8-sig", newline="") as file:
            return parse(file.read(), home.assets)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"cannot read {home.assets}: {error.strerror}", "check its owner and mode") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read {home.assets}: {error}", "mend the file, or move it away") from error


def parse(text: str, where: str) -> Rows:
    """The rows of the text of a list. Raises ConfigError naming ``where`` and the line."""
    import csv
    import io

    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: Rows = {}
    try:
        columns = [cell.strip().lower() for cell in next(reader, ["symbol"])]
        _check_columns(columns)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) > len(columns):
                raise ValueError(f"{len(cells)} cells under {len(columns)} columns")
            said = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if cell.strip()}
            symbol = spelling(said.pop("symbol", ""))
            if symbol in rows:
                raise ValueError(f"{symbol} stands there twice")
            rows[symbol] = _row(said)
    except (ValueError, csv.Error, PricectlError) as error:
        raise ConfigError(
            f"{where}, line {max(1, reader.line_num)}: {error}", "mend the line, or move the file away"
        ) from error
    return rows


def _check_columns(columns: list[str]) -> None:
    unknown = [name for name in columns if name not in OWN_COLUMNS]
    if unknown or "symbol" not in columns or len(set(columns)) < len(columns):
        what = f"unknown column {shown(unknown[0])}" if unknown else "the columns are not named, or twice"
        raise ValueError(f"{what}; they are {','.join(OWN_COLUMNS)}")


def _row(said: dict[str, str]) -> Row:
    switches = [_switch(name, said.pop(name, "")) for name in ("active", "followed")]
    for name, allowed in (("type", TYPES), ("provider", PROVIDERS)):
        if said.get(name, allowed[0]) not in allowed:
            raise ValueError(f"{shown(said[name])} is not a {name}; one of {', '.join(allowed)}")
    for name, cell in said.items():
        if not cell.isprintable():
            raise ValueError(f"unprintable characters in {name}: {shown(cell)}")
    if "provider_id" in said:
        spelling(said["provider_id"])
    if "fallbacks" in said:
        said["fallbacks"] = listed_chain(said["fallbacks"])
    return Row(said, *switches)


def _switch(name: str, cell: str) -> bool | None:
    meanings = {"": None, _YES: True, _NO: False}
    if cell.lower() not in meanings:
        raise ValueError(f"{name} is {_YES}, {_NO} or blank, not {shown(cell)}")
    return meanings[cell.lower()]


def render(rows: Rows) -> str:
    """The text of a list, sorted by symbol."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(OWN_COLUMNS)
    words = {None: "", True: _YES, False: _NO}
    for symbol, row in sorted(rows.items()):
        facts = [row.facts.get(name, "") for name in FACTS]
        writer.writerow([symbol, *facts, words[row.active], words[row.followed]])
    return out.getvalue()


def change(settings: Settings, edit: Callable[[Rows], None], *, dry_run: bool = False) -> Rows:
    """The rows after ``edit`` of the newest ones, safely on disk. ``dry_run`` leaves the disk alone.

    Raises Unwritable, ConfigError for a list that cannot be read, and what ``edit`` raises: then nothing changes.
    """
    if dry_run:
        rows = load(settings.home)
        edit(rows)
        return rows
    if settings.read_only:
        raise Unwritable("read_only is set: the list of assets may not be changed", "unset read_only")
    try:
        ensure_home(settings)
        return _locked(settings, edit)
    except OSError as error:
        what = f"cannot write {settings.home.assets}: {error.strerror or error}"
        raise Unwritable(what, "check the folder's owner, its mode and the space left") from error


def _locked(settings: Settings, edit: Callable[[Rows], None]) -> Rows:
    import fcntl

    lock = os.open(os.path.join(settings.home.state, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # held for milliseconds, so waiting is right
        rows = load(settings.home)
        before = render(rows)
        edit(rows)
        text = render(rows)
        if text != before:
            mode = 0o640 if settings["home.group"] else 0o600
            _replace(os.path.realpath(settings.home.assets), text.encode(), mode)
        return rows
    finally:
        os.close(lock)


def _replace(path: str, content: bytes, mode: int) -> None:
    folder = os.path.dirname(path)
    beside = os.path.join(folder, ".assets.csv.new")  # one name: what a crash left is overwritten next time
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with open(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        os.unlink(beside)
        raise
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
