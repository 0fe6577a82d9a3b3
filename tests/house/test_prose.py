"""The documents agree with the program."""

import re
from pathlib import Path

from pricectl.cli import COMMANDS

CHECKOUT = Path(__file__).parents[2]


def test_every_command_is_in_the_readme():
    text = (CHECKOUT / "README.md").read_text()
    assert [name for name in COMMANDS if f"`{name}" not in text] == []


def test_every_command_is_on_the_tour_or_is_the_tour():
    from pricectl.cli.demo import TOUR

    shown = {step.words.split()[0] for step in TOUR}
    assert set(COMMANDS) - shown == {"demo", "simulate"}


def test_ci_runs_the_test_command_of_the_readme():
    text = (CHECKOUT / "README.md").read_text()
    marked = re.search(r"<!-- the test command -->\n```\w*\n(.+)\n```", text)
    assert marked is not None
    assert "\n" not in marked[1]
    assert "pytest" in marked[1]
