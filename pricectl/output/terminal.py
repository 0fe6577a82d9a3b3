"""What the stream at the other end can show: a width to keep to, colour, characters beyond ASCII."""

import os
from collections.abc import Mapping
from typing import IO, NamedTuple

DIM, BOLD, PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Screen(NamedTuple):
    """``width`` is None where nothing may be cut: everywhere but on a terminal."""

    width: int | None
    colour: bool
    unicode: bool
    terminal: bool


PIPE = Screen(None, False, True, False)


def is_terminal(stream: IO[str] | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def columns(stream: IO[str] | None, env: Mapping[str, str], default: int = 80) -> int:
    """The width: ``COLUMNS``, else the terminal's own, else ``default``; at least 20."""
    said = env.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said[:6]) > 0:
        return max(20, int(said[:6]))
    try:
        found = os.get_terminal_size(stream.fileno()).columns if stream is not None else 0
    except (OSError, ValueError, AttributeError):
        found = 0
    return max(20, found or default)


def wants_colour(stream: IO[str] | None, env: Mapping[str, str]) -> bool:
    """``NO_COLOR`` before ``FORCE_COLOR`` before ``TERM=dumb`` before whether it is a terminal."""
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return env.get("TERM") != "dumb" and is_terminal(stream)


def screen(stream: IO[str] | None, env: Mapping[str, str]) -> Screen:
    """What may be shown on ``stream``."""
    terminal = is_terminal(stream)
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    return Screen(
        columns(stream, env) if terminal else None,
        wants_colour(stream, env),
        encoding.startswith("utf") or encoding == "gb18030",
        terminal,
    )
