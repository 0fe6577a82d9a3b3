"""Putting text on stdout and stderr without ever crashing on it: closed pipes, full disks, ASCII-only terminals."""

import os
import sys
from collections.abc import Iterable
from typing import IO

from pricectl.errors import PricectlError


class ClosedPipe(Exception):
    """The reader of stdout has gone (``| head`` has seen enough): the run ends quietly."""


class OutputFailed(PricectlError):
    """stdout cannot be written: a full disk, a closed descriptor."""

    code = "output"


def prepare() -> None:
    """A character that a stream's encoding lacks is printed as an escape; that is decided before anything is."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def write(texts: Iterable[str] | str, *, flush: bool = False) -> None:
    """Put text on stdout. Raises ClosedPipe and OutputFailed."""
    stream = sys.stdout
    if stream is None:
        raise OutputFailed("cannot write to stdout: it is closed", "give the command an open stdout")
    try:
        stream.write(texts if isinstance(texts, str) else "".join(texts))
        if flush:
            stream.flush()
    except (OSError, ValueError) as error:
        raise _failed(stream, error) from error


class Raw:
    """stdout for bytes, behind what has been written as text. Raises ClosedPipe and OutputFailed."""

    def __init__(self) -> None:
        write("", flush=True)

    def write(self, data: bytes) -> int:
        try:
            return sys.stdout.buffer.write(data)
        except (OSError, ValueError) as error:
            raise _failed(sys.stdout, error) from error

    def flush(self) -> None:
        write("", flush=True)


def finish() -> int:
    """Everything written has left; 0. Raises ClosedPipe and OutputFailed, also for what failed to leave before."""
    if sys.stdout is not None:
        write("", flush=True)
    return 0


def _failed(stream: IO[str], error: OSError | ValueError) -> Exception:
    _drop(stream)
    if isinstance(error, BrokenPipeError):
        return ClosedPipe()
    reason = getattr(error, "strerror", None) or "it is closed"
    return OutputFailed(f"cannot write to stdout: {reason}", "what was printed is not whole; make room and run again")


def _drop(stream: IO[str]) -> None:
    """Point the descriptor at nothing: the interpreter flushes what is left once more and would complain."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass


def say(text: str, end: str = "\n") -> None:
    """One line on stderr, at once; a stderr that cannot be written is no reason to fail."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text + end)
            sys.stderr.flush()
    except (OSError, ValueError):
        _drop(sys.stderr)
