"""Those who watch over unattended runs: a metrics file that a collector reads, a ping URL that expects to hear from us.

They are told of every run, good or bad, and none of their troubles keeps a run from happening.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pricectl.errors import PricectlError, UsageError

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.net.ping import Ping
    from pricectl.state.runs import Run

PING_S, HURRY_S = 3.0, 1.0  # a run that was told to stop is to be gone within 3 s, all in all


class Monitors:
    """``metrics_file`` is a path, ``ping_url`` an address or ``@FILE`` that holds one; empty: none. ``troubles`` are
    those of the last run. Raises UsageError for a ping URL that is no address."""

    def __init__(self, metrics_file: str = "", ping_url: str = "") -> None:
        self.troubles: list[PricectlError] = []
        self._metrics_file = metrics_file
        self._ping_url = ping_url
        self._ping: Ping | None = None
        if ping_url and not ping_url.startswith("@"):
            self._new_ping()

    def begin(self) -> None:
        """A run begins; returns at once."""
        self.troubles = []
        self._ping = None
        if self._ping_url:
            try:
                self._ping = self._new_ping()
                self._ping.start()
            except UsageError as error:  # a file that is gone by now: the run happens all the same
                self.troubles.append(_harmless(str(error), error.hint))

    def end(self, engine: "Callable[[], Engine]", run: "Run", *, hurry: bool = False) -> int:
        """A run has ended as ``run`` says: the metrics are written, the ping is sent (3 s at most, 1 in a ``hurry``).
        Gives the exit code to end with: the run's own, or where that is 0, that of metrics which could not be written.
        """
        code = run.exit_code
        if self._metrics_file:
            from pricectl.engine import figures

            try:
                figures.textfile(engine(), self._metrics_file, run)
            except PricectlError as error:
                self.troubles.append(error)
                code = code or error.exit_code
        if self._ping is not None:
            # Its exit code is the run's: what the monitor is told must not hang on another monitor.
            problem = self._ping.finish(run.exit_code, _summary(run), HURRY_S if hurry else PING_S)
            if problem:
                self.troubles.append(_harmless(problem, "see whether the monitor can be reached from here"))
        return code

    def _new_ping(self) -> "Ping":
        from pricectl.net.ping import Ping, address

        return Ping(address(self._ping_url))


def _harmless(message: str, hint: str) -> PricectlError:
    """A trouble that never changes an exit code."""
    trouble = PricectlError(message, hint)
    trouble.exit_code = 0
    return trouble


def _summary(run: "Run") -> str:
    """What a monitor shows of a run."""
    took_s = (run.finished_ms - run.started_ms) / 1000
    lines = [
        f"{run.command} {run.run_id}: exit code {run.exit_code}, {took_s:.1f} s",
        f"{run.assets} assets: {run.quotes_ok} quotes, {run.quotes_failed} failed, {run.quotes_skipped} not due",
        f"{run.bars_added} bars added, {run.bars_revised} revised; requests: {dict(run.requests)}",
        run.message,
    ]
    return "\n".join(line for line in lines if line)
