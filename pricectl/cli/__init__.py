"""What a person types: parse, ask the engine, show. No decisions. One module per topic, imported when called."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from pricectl.cli.failures import guarded
from pricectl.cli.groups import Entry, group
from pricectl.cli.options import DebugOption, HomeOption, VersionOption


def _at(where: str) -> Any:
    """A loader of ``module:attribute`` under cli, a command's function or a topic's sub-app."""
    module, attribute = where.split(":")
    return lambda: getattr(import_module(f"pricectl.cli.{module}"), attribute)


# In the order of --help, whose lines are here so that it imports no topic.
COMMANDS = {
    "price": Entry(_at("price:price"), "Show the current price of one asset."),
    "batch": Entry(_at("price:batch"), "Show the current prices of many assets, in the order asked."),
    "history": Entry(_at("history:history"), "Show the bars of one asset: open, high, low, close, volume."),
    "refresh": Entry(_at("refresh:refresh"), "Keep the assets that are followed up to date; what cron runs."),
    "aggregate": Entry(_at("aggregate:aggregate"), "Roll old days up into weeks and months."),
    "add-asset": Entry(_at("add_asset:add_asset"), "Add an asset to your own list, and follow it."),
    "assets": Entry(_at("assets:app"), "Look through the catalogue, follow assets, add your own."),
    "import": Entry(_at("transfer:import_"), "Store daily bars of your own from a file."),
    "export": Entry(_at("export:export"), "Write stored bars to a file, a folder or a pipe."),
    "status": Entry(_at("status:status"), "Show the last runs, freshness, coverage and the providers."),
    "sql": Entry(_at("sql:sql"), "Ask the store and what is known around it with one SELECT."),
    "doctor": Entry(_at("doctor:doctor"), "Check everything: settings, catalogue, store; --fix repairs."),
    "schedule": Entry(_at("schedule:schedule"), "Show what has refresh run each minute, or install it."),
    "config": Entry(_at("config:app"), "Show the settings and where each comes from."),
    "simulate": Entry(_at("simulate:simulate"), "Run a simulated market on this machine."),
    "demo": Entry(_at("demo:demo"), "Take the tour: a simulated market, every command once."),
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


def _before(home: HomeOption = None, debug: DebugOption = False, version: VersionOption = False) -> None:
    """Options that may also stand before the command; ``options.common`` picks them up."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run pricectl on these arguments (default: the process's own); the exit code. Errors are one line on stderr."""
    arguments = tuple(sys.argv[1:] if argv is None else argv)
    return guarded(arguments, lambda: _run(list(arguments)))


def _run(arguments: list[str]) -> int:
    top = group(
        "pricectl",
        HELP,
        COMMANDS,
        _before,
        add_completion=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    if "_PRICECTL_COMPLETE" in os.environ:  # the shell asks what could come next
        return int(top.main(arguments, "pricectl", standalone_mode=False) or 0)
    with top.make_context("pricectl", arguments) as ctx:
        return int(top.invoke(ctx) or 0)
