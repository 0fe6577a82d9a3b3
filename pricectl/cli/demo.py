"""``pricectl demo``: the tour. Every command once, each a real process against a simulated market."""

import os
import subprocess
import sys
import tempfile
from typing import NamedTuple

from pricectl.cli.options import Context, common


class Step(NamedTuple):
    """A command of the tour: why it is shown, its words, what is piped into it, the exit code it must end with."""

    why: str
    words: str
    stdin: str = ""
    code: int = 0


TOUR = (
    Step("One price. Nothing is known yet, so the provider is asked.", "price BTC"),
    Step("Again: it comes from the cache, before anything heavy is loaded.", "price BTC --json"),
    Step("Many at once, in the order asked; London quotes in pence.", "batch AAPL OCDO.L EURUSD BTC ^GSPC"),
    Step("Symbols from a pipe, records for a script.", "batch - -o jsonl", "ETH\nMSFT\n"),
    Step("One bad symbol never sinks the rest; the exit code is 3.", "batch GOLD.NOPE AAPL", code=3),
    Step("A near miss is suggested; the exit code is 4.", "price BRK-B", code=4),
    Step("Any symbol of a provider, in the catalogue or not.", "price yahoo:NVDA"),
    Step("A week of daily bars, split-adjusted; fetched once, kept in the store.", "history AAPL --range 7d"),
    Step("As it traded: the 4:1 split of August 2020 was still to come.",
         "history AAPL --from 2020-01-02 --to 2020-01-02 --adjust none"),
    Step("Ten years, finest where it is recent: monthly, then weekly, then daily.",
         "history BTC --range 10y --chart"),
    Step("The same range again, without a network: it is in the store.",
         "history BTC --range 1y --interval 1mo --offline -o csv"),
    Step("Old days become weeks and months; the answers stay the same.", "aggregate"),
    Step("The catalogue.", "assets search bitcoin"),
    Step("An asset of your own, checked with its provider.",
         "add-asset DOGEEUR --name Dogecoin/Euro --type crypto --category crypto --code DOGE --provider binance"
         " --provider-id DOGEEUR --currency EUR --check"),
    Step("Prices of your own, from a file or a pipe; no provider's price ever replaces them.",
         "import - --symbol DOGEEUR", "date,close,volume\n2024-01-02,0.0832,1200\n2024-01-03,0.0745,2100\n"),
    Step("What is stored, for other tools: CSV, JSON Lines, Parquet, Arrow.", "export DOGEEUR --format csv"),
    Step("What is followed is what a refresh keeps fresh.", "assets follow BTC AAPL"),
    Step("What cron runs each minute; markets that are closed are not asked.", "refresh -o jsonl"),
    Step("What happened so far, and how things stand.", "status"),
    Step("Any question about it, in SQL; nothing can be written.", "sql -",
         "SELECT symbol, max(high) AS high, min(low) AS low, count(*) AS bars FROM bars GROUP BY symbol ORDER BY 1\n"),
    Step("Is all as it should be? Every stored byte is checked.", "doctor"),
    Step("What would have it all happen by itself, each minute.", "schedule --with cron"),
    Step("The settings, and where each comes from.", "config show"),
)  # fmt: skip


@common(asks=False)
def demo(context: Context) -> int:
    """Take the tour: a simulated market on this machine, a throw-away home, every command once.

    \b
      pricectl demo

    Nothing leaves this machine and nothing stays on it. Exit code 1 when a step did not end as it should.
    """
    from pricectl.simulator import Simulator

    with tempfile.TemporaryDirectory(prefix="pricectl-demo-") as home, Simulator(seed=1) as market:
        env = {name: value for name, value in os.environ.items() if not name.startswith("PRICECTL_")}
        env |= {"PRICECTL_HOME": home, **market.env}
        context.write(f"A simulated market at {market.url}, a throw-away home in {home}.\n", flush=True)
        wrong = [step for step in TOUR if _take(context, step, env) != step.code]
        requests = sum(1 for entry in market.journal if not entry.path.startswith("/_control"))
        context.write(f"\nThat was the tour: {len(TOUR)} commands, {requests} requests. `pricectl --help` for more.\n")
    for step in wrong:
        context.warn(f"`pricectl {step.words}` did not end with exit code {step.code}")
    return 1 if wrong else 0


def _take(context: Context, step: Step, env: dict[str, str]) -> int:
    """Run one step as a process of its own and show it as a person would see it; its exit code."""
    typed = f"printf '{step.stdin.encode('unicode_escape').decode()}' | " if step.stdin else ""
    context.write(f"\n# {step.why}\n$ {typed}pricectl {step.words}\n", flush=True)
    # -P: the installed pricectl, not a folder of that name in the current one.
    command = [sys.executable, "-P", "-m", "pricectl", *step.words.split()]
    ended = subprocess.run(
        command, env=env, input=step.stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    context.write(ended.stdout, flush=True)
    if ended.returncode:
        context.write(f"(exit code {ended.returncode})\n", flush=True)
    return ended.returncode
