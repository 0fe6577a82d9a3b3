"""``pricectl demo``: the first thing that a stranger runs."""

import re
from pathlib import Path

from shell import pricectl


def test_every_step_of_the_tour_ends_as_it_should(tmp_path: Path) -> None:
    ended = pricectl("demo", home=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert re.findall(r"\(exit code (\d+)\)", ended.out) == ["3", "4"]  # the bad symbol in a batch, the near miss
    assert "Traceback" not in ended.out
    assert list(tmp_path.iterdir()) == []
