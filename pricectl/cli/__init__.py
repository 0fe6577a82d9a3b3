"""What a person types: parse, ask the engine, show. One module per topic, imported when its command is called.

``main`` is where every error becomes one line and an exit code.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from pricectl.cli.options import DebugOption, HomeOption, VersionOption


class Command(NamedTuple):
    """A command: where it lives (``module:attribute`` under cli, a function or a sub-app) and its line in ``--help``."""

    where: str
    line: str


# In the order of --help. The line is here so that --help imports no command (measured: 9 of them cost 30 ms).
COMMANDS = {
    "config": Command("config:app", "Show the settings and where each comes from."),
}

HELP = """A price engine for the command line: hot cache, Parquet store, providers.

\b
  pricectl price BTC                     one price
  pricectl batch AAPL MSFT BTC --json    many at once
  pricectl history AAPL --range 1y       daily, weekly, monthly bars
  pricectl assets search gold            what there is
  pricectl demo                          the tour, without a network

`pricectl COMMAND --help` shows the options and examples of one command.
"""


def _typer(**settings: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True, **settings
    )


def _command(found: Any, name: str) -> Any:
    """What typer makes of a function or a sub-app."""
    from typer.main import get_command

    if not isinstance(found, typer.Typer):
        single = _typer()
        single.command(name)(found)
        return get_command(single)
    return get_command(found)


class Commands(TyperGroup):
    """The commands of ``COMMANDS``, each imported when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].where.split(":")
        command = _command(getattr(import_module(f"pricectl.cli.{module}"), attribute), cmd_name)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.line) for name, command in COMMANDS.items()])


app = _typer(cls=Commands, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})


@app.callback()
def _before(home: HomeOption = None, debug: DebugOption = False, version: VersionOption = False) -> None:
    """Options that may also stand before the command; ``options.common`` picks them up."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run pricectl on these arguments (default: the process's own) and return the exit code; never raises."""
    from pricectl.cli.failures import guarded

    arguments = list(sys.argv[1:] if argv is None else argv)
    return guarded(arguments, lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    from typer.main import get_command

    group = get_command(app)
    with group.make_context("pricectl", arguments) as ctx:
        return group.invoke(ctx) or 0
