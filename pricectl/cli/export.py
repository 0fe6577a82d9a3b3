"""``pricectl export``: stored bars into a file, a folder of files, or a pipe."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Annotated, Any, Literal, Protocol, cast

import typer

from pricectl.cli.options import Context, common
from pricectl.engine import outgoing
from pricectl.engine.ranges import RANGES, Wish, read_wish
from pricectl.errors import NotFresh, UsageError
from pricectl.model.asset import TYPES, Asset
from pricectl.output import csv, json, terminal
from pricectl.output.stream import OutputFailed, Raw
from pricectl.store import files

PARTIAL = 3
STDOUT = "-"
# The person's: a folder that is not there, or that may not be written. Others are the disk's.
_USAGE = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EROFS, errno.ENAMETOOLONG, errno.EISDIR)


class Writer(Protocol):
    def add(self, rows: Sequence[files.Row]) -> None: ...
    def close(self) -> None: ...


@common(asks=False)
def export(
    context: Context,
    symbols: Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL...]")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", metavar="T", help=f"All of this type: {', '.join(TYPES)}.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of which bars are stored.")] = False,
    followed: Annotated[bool, typer.Option("--followed", help="Those that refresh keeps up to date.")] = False,
    into: Annotated[
        str, typer.Option("--into", metavar="FILE", help="Where to: a file, a folder (--partition-by), or - (stdout).")
    ] = STDOUT,
    format_: Annotated[
        Literal["csv", "parquet", "arrow", "jsonl"] | None,
        typer.Option("--format", help="Where the file's ending does not say it.", show_default=False),
    ] = None,
    range_: Annotated[
        str | None, typer.Option("--range", metavar="RANGE", help=f"{' '.join(RANGES)}; all by default.")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, YYYY-MM-DD.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day, inclusive.")] = None,
    interval: Annotated[
        Literal["auto", "1d", "1wk", "1mo"],
        typer.Option("--interval", help="auto: days, then weeks, then months as the past recedes."),
    ] = "1d",
    adjust: Annotated[
        Literal["none", "split", "all"],
        typer.Option("--adjust", help="As traded, for splits, or for dividends too."),
    ] = "split",
    partition_by: Annotated[
        str | None,
        typer.Option("--partition-by", metavar="KEYS", help=f"A folder of Parquet: {','.join(files.PARTITIONS)}."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Replace the file without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
) -> int:
    """Write stored bars to a file, a folder or stdout: CSV, JSON Lines, Parquet, Arrow IPC.

    \b
      pricectl export AAPL BTC --into bars.csv
      pricectl export --all --adjust none --into bars.parquet
      pricectl export --type stock --range 5y --partition-by year --into bars
      pricectl export AAPL --interval 1mo --format arrow > aapl.arrow

    Only what is stored: `pricectl history SYMBOL --range 10y` fetches more. Prices are adjusted for splits up to today;
    the column adjusted says how. The file appears whole or not at all.

    Exit codes: 3 nothing is stored of some of the symbols, 6 of all of them; 2 the file is there and not --yes.
    """
    if type_ is not None and type_ not in TYPES:
        raise UsageError(f"{type_!r} is no type of asset", f"one of: {', '.join(TYPES)}")
    if sum((bool(symbols), type_ is not None, everything, followed)) != 1:
        raise UsageError("which assets?", "give symbols, or one of --type, --all, --followed")
    keys = _keys(partition_by, into, format_)
    chosen_format = _format(context, into, format_, keys)
    assets = outgoing.chosen(context.engine, symbols or (), type_, followed)
    wanted = outgoing.Wanted(_wish(range_, first, last), interval, adjust)
    job = _Job(context, wanted, bool(symbols))
    if dry_run:
        job.run(assets, _Nowhere())
    else:
        if into != STDOUT and not _may_write(context, into, yes, bool(keys)):
            context.note("nothing was exported")
            return 0
        with _target(into, chosen_format, keys) as writer:
            job.run(assets, writer)
    job.tell(into, chosen_format, dry_run)
    return PARTIAL if job.lacking else 0


class _Job:
    """One export: what was written, and of which symbols nothing is stored."""

    def __init__(self, context: Context, wanted: outgoing.Wanted, named: bool) -> None:
        self._context, self._wanted, self._named = context, wanted, named
        self.lacking: list[str] = []
        self._bars = 0
        self._assets = 0

    def run(self, assets: Sequence[Asset], writer: Writer) -> None:
        coarse = []
        with self._context.progress("exporting", len(assets)) as progress:
            for part in outgoing.parts(self._context.engine, assets, self._wanted):
                if part.rows:
                    writer.add(_rows(part, self._wanted.adjust))
                    self._bars += len(part.rows)
                    self._assets += 1
                elif self._named:
                    self.lacking.append(part.asset.symbol)
                if part.before is not None:
                    coarse.append(part)
                progress.step()
            if self.lacking and not self._bars:
                names = ", ".join(self.lacking[:5]) + (", ..." if len(self.lacking) > 5 else "")
                raise NotFresh(f"nothing is stored of {names} for these days", "`pricectl history SYMBOL` fetches it")
            writer.close()
        for symbol in self.lacking:
            self._context.warn(f"nothing is stored of {symbol} for these days")
        if coarse:
            part = max(coarse, key=lambda one: (one.before, one.asset.symbol))
            others = f" and {len(coarse) - 1} more assets" if len(coarse) > 1 else ""
            self._context.warn(
                f"{part.asset.symbol}{others}: what is older than {part.before} is stored in weeks or months only",
                "--interval auto exports it too",
            )

    def tell(self, into: str, format_: str, dry_run: bool) -> None:
        """What was done, for a person on stderr, for a script as a record on stdout, unless the bars are there."""
        where = "standard output" if into == STDOUT else into
        done = "would write" if dry_run else "wrote"
        bars = f"{self._bars} bar{'' if self._bars == 1 else 's'} of {self._assets} asset"
        self._context.note(f"{done} {bars}{'' if self._assets == 1 else 's'} to {where}")
        if (into != STDOUT or dry_run) and self._context.output != "table":
            self._context.show_record(
                json.with_version(
                    {
                        "file": into,
                        "format": format_,
                        "assets": self._assets,
                        "bars": self._bars,
                        "interval": self._wanted.interval,
                        "adjusted": self._wanted.adjust,
                        "dryRun": dry_run,
                    }
                )
            )


def _wish(range_: str | None, first: str | None, last: str | None) -> Wish:
    return read_wish(range_ if range_ or first else "all", first, last)


def _keys(partition_by: str | None, into: str, format_: str | None) -> list[str]:
    if partition_by is None:
        return []
    keys = [key.strip() for key in partition_by.split(",")]
    for key in keys:
        if key not in files.PARTITIONS or keys.count(key) > 1:
            raise UsageError(f"--partition-by {partition_by}", f"any of {','.join(files.PARTITIONS)}, each once")
    if into == STDOUT or format_ not in (None, "parquet"):
        raise UsageError("--partition-by makes a folder of Parquet files", "name the folder with --into")
    return keys


def _format(context: Context, into: str, format_: str | None, keys: Sequence[str]) -> str:
    if keys:
        return "parquet"
    if into != STDOUT:
        found = format_ or files.format_of(into)
        if not found:
            raise UsageError(f"{into} may become anything", "say --format csv|parquet|arrow|jsonl")
        return found
    shown = "" if context.output == "table" else context.output
    if shown and format_ and shown != format_:
        raise UsageError(f"--format {format_} and -o {shown} exclude each other", "give one of the two")
    chosen = format_ or shown or "csv"
    if chosen in ("parquet", "arrow") and terminal.is_terminal(sys.stdout):
        raise UsageError(f"{chosen} is not for a terminal", "name a file with --into, or pipe it on")
    return chosen


def _may_write(context: Context, into: str, yes: bool, folder: bool) -> bool:
    """Whether to go on, asked where a file would be lost. Raises UsageError."""
    if folder:
        if os.path.lexists(into) and not (os.path.isdir(into) and not os.listdir(into)):
            raise UsageError(f"{into} is there already, and not an empty folder", "choose another, or empty it")
        return True
    if not os.path.lexists(into):
        return True
    if os.path.isdir(into):
        raise UsageError(f"{into} is a folder", "name a file, or say --partition-by")
    if not os.path.isfile(into):
        raise UsageError(f"{into} is no plain file", "leave --into out, and redirect stdout there")
    return context.confirm(f"Replace {into}?", yes)


@contextlib.contextmanager
def _target(into: str, format_: str, keys: Sequence[str]) -> Iterator[Writer]:
    """Where the rows go. What is written there stays only if the block ends well."""
    if into == STDOUT:
        yield _writer(cast("IO[bytes]", Raw()), format_)
        return
    try:
        if keys:
            with files.appearing_folder(into) as folder:
                yield files.Partitioned(folder, keys)
        else:
            # What _may_write found may be replaced; what comes to be meanwhile may not.
            with files.appearing(os.path.realpath(into), os.path.lexists(into)) as file:
                yield _writer(file, format_)
    except FileExistsError as error:
        raise UsageError(f"{into} has come to be meanwhile", "choose another name, or give --yes") from error
    except OSError as error:
        kind = UsageError if error.errno in _USAGE else OutputFailed
        raise kind(f"cannot write {into}: {error.strerror or error}", "nothing of it was kept; look there") from error


def _writer(file: IO[bytes], format_: str) -> Writer:
    if format_ in ("parquet", "arrow"):
        return files.Writer(file, format_)
    kinds: dict[str, Callable[[IO[bytes]], Writer]] = {"csv": _Csv, "jsonl": _JsonLines, "json": _Json}
    return kinds[format_](file)


def _rows(part: outgoing.Part, adjust: str) -> list[files.Row]:
    asset = part.asset
    lead = (asset.symbol, asset.provider, asset.provider_id, part.currency)
    return [
        (*lead, row.date, row.interval, row.open, row.high, row.low, row.close, row.volume, adjust) for row in part.rows
    ]


class _Nowhere:
    def add(self, rows: Sequence[files.Row]) -> None:
        pass

    def close(self) -> None:
        pass


class _Csv:
    """The header and one line a row. Text is neutralised as everywhere; a number is what reads back as the same."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._begun = False

    def add(self, rows: Sequence[files.Row]) -> None:
        self._begin()
        # The text cells are the same all through an asset: cleaned once, which is half of the time.
        lead = csv.line(rows[0][:4])[:-1]
        lines = [f"{lead},{row[4]},{row[5]},{','.join(map(_digits, row[6:11]))},{row[11]}\n" for row in rows]
        self._file.write("".join(lines).encode())

    def close(self) -> None:
        self._begin()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._file.write(csv.line(files.NAMES).encode())


def _digits(number: float | None) -> str:
    return "" if number is None else repr(number)


def _record(row: files.Row) -> dict[str, Any]:
    return {name: str(cell) if name == "date" else cell for name, cell in zip(files.NAMES, row, strict=True)}


class _JsonLines:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, rows: Sequence[files.Row]) -> None:
        self._file.write("".join(json.lines(map(_record, rows))).encode())

    def close(self) -> None:
        pass


class _Json:
    """One object whose ``bars`` are the rows, in the layout of ``json.document``, written as they come."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._count = 0

    def add(self, rows: Sequence[files.Row]) -> None:
        lead = ",\n    " if self._count else '{\n  "bars": [\n    '
        self._file.write((lead + ",\n    ".join(json.record(_record(row)) for row in rows)).encode())
        self._count += len(rows)

    def close(self) -> None:
        if self._count:
            rest = json.document({"count": self._count})
            self._file.write(("\n  ],\n" + rest.partition("\n")[2]).encode())
        else:
            self._file.write(json.document({"bars": [], "count": 0}).encode())
