"""A CSV file of assets to be added: every row is good, or nothing is added and every bad row is named."""

import csv
import io
from collections.abc import Callable
from typing import NamedTuple

from pricectl.catalogue.describe import described, differences
from pricectl.catalogue.shipped import COLUMNS
from pricectl.catalogue.symbols import canonical, shown
from pricectl.errors import UsageError
from pricectl.model.asset import Asset

_LONGEST_FILE = 16 << 20


class Refused(NamedTuple):
    """A row that cannot be taken: its line in the file (the header is line 1), its symbol as it stands, and why."""

    line: int
    symbol: str
    reason: str


def read(
    path: str, known: Callable[[str], Asset | None], *, replace: bool = False
) -> tuple[list[Asset], list[Refused]]:
    """The assets of a CSV file, and the rows that were refused; ``replace`` also takes what contradicts ``known``.

    The first line names the columns: ``symbol`` and any other of the catalogue, in any order; what a row leaves
    out is as ``known`` says of its symbol, or inferred. Raises UsageError where the file cannot be read at all.
    """
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    taken: list[Asset] = []
    refused: list[Refused] = []
    lines: dict[str, int] = {}
    try:
        columns = _columns(next(reader, []), path)
        for cells in reader:
            if not any(map(str.strip, cells)):
                continue
            line, said = reader.line_num, dict(zip(columns, cells, strict=False))
            try:
                if len(cells) > len(columns):
                    raise UsageError(f"{len(cells)} cells under {len(columns)} columns")
                asset = _asset(said, known, replace)
                if lines.setdefault(asset.symbol, line) != line:
                    raise UsageError(f"{asset.symbol} stands on line {lines[asset.symbol]} already")
                taken.append(asset)
            except UsageError as error:
                refused.append(Refused(line, said.get("symbol", ""), str(error)))
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}", "write it as CSV, quotes doubled") from error
    return taken, refused


def _asset(said: dict[str, str], known: Callable[[str], Asset | None], replace: bool) -> Asset:
    under = known(canonical(said.get("symbol", "").strip()).rpartition(":")[2])
    asset = described(said, under)
    if not replace and (different := under and differences(under, asset)):
        raise UsageError(f"{asset.symbol} is taken: {different}")
    return asset


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start})", "save it as CSV UTF-8") from error
    if len(text) > _LONGEST_FILE:
        raise UsageError(f"{path} is longer than 16 MB", "split it")
    return text


def _columns(cells: list[str], path: str) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    for name in names:
        if name not in COLUMNS:
            raise UsageError(f"{path}: unknown column {shown(name)}", f"the columns are {','.join(COLUMNS)}")
    if "symbol" not in names or len(set(names)) < len(names):
        raise UsageError(f"{path}: the first line must name the columns, symbol among them, each once")
    return names
