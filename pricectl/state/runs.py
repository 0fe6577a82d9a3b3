"""The run log: what each unattended run did, one JSON line a run; and which assets are known to fail.

A line is one ``write`` to a file opened for appending, so processes never mix their lines, and at most 4 kB long. A
line that cannot be read back is counted and passed over. Read without importing anything heavy: ``status --check`` is
asked by monitors.
"""

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pricectl.errors import Unwritable
from pricectl.home import Home
from pricectl.state.notes import Note

KEPT = 5  # files: the one that grows and four before it
FULL = 16 << 20  # bytes of a file before the next is begun: at a line a minute, three weeks and more
LINE_MAX = 4096
SAID_MAX = 200  # characters of a message
_BLOCK = 1 << 16


class Failure(NamedTuple):
    """An asset that could not be refreshed, and why: ``code`` is the stable word of the error."""

    symbol: str
    code: str
    message: str


class Run(NamedTuple):
    """One run of ``command`` (refresh, aggregate, import, doctor). Instants are milliseconds since the epoch, UTC.

    ``assets`` were looked at; of their quotes so many were fetched, failed, or skipped because nothing was due.
    ``requests`` counts those sent, by provider. ``errors`` holds the first failures only, as far as a line has room:
    ``quotes_failed`` counts all of them. ``oldest_ms`` is when the oldest quote was fetched among
    the assets that are in trade and do not fail (0: there is none). ``hits`` and ``misses`` are the look-ups ever
    answered from the cache and not, as counted at the end of the run. ``message``: the one line that was, or would
    have been, said on failure.
    """

    run_id: str
    command: str
    started_ms: int
    finished_ms: int
    exit_code: int
    assets: int = 0
    quotes_ok: int = 0
    quotes_failed: int = 0
    quotes_skipped: int = 0
    bars_added: int = 0
    bars_revised: int = 0
    requests: Mapping[str, int] = {}
    errors: Sequence[Failure] = ()
    oldest_ms: int = 0
    hits: int = 0
    misses: int = 0
    message: str = ""
    bars_flagged: int = 0
    bars_aside: int = 0
    bars_rejected: int = 0


class Failing(NamedTuple):
    """An asset known to fail: why, and since when (milliseconds)."""

    code: str
    message: str
    since_ms: int


class Runs:
    """The run log of one home. ``damaged`` counts the lines that the last reading had to pass over."""

    def __init__(self, home: Home) -> None:
        self._folder = home.state
        self._path = os.path.join(home.state, "runs.jsonl")
        self._failing = Note(home, "failing")
        self.damaged = 0

    def append(self, run: Run) -> None:
        """Add ``run`` to the log. Raises Unwritable."""
        line = _line(run)
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            with _opened(self._path, os.O_RDWR | os.O_APPEND) as fd:
                size = os.fstat(fd).st_size
                # What a full disk cut short must not swallow the next line too.
                torn = size and os.pread(fd, 1, size - 1) != b"\n"
                os.write(fd, b"\n" + line if torn else line)
            if size + len(line) > FULL:
                self._begin_next()
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def last(self, count: int = 1, command: str = "") -> list[Run]:
        """The newest ``count`` runs (of ``command``, if given), newest first; fewer if there are fewer."""
        self.damaged = 0
        found: list[Run] = []
        for line in self._lines_backwards():
            run = _run(line)
            if run is None:
                self.damaged += 1
            elif command in ("", run.command):
                found.append(run)
                if len(found) == count:
                    break
        return found

    def since(self, ms: int) -> list[Run]:
        """The runs that started at or after ``ms``, newest first."""
        self.damaged = 0
        found: list[Run] = []
        for line in self._lines_backwards():
            run = _run(line)
            if run is None:
                self.damaged += 1
            elif run.finished_ms < ms:
                break  # lines are in the order in which runs ended
            elif run.started_ms >= ms:
                found.append(run)
        return found

    def failing(self) -> dict[str, Failing]:
        """The assets, by symbol, that the last refresh that looked at them could not get a price of."""
        found = {}
        for symbol, said in self._failing.read().items():
            with contextlib.suppress(TypeError, ValueError):
                found[symbol] = _failing(said)
        return found

    def set_failing(self, failing: Mapping[str, Failing]) -> None:
        """Remember which assets fail, instead of those known so far. Only under the run lock. Raises Unwritable."""
        self._failing.write(failing)

    def _begin_next(self) -> None:
        with _opened(f"{self._path}.lock", os.O_RDWR) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.getsize(self._path) <= FULL:
                return  # another process was quicker
            for number in range(KEPT - 2, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(f"{self._path}.{number}", f"{self._path}.{number + 1}")
            os.replace(self._path, f"{self._path}.1")

    def _lines_backwards(self) -> Iterator[bytes]:
        for path in (self._path, *(f"{self._path}.{number}" for number in range(1, KEPT))):
            try:
                file = open(path, "rb")  # noqa: SIM115 - closed below
            except OSError:
                continue
            with file:
                yield from _backwards(file)


def _backwards(file: Any) -> Iterator[bytes]:
    """The lines of an open file, last first, read by blocks from its end: the log may be 16 MB long."""
    at = file.seek(0, os.SEEK_END)
    rest = b""
    while at:
        size = min(_BLOCK, at)
        at -= size
        file.seek(at)
        rest, *lines = (file.read(size) + rest).split(b"\n")
        yield from (line for line in reversed(lines) if line)
    if rest:
        yield rest


def _line(run: Run) -> bytes:
    """The run as a line of at most LINE_MAX bytes: messages are shortened, and as many failures kept as fit."""
    errors = [Failure(one.symbol, one.code, one.message[:SAID_MAX]) for one in run.errors]
    run = run._replace(message=run.message[:SAID_MAX])
    while True:
        text = json.dumps(run._replace(errors=errors)._asdict(), allow_nan=False).encode()
        if len(text) < LINE_MAX or not errors:
            return text + b"\n"
        errors = errors[: len(errors) // 2]


def _run(line: bytes) -> Run | None:
    """The run of a line, None if it is not one. Keys of a later version are passed over."""
    try:
        said = json.loads(line)
        run = Run(**{name: said[name] for name in Run._fields if name in said})
        facts = {name: value for name, value in run._asdict().items() if name not in ("requests", "errors")}
        usual = Run("", "", 0, 0, 0)._asdict()
        for name, value in facts.items():
            _checked(value, usual[name])
        requests = {str(name): _checked(count, 0) for name, count in run.requests.items()}
        return run._replace(requests=requests, errors=[Failure(*map(str, one)) for one in run.errors])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _failing(said: Any) -> Failing:
    code, message, since_ms = said
    return Failing(_checked(code, ""), _checked(message, ""), _checked(since_ms, 0))


def _checked(value: Any, like: Any) -> Any:
    if type(value) is not type(like):
        raise ValueError(f"{value!r} stands where {like!r} could")
    return value


@contextlib.contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    """A file of the state folder, made if need be, with the mode that the folder allows its group."""
    fd = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.stat(os.path.dirname(path)).st_mode & stat.S_IRGRP:
            os.fchmod(fd, 0o640)
        yield fd
    finally:
        os.close(fd)


def _unwritable(path: str, error: OSError) -> Unwritable:
    return Unwritable(f"cannot write {path}: {error.strerror or error}", "check the folder's owner, mode and space")
