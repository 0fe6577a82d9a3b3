"""The options that mean the same everywhere, and what a command is given for them: one ``Context``."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, overload

import typer

from pricectl import __version__
from pricectl.config import Settings, load, seconds
from pricectl.errors import UsageError
from pricectl.home import Home, home_dir
from pricectl.model.instant import Clock
from pricectl.output import stream, terminal
from pricectl.output.text import safe

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.output.progress import Progress
    from pricectl.output.rows import Column, Record

Format = Literal["table", "json", "jsonl", "csv"]


class Context:
    """What every command is given: where the home is, how to answer, and the ways to speak.

    stdout carries data only: ``show``, ``show_record`` and ``write``. ``warn``, ``note`` and ``detail`` go to
    stderr. ``max_age_s`` is in seconds, None where no ``--max-age`` was given; ``--timeout`` is already in
    ``settings.timeout_s``.
    """

    def __init__(
        self,
        *,
        home: str | None = None,
        output: Format = "table",
        offline: bool = False,
        max_age: str | None = None,
        refresh: bool = False,
        timeout: str | None = None,
        quiet: bool = False,
        verbose: int = 0,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self.env = env
        self.home = Home(home_dir(home, env))
        self.output: Format = output
        self.offline = offline
        self.refresh = refresh
        self.quiet = quiet
        self.verbose = verbose
        self.max_age_s = None if max_age is None else duration("--max-age", max_age)
        self._flags = {} if timeout is None else {"timeout": timeout}
        if offline and refresh:
            raise UsageError("--offline and --refresh exclude each other", "give one of the two")

    @functools.cached_property
    def settings(self) -> Settings:
        """The settings in force. Raises ConfigError; a command that never asks works with a broken file."""
        return self.read_settings()

    def read_settings(self) -> Settings:
        """The settings as they are now, for a command that runs for days. Raises ConfigError."""
        return load(self.home, self.env, self._flags)

    @functools.cached_property
    def clock(self) -> Clock:
        return Clock()

    @functools.cached_property
    def engine(self) -> "Engine":
        """The engine over this home; its warnings come out on stderr."""
        from pricectl.engine import Engine

        return Engine(self.settings, self.clock, self.warn)

    @functools.cached_property
    def screen(self) -> terminal.Screen:
        """What stdout can show."""
        return terminal.screen(sys.stdout, self.env)

    @property
    def width(self) -> int:
        """The columns that something drawn may take: ``COLUMNS``, the terminal's, or 80."""
        return terminal.columns(sys.stdout, self.env)

    # Data, to stdout.

    def write(self, text: Iterable[str] | str, *, flush: bool = False) -> None:
        """Put text on stdout as it is. Raises what ends the run: a closed pipe, a full disk."""
        stream.write(text, flush=flush)

    def show(
        self, document: Mapping[str, Any], records: str, columns: Sequence[str], titles: "Sequence[Column]"
    ) -> None:
        """A list of records in the format asked for.

        ``document`` is the JSON object, ``schemaVersion`` is added; its key ``records`` holds the list that the
        other formats show. ``columns`` are the keys of a CSV line, ``titles`` the columns of a table.
        """
        from pricectl.output import csv, json, table

        listed: Sequence[Record] = document[records]
        if self.output == "json":
            self.write(json.document(document))
        elif self.output == "jsonl":
            self.write(json.lines(listed))
        elif self.output == "csv":
            self.write(csv.lines(columns, listed))
        elif listed:
            self.write(table.lines(titles, listed, self.screen))

    def show_record(self, record: "Record") -> None:
        """One record in the format asked for; in a table its names stand to the left of its values."""
        from pricectl.output import csv, json, table

        if self.output == "table":
            self.write(table.pairs(record, self.screen))
        elif self.output == "csv":
            columns = [key for key in record if key != "schemaVersion"]
            self.write(csv.lines(columns, [record]))
        else:
            self.write(json.lines([record]))

    # Messages, to stderr.

    def warn(self, text: str, hint: str = "") -> None:
        """Something the user should know about the answer; not with ``--quiet``."""
        if self.quiet:
            return
        if self.output in ("json", "jsonl"):
            from pricectl.output import json

            stream.say(json.record(json.with_version({"warning": {"message": text, "hint": hint}})))
        else:
            stream.say(f"pricectl: warning: {one_line(text, hint)}")

    def note(self, text: str) -> None:
        """What was done, for a person; not with ``--quiet``, nor where stderr is no terminal and JSON was asked for."""
        if not self.quiet and (self.output == "table" or terminal.is_terminal(sys.stderr)):
            stream.say(safe(text))

    def detail(self, text: str) -> None:
        """What is only of interest with ``--verbose``."""
        if self.verbose:
            stream.say(safe(text))

    def progress(self, label: str, total: int) -> "Progress":
        """A line on stderr that counts up to ``total``; only where a person watches and did not ask for quiet."""
        from pricectl.output.progress import Progress

        watched = terminal.is_terminal(sys.stderr) and self.env.get("TERM") != "dumb" and not self.quiet
        return Progress(label, total, self.clock, watched)

    def confirm(self, question: str, yes: bool) -> bool:
        """Whether to go on with something destructive: ``--yes``, or a person at the terminal says so.

        Raises UsageError off a terminal without ``--yes``: nothing may be done then.
        """
        if yes:
            return True
        if not (terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)):
            raise UsageError(f"nobody is there to answer {question!r}", "give --yes, or run it on a terminal")
        sys.stderr.write(f"{safe(question)} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def one_line(message: str, hint: str = "") -> str:
    """``what happened; what to do next``: one line, safe for a terminal, however much was quoted in it."""
    message = safe(" ".join(message.split()), 600)
    return f"{message}; {safe(hint)}" if hint else message


def duration(option: str, text: str) -> float:
    """The seconds that the text of an option means. Raises UsageError."""
    try:
        return seconds(text)
    except ValueError as error:
        what, _, hint = str(error).partition("; ")
        raise UsageError(f"{option}: {what}", hint) from error


def _format(output: Format | None, json: bool) -> Format:
    if json and output not in (None, "json"):
        raise UsageError(f"--json and -o {output} exclude each other", "give one of the two")
    return "json" if json else output or "table"


def _print_version(asked: bool) -> None:
    if asked:
        stream.write(f"pricectl {__version__}\n")
        raise typer.Exit


HomeOption = Annotated[str | None, typer.Option("--home", metavar="DIR", help="The folder that holds everything.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")]
VersionOption = Annotated[
    bool, typer.Option("--version", "-V", is_eager=True, callback=_print_version, help="Show the version.")
]


def _options(asks: bool) -> list[inspect.Parameter]:
    """The options as parameters; what only matters to a command that asks is accepted by all, shown by those."""

    def option(name: str, kind: Any, default: Any, *flags: str, **more: Any) -> inspect.Parameter:
        annotation = Annotated[kind, typer.Option(*flags, show_default=False, **more)]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

    parameter = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
    text, hidden = str | None, not asks
    return [
        option("output", Format | None, None, "--output", "-o", help="table (default), json, jsonl or csv."),
        option("json_", bool, False, "--json", help="The same as -o json."),
        option("offline", bool, False, "--offline", help="Ask no provider.", hidden=hidden),
        option("refresh", bool, False, "--refresh", help="Skip cache and store.", hidden=hidden),
        option("max_age", text, None, "--max-age", metavar="AGE", help="No older than 90s, 5m, 2h.", hidden=hidden),
        option("timeout", text, None, "--timeout", metavar="TIME", help="Wait no longer than 20s.", hidden=hidden),
        parameter("home", default=None, annotation=HomeOption),
        option("quiet", bool, False, "--quiet", "-q", help="No warnings and notes on stderr."),
        option("verbose", int, 0, "--verbose", "-v", count=True, help="Say more on stderr."),
        parameter("debug", default=False, annotation=DebugOption),
        parameter("version", default=False, annotation=VersionOption),
    ]


@overload
def common(command: Callable[..., int | None]) -> Callable[..., int]: ...
@overload
def common(*, asks: bool) -> Callable[[Callable[..., int | None]], Callable[..., int]]: ...
def common(command: Callable[..., int | None] | None = None, *, asks: bool = True) -> Any:
    """Give a command the options that mean the same everywhere, and their values as its first argument.

    ``@common`` over ``def price(context: Context, symbol: ...) -> int | None``; what it returns is the exit code,
    None is 0. ``@common(asks=False)`` for a command that never asks a provider: it takes the options about asking
    all the same, but its help does not show them.
    """
    if command is None:
        return functools.partial(_with_options, asks=asks)
    return _with_options(command, asks)


def _with_options(command: Callable[..., int | None], asks: bool) -> Callable[..., int]:
    signature = inspect.signature(command, eval_str=True)
    own = [p.replace(kind=p.KEYWORD_ONLY) for p in list(signature.parameters.values())[1:]]
    shared = _options(asks)
    taken = {parameter.name for parameter in shared}

    @functools.wraps(command)
    def run(ctx: typer.Context, **given: Any) -> int:
        before = ctx.find_root().params  # --home may stand before the command; --debug is read by failures
        context = Context(
            home=given["home"] or before.get("home"),
            output=_format(given["output"], given["json_"]),
            offline=given["offline"],
            max_age=given["max_age"],
            refresh=given["refresh"],
            timeout=given["timeout"],
            quiet=given["quiet"],
            verbose=given["verbose"],
        )
        return command(context, **{name: value for name, value in given.items() if name not in taken}) or 0

    ctx = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    run.__signature__ = signature.replace(parameters=[ctx, *own, *shared], return_annotation=int)  # type: ignore[attr-defined]
    run.__annotations__ = {}  # typer would resolve the wrapped function's
    return run
