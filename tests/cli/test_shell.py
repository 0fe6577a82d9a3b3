"""The shell round every command, as real processes: streams, exit codes, errors, options, help."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shell import environment, into, on_terminal, pricectl

# A pricectl with one more command, whose body is the first argument.
STUB = """
import os, sys, threading
import pricectl.cli as cli
from pricectl import errors
from pricectl.cli.groups import Entry
from pricectl.cli.options import Context, common

@common
def stub(context: Context) -> None:
    exec(os.environ["BODY"], globals() | {"context": context})

cli.COMMANDS["stub"] = Entry(lambda: stub, "A stub.")
sys.exit(cli.main(sys.argv[1:]))
"""


def stub(body: str, *arguments: str, home: Path) -> Any:
    return pricectl("stub", *arguments, home=home, env={"BODY": body}, program=("-c", STUB))


# Errors and exit codes.


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("PricectlError", 1, "failure"),
        ("UsageError", 2, "usage"),
        ("NotFound", 4, "not_found"),
        ("NotFresh", 6, "not_fresh"),
        ("RateLimited", 7, "rate_limited"),
        ("Transient", 8, "unavailable"),
        ("Damaged", 9, "store_damaged"),
        ("Locked", 11, "locked"),
        ("DeadlineReached", 12, "deadline"),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(tmp_path: Path, name: str, code: int, word: str) -> None:
    body = f"raise errors.{name}('it\\x1b broke', 'mend it')"
    if code in (1, 12):
        assert stub(body, home=tmp_path) == (code, "", "pricectl: it\ufffd broke; mend it\n")
    ended = stub(body, "--json", home=tmp_path)
    assert (ended.code, ended.out) == (code, "")
    assert json.loads(ended.err) == {
        "error": {"code": word, "message": "it\x1b broke", "hint": "mend it"},
        "schemaVersion": 1,
    }


def test_an_unexpected_failure_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    body = "context.write('some\\n'); raise ValueError('two\\nlines')"
    assert stub(body, home=tmp_path) == (
        1,
        "some\n",
        "pricectl: unexpected failure: ValueError: two lines; run again with --debug to see where\n",
    )


def test_debug_shows_where(tmp_path: Path) -> None:
    ended = stub("raise ValueError('deep')", "--debug", home=tmp_path)
    assert ended.code == 1
    assert ended.err.startswith("pricectl: unexpected failure: ValueError: deep; ")
    assert "Traceback (most recent call last):" in ended.err
    assert ended.err.endswith("ValueError: deep\n")


def test_an_endless_message_is_cut(tmp_path: Path) -> None:
    ended = stub("raise errors.UsageError('x' * 10_000, 'shorter')", home=tmp_path)
    assert len(ended.err) < 700
    assert ended.err.endswith("…; shorter\n")


@pytest.mark.parametrize(("body", "code"), [("pass", 0), ("sys.exit(5)", 5), ("sys.exit()", 0)])
def test_other_ends(tmp_path: Path, body: str, code: int) -> None:
    assert stub(body, home=tmp_path) == (code, "", "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("confg", "there is no command 'confg'; did you mean config?"),
        ("qqqqqq", "there is no command 'qqqqqq'; see `pricectl --help`"),
        ("config shw", "there is no command 'shw'; did you mean show?"),
        ("config show --offlin", "no such option: --offlin; did you mean --offline?"),
        ("config show --qqqqqq", "no such option: --qqqqqq; see `pricectl config show --help`"),
        ("--qqqqqq", "no such option: --qqqqqq; see `pricectl --help`"),
        (
            "config show -o xml",
            (
                "invalid value for '--output' / '-o': 'xml' is not one of 'table', 'json', 'jsonl', 'csv'; "
                "see `pricectl config show --help`"
            ),
        ),
        ("config show --offline --refresh", "--offline and --refresh exclude each other; give one of the two"),
        ("config show --max-age soon", "--max-age: 'soon' is not a duration; write it as 90s, 5m or 2h"),
        ("config show --max-age -1s", "--max-age: '-1s' is not a duration; write it as 90s, 5m or 2h"),
        ("config show --timeout 0", "timeout (flag): '0' is not longer than nothing; correct the value"),
        ("config show extra", "got unexpected extra argument(s) (extra); see `pricectl config show --help`"),
        ("config show --home", "option '--home' requires an argument; see `pricectl --help`"),
    ],
)
def test_a_usage_error_says_what_would_be_right(tmp_path: Path, line: str, said: str) -> None:
    assert pricectl(*line.split(), home=tmp_path) == (2, "", f"pricectl: {said}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    ["confg --json", "config show --output=jsonl --nope", "config show -ojson --nope", "config show -o json --nope"],
)
def test_a_usage_error_is_json_where_json_was_asked_for(tmp_path: Path, line: str) -> None:
    ended = pricectl(*line.split(), home=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert json.loads(ended.err)["error"]["code"] == "usage"


def test_two_formats_at_once_are_a_usage_error(tmp_path: Path) -> None:
    ended = pricectl("config", "show", "--json", "-o", "csv", home=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert json.loads(ended.err)["error"]["message"] == "--json and -o csv exclude each other"
    assert pricectl("config", "show", "--json", "-o", "json", home=tmp_path).code == 0


def test_after_two_dashes_nothing_is_an_option(tmp_path: Path) -> None:
    ended = pricectl("config", "show", "--", "--json", home=tmp_path)
    assert ended == (2, "", "pricectl: got unexpected extra argument(s) (--json); see `pricectl config show --help`\n")


# Streams.


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert into(writer, "config", "template", home=tmp_path) == (0, "")
    finally:
        os.close(writer)


def test_help_into_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert into(writer, "--help", home=tmp_path) == (0, "")
    finally:
        os.close(writer)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("line", ["config template", "--help", "--version"])
def test_a_full_disk_is_one_line(tmp_path: Path, line: str) -> None:
    with open("/dev/full", "wb") as full:
        code, said = into(full, *line.split(), home=tmp_path)
    assert (code, said) == (
        1,
        (
            "pricectl: cannot write to stdout: No space left on device; what was printed is not whole; "
            "make room and run again\n"
        ),
    )


def test_a_closed_stdout_is_one_line(tmp_path: Path) -> None:
    closed = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$@" >&-', sys.executable, "-m", "pricectl", "config", "path"],
        env=environment(tmp_path), stderr=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip
    assert (closed.returncode, closed.stderr) == (
        1,
        b"pricectl: cannot write to stdout: it is closed; give the command an open stdout\n",
    )


def test_a_closed_stderr_is_no_reason_to_fail(tmp_path: Path) -> None:
    closed = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$@" 2>&-', sys.executable, "-m", "pricectl", "confg"],
        env=environment(tmp_path), stdout=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip
    assert (closed.returncode, closed.stdout) == (2, b"")


def test_a_stream_without_a_character_gets_an_escape(tmp_path: Path) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    ended = pricectl("config", "path", "--home", str(tmp_path / "Zürich"), home=tmp_path, env=ascii_only)
    assert ended == (0, f"{tmp_path}/Z\\xfcrich/config.toml\n", "")
    table = pricectl("config", "show", home=tmp_path, env=ascii_only)
    assert (table.code, table.out.isascii()) == (0, True)
    wrong = pricectl("cönfig", home=tmp_path, env=ascii_only)
    assert wrong == (2, "", "pricectl: there is no command 'c\\xf6nfig'; did you mean config?\n")


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_the_bare_locale_is_no_reason_to_fail(tmp_path: Path, env: dict[str, str]) -> None:
    for line in ("config show", "config show -o csv", "--help", "cönfig"):
        ended = pricectl("--home", str(tmp_path / "Zürich"), *line.split(), home=tmp_path, env=env)
        assert "Traceback" not in ended.err
        assert ended.code == (2 if line == "cönfig" else 0)


def test_what_was_printed_leaves_before_an_interrupt_ends_the_run(tmp_path: Path) -> None:
    body = "context.write('half\\n'); raise KeyboardInterrupt"
    assert stub(body, home=tmp_path) == (130, "half\n", "pricectl: interrupted; run it again to go on\n")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_unwinds_the_run(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    body = (
        "try:\n  context.write('ready\\n', flush=True); threading.Event().wait(50)\n"
        "finally:\n  context.write('put back\\n')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", STUB, "stub"],
        env=environment(tmp_path, {"BODY": body}), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(sent)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, b"put back\n")
    assert err.count(b"\n") == 1
    assert b"Traceback" not in err


@pytest.mark.parametrize("line", ["price BTC", "history BTC", "batch BTC ETH"])
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_that_waits_for_a_provider(
    tmp_path: Path, line: str, sent: signal.Signals, code: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen(
            [sys.executable, "-m", "pricectl", *line.split()],
            env=environment(tmp_path, {"PRICECTL_BINANCE_URL": address, "PRICECTL_TIMEOUT": "50s"}),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            silent.settimeout(60)
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(65536).startswith(b"GET /")
                process.send_signal(sent)
                out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count(b"\n")) == (code, b"", 1)


# Messages.


def test_warnings_go_to_stderr_and_quiet_silences_them(tmp_path: Path) -> None:
    body = "context.warn('old price', 'ask again'); context.note('noted'); context.detail('more')"
    assert stub(body, home=tmp_path) == (0, "", "pricectl: warning: old price; ask again\nnoted\n")
    assert stub(body, "--quiet", home=tmp_path) == (0, "", "")
    assert stub(body, "-v", home=tmp_path).err.endswith("noted\nmore\n")
    as_json = stub(body, "--json", home=tmp_path)
    assert json.loads(as_json.err) == {"warning": {"message": "old price", "hint": "ask again"}, "schemaVersion": 1}


def test_a_question_off_a_terminal_is_a_usage_error(tmp_path: Path) -> None:
    body = "context.write(str(context.confirm('Remove it?', yes=False)))"
    assert stub(body, home=tmp_path) == (
        2,
        "",
        "pricectl: nobody is there to answer 'Remove it?'; give --yes, or run it on a terminal\n",
    )
    assert stub("context.write(str(context.confirm('Remove it?', yes=True)))", home=tmp_path).out == "True"


# Options.


def test_options_may_stand_before_and_after_the_command(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    before = pricectl("--home", str(here), "config", "path", home=tmp_path)
    after = pricectl("config", "path", "--home", str(here), home=tmp_path)
    both = pricectl("--home", str(there), "config", "path", "--home", str(here), home=tmp_path)
    assert before == after == both == (0, f"{here}/config.toml\n", "")
    assert "Traceback" in pricectl("--debug", "config", "shw", home=tmp_path).err


@pytest.mark.parametrize("line", ["-V", "--version", "config show -V", "config path --version"])
def test_the_version(tmp_path: Path, line: str) -> None:
    assert pricectl(*line.split(), home=tmp_path) == (0, "pricectl 0.1.0\n", "")


def test_the_help_of_every_command_starts_with_what_it_does_and_an_example(tmp_path: Path) -> None:
    from pricectl.cli import COMMANDS, groups

    for name in COMMANDS:
        ended = pricectl(name, "--help", home=tmp_path)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith(f"Usage: pricectl {name} ")
        assert " ".join(COMMANDS[name].line.split()[:3]) in " ".join(ended.out.split())
        assert (
            isinstance(groups.command(name, COMMANDS[name].load()), groups.Group)
            or f"\n    pricectl {name}" in ended.out
        )


@pytest.mark.parametrize("line", ["", "-h", "--help"])
def test_help_is_data(tmp_path: Path, line: str) -> None:
    from pricectl.cli import COMMANDS

    ended = pricectl(*line.split(), home=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "\n    pricectl price BTC " in ended.out
    for name, entry in COMMANDS.items():
        assert any(row.split()[:1] == [name] and row.endswith(entry.line) for row in ended.out.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_every_command_takes_the_options_that_mean_the_same_everywhere() -> None:
    from pricectl.cli import COMMANDS, groups

    def leaves(command: Any) -> list[Any]:
        if not isinstance(command, groups.Group):
            return [command]
        return [leaf for name in command.entries for leaf in leaves(command.get_command(None, name))]

    wanted = {
        "-o", "--output", "--json", "--home", "--offline", "--max-age", "--refresh", "--timeout", "-q", "--quiet",
        "-v", "--verbose", "--debug", "-V", "--version",
    }  # fmt: skip
    for name, entry in COMMANDS.items():
        for leaf in leaves(groups.command(name, entry.load())):
            assert wanted <= {flag for parameter in leaf.params for flag in parameter.opts}, (name, leaf.name)


def test_a_shell_completes_commands_and_options(tmp_path: Path) -> None:
    def offered(words: str) -> list[str]:
        env = {"_PRICECTL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return pricectl(home=tmp_path, env=env).out.split()

    assert offered("pricectl conf") == ["config"]
    assert offered("pricectl config sh") == ["show"]
    assert "--output" in offered("pricectl config show --o")


# On a terminal.


def test_a_table_on_a_terminal_keeps_to_its_width(tmp_path: Path) -> None:
    code, seen = on_terminal("config", "show", home=tmp_path, env={"COLUMNS": "40", "NO_COLOR": "1"})
    assert code == 0
    assert max(map(len, seen.splitlines())) <= 40
    assert "…" in seen
    assert "\x1b" not in seen
    assert "https://data-api.binance.vision" in pricectl("config", "show", home=tmp_path, env={"COLUMNS": "40"}).out


def test_colour_is_for_terminals_and_for_those_who_force_it(tmp_path: Path) -> None:
    assert "\x1b[1mSETTING" in on_terminal("config", "show", home=tmp_path)[1]
    assert "\x1b" not in on_terminal("config", "show", home=tmp_path, env={"TERM": "dumb"})[1]
    assert "\x1b" not in pricectl("config", "show", home=tmp_path).out
    assert "\x1b[1mSETTING" in pricectl("config", "show", home=tmp_path, env={"FORCE_COLOR": "1"}).out


# Start-up.

HEAVY = (
    "rich", "httpx", "asyncio", "tenacity", "diskcache", "duckdb", "pyarrow", "deltalake", "logging", "sqlite3",
    "importlib.metadata", "dataclasses",
)  # fmt: skip


@pytest.mark.parametrize("line", ["config path", "--help", "config --help", "price --help", "confg"])
def test_a_command_that_needs_nothing_heavy_imports_nothing_heavy(tmp_path: Path, line: str) -> None:
    program = (
        "import sys; from pricectl.cli import main; code = main(sys.argv[1:]); "
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    ended = pricectl(*line.split(), home=tmp_path, program=("-c", program))
    assert ended.err.splitlines()[-1] == "[]"
