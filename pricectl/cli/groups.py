"""Commands that are made when they are called: typer takes 1 ms to make one, and a topic's imports some more."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_command_name

from pricectl.errors import UsageError


class Entry(NamedTuple):
    """A command of a group: ``load`` gives its function or its sub-app, ``line`` stands in the group's help."""

    load: Callable[[], Any]
    line: str


class Group(TyperGroup):
    """The commands of ``entries``. A wrong name is a usage error that names the nearest right one."""

    entries: Mapping[str, Entry]

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = self.entries.get(cmd_name)
        return entry and command(cmd_name, entry.load())

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in self.entries.items()])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in self.entries and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.entries, 3, 0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"see `{ctx.command_path} --help`"
            raise UsageError(f"there is no command {name!r}", hint)
        return super().resolve_command(ctx, args)


def new_app(**settings: Any) -> typer.Typer:
    """A Typer app in the style of the house: no rich, no pretty tracebacks, completion only at the top."""
    given = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None, **settings}
    return typer.Typer(**given)


def group(name: str, help_text: str, entries: Mapping[str, Entry], before: Callable[..., None], **more: Any) -> Any:
    """A group of these commands; ``before`` holds the options that may stand before the command."""
    app = new_app(cls=Group, help=help_text, **more)
    app.callback()(before)
    made = get_command(app)
    assert isinstance(made, Group)
    made.name = name
    made.entries = entries
    return made


def command(name: str, found: Any) -> Any:
    """What typer makes of a command's function or of a topic's sub-app."""
    if isinstance(found, typer.Typer):
        return group(name, _help(found), dict(_entries(found)), _nothing)
    app = new_app()
    app.command(name)(found)
    return get_command(app)


def _entries(app: typer.Typer) -> Iterable[tuple[str, Entry]]:
    for info in app.registered_commands:
        function = info.callback
        assert function is not None
        name = info.name or get_command_name(function.__name__)
        yield name, Entry(partial(_same, function), (function.__doc__ or "").partition("\n")[0])


def _same(function: Any) -> Any:
    return function


def _help(app: typer.Typer) -> str:
    callback = app.registered_callback and app.registered_callback.callback
    return (callback and callback.__doc__) or str(app.info.help or "")


def _nothing() -> None:
    """No options before the command."""
