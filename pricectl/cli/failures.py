"""Every way in which a run can end becomes one line on stderr and an exit code."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from pricectl.cli.options import one_line
from pricectl.errors import PricectlError, UsageError
from pricectl.output import json, rows, stream

INTERRUPTED, TERMINATED = 130, 143


def guarded(arguments: Sequence[str], run: Callable[[], int]) -> int:
    """What ``run`` returns, or the exit code of what it raised, after saying so on stderr."""
    stream.prepare()
    signal.signal(signal.SIGTERM, _terminate)
    code = _outcome(arguments, run)
    if code in (INTERRUPTED, TERMINATED):
        return code
    return _outcome(arguments, lambda: _finish(code))


def _finish(code: int) -> int:
    stream.finish()
    return code


def _terminate(number: int, frame: Any) -> NoReturn:
    """Unwinds the run, so that what it holds is put back. SystemExit is what asyncio lets through."""
    raise SystemExit(TERMINATED)


def _outcome(arguments: Sequence[str], run: Callable[[], int]) -> int:
    try:
        return run()
    except stream.ClosedPipe:
        return 0
    except typer.Exit as end:
        return end.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        if isinstance(error, BrokenPipeError) and stream.reader_gone():
            return 0
        failure = _failure(error)
        _say(failure, arguments)
        if "--debug" in options(arguments):
            import traceback

            traceback.print_exception(error)
        return failure.exit_code


def _failure(error: BaseException) -> PricectlError:
    """The error as one of ours: usage errors of the parser are ours already, the rest is unexpected."""
    if isinstance(error, PricectlError):
        return error
    if isinstance(error, TyperException):
        return _usage(error)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return PricectlError(f"unexpected failure: {what}", "run again with --debug to see where")


def _usage(error: TyperException) -> UsageError:
    """A usage error in our words: what is wrong, and the nearest thing that would be right."""
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "pricectl"
    near: Sequence[str] = getattr(error, "possibilities", None) or ()
    message = error.message if near else error.format_message()
    hint = f"did you mean {' or '.join(sorted(near))}?" if near else f"see `{path} --help`"
    return UsageError(_sentence(message), hint)


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".") if text[:2].istitle() else text.rstrip(".")


def _say(failure: PricectlError, arguments: Sequence[str]) -> None:
    if wants_json(arguments):
        stream.say(json.record(rows.error(failure)))
    else:
        stream.say(f"pricectl: {one_line(str(failure) or failure.code, failure.hint)}")


def options(arguments: Sequence[str]) -> list[str]:
    """The arguments before ``--``: what may be an option, read even where the parser gave up."""
    return list(arguments[: arguments.index("--")] if "--" in arguments else arguments)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are to be JSON, also for a line that cannot be parsed."""
    said = options(arguments)
    json_formats = ("json", "jsonl")
    chosen = [word.partition("=")[2] for word in said if word.startswith("--output=")]
    chosen += [after for word, after in zip(said, said[1:], strict=False) if word in ("-o", "--output")]
    chosen += [word[2:] for word in said if word.startswith("-o") and len(word) > 2]
    return "--json" in said or any(word in json_formats for word in chosen)
