"""``pricectl simulate``: a loopback market to try things out on, without a network and without a trace."""

import tempfile
import threading
from typing import Annotated

import typer

from pricectl.cli.options import Context, common
from pricectl.errors import UsageError
from pricectl.output.rows import Value


@common(asks=False)
def simulate(
    context: Context,
    port: Annotated[int, typer.Option("--port", metavar="N", help="Listen on this port; 0 takes a free one.")] = 0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed, another market.")] = 1,
) -> int:
    """Run a simulated market on this machine until Ctrl-C, and print the variables that lead to it.

    \b
      pricectl simulate                      leave it running, and in another terminal
      export PRICECTL_HOME=...               what it printed
      pricectl price BTC

    It speaks Binance's and Yahoo's wire formats for every symbol of the catalogue. The home that it prints is
    a throw-away: it goes when the market does.
    """
    from pricectl.simulator import Simulator

    with tempfile.TemporaryDirectory(prefix="pricectl-") as home:
        try:
            market = Simulator(seed=seed, port=port)
        except OSError as error:
            raise UsageError(f"cannot listen on port {port}: {error.strerror}", "choose another --port") from error
        with market:
            variables = {"PRICECTL_HOME": home, **market.env}
            _announce(context, variables)
            threading.Event().wait()
    return 0


def _announce(context: Context, variables: dict[str, str]) -> None:
    if context.output in ("table", "csv"):
        context.write("".join(f"export {name}={value}\n" for name, value in variables.items()), flush=True)
        context.note("The market is open until Ctrl-C. Set these variables in another terminal.")
    else:
        record: dict[str, Value] = {**variables, "schemaVersion": 1}
        from pricectl.output import json

        context.write(json.record(record) + "\n", flush=True)
