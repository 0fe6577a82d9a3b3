"""The line that counts up while a person waits."""

import pytest

from pricectl.model.instant import Clock
from pricectl.output.progress import Progress


class Hand(Clock):
    """A clock that is moved by hand."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


def test_nothing_is_shown_for_a_short_run(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Hand()
    with Progress("fetching", 3, clock, watched=True) as progress:
        clock.now_s += 0.49
        progress.step()
    assert capsys.readouterr() == ("", "")


def test_a_long_run_is_counted_and_wiped_away(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Hand()
    with Progress("fetching", 30, clock, watched=True) as progress:
        clock.now_s += 0.5
        progress.step(10)
        clock.now_s += 0.05
        progress.step()  # too soon after the last
        clock.now_s += 0.1
        progress.step()
    assert capsys.readouterr() == ("", "\rfetching 10/30\x1b[K\rfetching 12/30\x1b[K\r\x1b[K")


def test_nobody_watching_means_nothing_shown(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Hand()
    with Progress("fetching", 3, clock, watched=False) as progress:
        clock.now_s += 60
        progress.step()
    assert capsys.readouterr() == ("", "")
