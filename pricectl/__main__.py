"""The front door: fresh cached answers to ``price`` and ``batch`` leave from here, before Typer is imported.

It never raises, writes nothing but the bytes that count its answers, and steps aside for everything that it
cannot answer exactly as the long way would: other commands and options, a quote that is missing or not fresh,
settings in the environment, a catalogue that has changed, a terminal that wants colour.
"""

from __future__ import annotations

import os
import sys
import time

_OUTPUTS = ("table", "json", "jsonl", "csv")
_FUTURE_MS = 5_000  # a quote fetched later than this after now means that a clock was set back: not fresh


def main() -> int:
    """What the console script runs; returns the exit code."""
    arguments = sys.argv[1:]
    try:
        text = _answer(arguments)
    except Exception:  # any surprise: the long way decides, and says what is wrong
        text = None
    if text is not None and sys.stdout is not None:
        return _print(text)
    try:
        from pricectl.cli import main as long_way
    except KeyboardInterrupt:  # Typer takes 50 ms to import
        return 130
    return long_way(arguments)


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:  # a closed pipe, a full disk: the long way knows how to say so
        from pricectl.cli.failures import guarded

        return guarded(sys.argv[1:], lambda: 0)
    return 0


def _answer(arguments: list[str]) -> str | None:
    """The whole text for these arguments, or None to step aside."""
    question = _question(arguments)
    if question is None or _wants_colour():
        return None
    from pricectl.home import ENV, HARMLESS_ENV, Home, home_dir

    if any(name.startswith(ENV) and name not in HARMLESS_ENV for name in os.environ):
        return None
    single, asked, output = question
    home = Home(home_dir(None, os.environ))
    from pricectl.cache import peek

    connection = peek.connect(home)
    try:
        found = peek.named(connection, list({name.upper() for name in asked}), time.time())
    finally:
        connection.close()
    stamp = peek.stamp(home)
    now_ms = time.time_ns() // 1_000_000
    from pricectl.output import line

    answers: list[line.Answered] = []
    for name in asked:
        hit = found.get(name.upper())
        if hit is None:
            return None
        symbol, known, quote = hit
        *_, fetched_ms, fresh_until_ms = quote
        if known != stamp or not fetched_ms - _FUTURE_MS <= now_ms < fresh_until_ms or not symbol.isascii():
            return None
        answers.append((symbol, name, quote, "cache", False))
    text = line.text(answers, output, single=single)
    _count(home.hits, len(answers))
    return text + "\n"


def _question(arguments: list[str]) -> tuple[bool, list[str], str] | None:
    """(is it ``price``, the symbols, the format) of a plain ``price SYMBOL`` or ``batch SYMBOL...``, else None."""
    if arguments[:1] not in (["price"], ["batch"]):
        return None
    symbols = []
    output = ""
    rest = iter(arguments[1:])
    for word in rest:
        if word in ("--json", "-o", "--output"):
            if output:  # said twice: the long way judges whether they agree
                return None
            output = "json" if word == "--json" else next(rest, "") or "none"
        elif word.startswith("-"):
            return None
        else:
            symbols.append(word)
    single = arguments[0] == "price"
    output = output or "table"
    if output not in _OUTPUTS or not symbols or (single and len(symbols) != 1):
        return None
    if not all(word.isascii() for word in symbols):
        return None
    return single, symbols, output


def _wants_colour() -> bool:
    if os.environ.get("FORCE_COLOR"):
        return True
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()


def _count(path: str, answers: int) -> None:
    """One byte for each answer, appended: the hit rate is the size of this file."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return  # a home that may only be read is still answered from
    try:
        os.write(file, b"." * answers)
    except OSError:
        pass
    finally:
        os.close(file)


if __name__ == "__main__":
    sys.exit(main())
