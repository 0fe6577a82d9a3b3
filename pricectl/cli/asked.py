"""Which symbols a batch is about: the words on the command line, a file, standard input, or part of the catalogue."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from pricectl.cli.options import Context
from pricectl.errors import UsageError
from pricectl.model.asset import TYPES

_CHUNK = 1 << 16


def symbols(context: Context, words: Sequence[str], file: str | None, type_: str | None, everything: bool) -> list[str]:
    """The symbols in the order given. Raises UsageError unless exactly one source is named."""
    named = {
        "-" if list(words) == ["-"] else "symbols": bool(words),
        "--file": file is not None,
        "--type": type_ is not None,
        "--all": everything,
    }
    given = [name for name, is_given in named.items() if is_given]
    if not given:
        raise UsageError("which symbols?", "give symbols, or one of -, --file, --type, --all")
    if len(given) > 1:
        raise UsageError(f"{', '.join(given[:-1])} and {given[-1]} exclude each other", "give one of them")
    if list(words) == ["-"]:
        return parsed(_standard_input().read(), "standard input")
    if "-" in words:
        raise UsageError("- (standard input) and symbols exclude each other", "give one of the two")
    if file is not None:
        return _from_file(file)
    if words:
        return list(words)
    if type_ is not None and type_ not in TYPES:
        raise UsageError(f"{type_} is no type of asset", f"one of {', '.join(TYPES)}")
    return [asset.symbol for asset in context.engine.catalogue.all(type_ or "")]


def _from_file(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            return parsed(file.read(), path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path given to --file") from error


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # as after <&-
        raise UsageError("standard input is closed", "pipe the symbols in, or name them")
    return sys.stdin.buffer


def parsed(text: bytes, where: str) -> list[str]:
    """The symbols in a text: a line each (empty ones and ``#`` comments are skipped), a JSON array, or
    ``{"symbols": [...]}``. Raises UsageError for JSON that is neither."""
    decoded = text.decode("utf-8-sig", "surrogateescape")
    if decoded.lstrip()[:1] in ("[", "{"):
        return _from_json(decoded, where)
    lines = [line.strip() for line in decoded.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _from_json(text: str, where: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not JSON: {error}", 'give lines, a JSON array or {"symbols": [...]}') from error
    listed = found.get("symbols") if isinstance(found, dict) else found
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise UsageError(f"{where} holds no list of symbols", 'write ["BTC", "AAPL"] or {"symbols": ["BTC", "AAPL"]}')
    return listed


def arriving() -> Iterator[list[str]]:
    """The lines of standard input as they arrive: those that are there together come together.

    So a script that writes one line gets its answer at once, and a thousand lines piped in cost the requests of
    one batch. An empty line is a symbol too: every line in gives a line out.
    """
    rest = b""
    source = _standard_input().fileno()
    while chunk := os.read(source, _CHUNK):
        *whole, rest = (rest + chunk).split(b"\n")
        if whole:
            yield [_line(one) for one in whole]
    if rest:
        yield [_line(rest)]


def _line(raw: bytes) -> str:
    return raw.decode("utf-8-sig", "surrogateescape").strip()
