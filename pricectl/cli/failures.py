"""Every way in which a run can end becomes one line on stderr and an exit code."""

import signal
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import FrameType
from typing import Any

import typer
from typer.exceptions import TyperException

from pricectl.cli.options import one_line
from pricectl.errors import PricectlError, UsageError
from pricectl.output import stream


class Interrupted(PricectlError):
    """Ctrl-C: what was under way has been put back."""

    code = "interrupted"
    exit_code = 130


class Terminated(Interrupted):
    """SIGTERM, from cron, systemd or ``kill``."""

    exit_code = 143


def guarded(arguments: Sequence[str], run: Callable[[], int]) -> int:
    """What ``run`` returns, or the exit code of what it raised, after saying so on stderr."""
    stream.prepare()
    guard = _Guard(arguments)
    signal.signal(signal.SIGTERM, guard.terminate)
    return guard.outcome(run) or guard.outcome(stream.finish)


class _Guard:
    """One run: its arguments say how errors are shown, its signals how it ended."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self._terminated = False

    def terminate(self, number: int, frame: FrameType | None) -> None:
        """On SIGTERM: unwind as after Ctrl-C, so that what the run holds is put back. An event loop cancels its tasks
        then, whereas an exception raised here would surface in the midst of one and be reported as lost."""
        self._terminated = True
        interrupt = signal.getsignal(signal.SIGINT)
        if not callable(interrupt):  # ignored, as in a background job
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)

    def outcome(self, run: Callable[[], int]) -> int:
        """The exit code of ``run``."""
        try:
            try:
                return run()
            except OSError:
                stream.finish()  # where it was stdout that failed, what is left in it fails again, and says how
                raise
        except stream.ClosedPipe:
            return 0
        except typer.Exit as end:
            return end.exit_code
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException as error:
            failure = self._failure(error)
            say(failure, wants_json(self._arguments))
            if "--debug" in _options(self._arguments):
                import traceback

                stream.say("".join(traceback.format_exception(error)).rstrip("\n"))
            return failure.exit_code

    def _failure(self, error: BaseException) -> PricectlError:
        """The error as one of ours: the parser's usage errors are turned into ours, the rest is unexpected."""
        if isinstance(error, PricectlError):
            return error
        if isinstance(error, TyperException):
            return _usage(error)
        if isinstance(error, KeyboardInterrupt):
            hint = "run it again to go on"
            return Terminated("told to stop", hint) if self._terminated else Interrupted("interrupted", hint)
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return PricectlError(f"unexpected failure: {what}", "run again with --debug to see where")


def _usage(error: TyperException) -> UsageError:
    """A usage error in our words: what is wrong, and the nearest thing that would be right."""
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "pricectl"
    near: Sequence[str] = getattr(error, "possibilities", None) or ()
    message = error.message if near else error.format_message()
    hint = f"did you mean {' or '.join(sorted(near))}?" if near else f"see `{path} --help`"
    return UsageError(message[:1].lower() + message[1:].rstrip("."), hint)


def say(failure: PricectlError, as_json: bool) -> None:
    """One line on stderr: what happened, and what to do next."""
    message = str(failure) or failure.code
    if as_json:
        from pricectl.output import json, rows

        stream.say(json.record(rows.error(failure)))
    else:
        stream.say(f"pricectl: {one_line(message, failure.hint)}")


def _options(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments before ``--``: what may be an option, read even where the parser gave up."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are to be JSON, also for a line that cannot be parsed."""
    said = _options(arguments)
    chosen = [word.partition("=")[2] for word in said if word.startswith("--output=")]
    chosen += [after for word, after in pairwise(said) if word in ("-o", "--output")]
    chosen += [word[2:] for word in said if word.startswith("-o")]
    return "--json" in said or any(word in ("json", "jsonl") for word in chosen)
