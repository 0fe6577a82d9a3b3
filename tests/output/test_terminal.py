"""What a stream can show, by what it is and what the environment says."""

import io

import pytest

from pricectl.output import terminal


class Tty(io.StringIO):
    """A stream that says it is a terminal, without a size of its own."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("env", "piped", "shown"),
    [
        ({}, False, True),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, False, True),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": ""}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, False, True),
        ({"TERM": "xterm"}, True, False),
    ],
)
def test_when_there_is_colour(env: dict[str, str], piped: bool, shown: bool) -> None:
    assert terminal.wants_colour(io.StringIO() if piped else Tty(), env) is shown


@pytest.mark.parametrize(
    ("said", "columns"), [("120", 120), ("", 80), ("0", 80), ("-5", 80), ("wide", 80), ("3", 20), ("9" * 5000, 999999)]
)
def test_columns_are_what_the_environment_says(said: str, columns: int) -> None:
    assert terminal.columns(Tty(), {"COLUMNS": said}) == columns


def test_only_a_terminal_has_a_width_to_keep_to() -> None:
    assert terminal.screen(io.StringIO(), {"COLUMNS": "40"}).width is None
    assert terminal.screen(Tty(), {"COLUMNS": "40"}).width == 40


def test_a_stream_that_is_closed_or_missing_is_no_terminal() -> None:
    stream = Tty()
    stream.close()
    missing = terminal.screen(None, {})
    assert (missing.width, missing.colour, missing.terminal) == (None, False, False)
    assert terminal.columns(stream, {}) == 80


@pytest.mark.parametrize(("encoding", "able"), [("utf-8", True), ("UTF8", True), ("ascii", False), ("latin-1", False)])
def test_an_encoding_says_what_characters_there_are(encoding: str, able: bool) -> None:
    assert terminal.screen(io.TextIOWrapper(io.BytesIO(), encoding), {}).unicode is able
