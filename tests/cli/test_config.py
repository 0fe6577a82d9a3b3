"""``pricectl config``, as real processes."""

import csv
import io
import json
import tomllib
from pathlib import Path

import pytest

from shell import pricectl


def write(home: Path, text: str) -> None:
    (home / "config.toml").write_text(text)


def test_show_says_where_each_value_comes_from(tmp_path: Path) -> None:
    write(tmp_path, 'read_only = true\nfresh.open = "90s"\n\n[retention]\ndaily = "all"\n')
    env = {"PRICECTL_FRESH_OPEN": "2m", "PRICECTL_YAHOO_URL": "http://127.0.0.1:9/"}
    ended = pricectl("config", "show", "--timeout", "5s", "--json", home=tmp_path, env=env)
    assert (ended.code, ended.err) == (0, "")
    said = json.loads(ended.out)
    assert (said["home"], said["schemaVersion"]) == (str(tmp_path), 1)
    file = f"{tmp_path}/config.toml"
    assert {one["name"]: (one["value"], one["origin"]) for one in said["settings"]} == {
        "read_only": (True, file),
        "timeout": ("5s", "flag"),
        "fresh.open": ("120s", "environment"),
        "retention.daily": ("all", file),
        "retention.weekly": ("3y", "default"),
        "home.group": ("", "default"),
        "binance.url": ("https://data-api.binance.vision", "default"),
        "yahoo.url": ("http://127.0.0.1:9", "environment"),
        "kraken.url": ("https://api.kraken.com", "default"),
        "coinbase.url": ("https://api.exchange.coinbase.com", "default"),
        "frankfurter.url": ("https://api.frankfurter.dev", "default"),
        "ecb.url": ("https://data-api.ecb.europa.eu", "default"),
        "tiingo.url": ("https://api.tiingo.com", "default"),
        "tiingo.token": ("", "default"),
        "tiingo.token_file": ("", "default"),
        "tiingo.token_next": ("", "default"),
    }


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    write(tmp_path, '[tiingo]\ntoken_next = "s3cret-next"\n')
    env = {"PRICECTL_TIINGO_TOKEN": "s3cret-now"}
    for words in (("--json",), (), ("-o", "csv"), ("-o", "jsonl")):
        ended = pricectl("config", "show", *words, home=tmp_path, env=env)
        assert ended.code == 0
        assert "s3cret" not in ended.out + ended.err
        assert ended.out.count("***") == 2


@pytest.mark.parametrize("token", ["two words", "s3cret\nX-Other: 1", "s3crèt", "s3cret\x7f"])
def test_what_cannot_be_a_key_is_2_and_not_repeated(tmp_path: Path, token: str) -> None:
    ended = pricectl("config", "show", home=tmp_path, env={"PRICECTL_TIINGO_TOKEN": token})
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("pricectl: tiingo.token (environment): a key is one word of printable ASCII; ")
    assert "s3cr" not in ended.err


def test_show_in_the_other_formats(tmp_path: Path) -> None:
    table = pricectl("config", "show", home=tmp_path).out.splitlines()
    assert table[:3] == [
        "SETTING            VALUE                              ORIGIN",
        "read_only          false                              default",
        "timeout            20s                                default",
    ]
    lines = [json.loads(line) for line in pricectl("config", "show", "-o", "jsonl", home=tmp_path).out.splitlines()]
    rows = list(csv.DictReader(io.StringIO(pricectl("config", "show", "-o", "csv", home=tmp_path).out)))
    assert len(lines) == len(rows) == len(table) - 1
    assert lines[1] == {
        "name": "timeout", "value": "20s", "origin": "default", "default": "20s", "env": "PRICECTL_TIMEOUT",
        "doc": "The longest a command may wait for its providers, all retries included.", "schemaVersion": 1,
    }  # fmt: skip
    assert rows[1] == {key: value for key, value in lines[1].items() if key != "schemaVersion"}


def test_the_template_is_a_file_that_changes_nothing(tmp_path: Path) -> None:
    template = pricectl("config", "template", home=tmp_path)
    assert template.code == 0
    assert tomllib.loads(template.out) == {}
    before = pricectl("config", "show", home=tmp_path).out
    write(tmp_path, template.out)
    assert pricectl("config", "show", home=tmp_path).out == before


def test_the_template_uncommented_holds_the_defaults(tmp_path: Path) -> None:
    before = json.loads(pricectl("config", "show", "--json", home=tmp_path).out)["settings"]
    template = pricectl("config", "template", home=tmp_path).out
    settings = [line.removeprefix("# ") for line in template.splitlines() if " = " in line]
    write(tmp_path, "\n".join(settings))
    after = json.loads(pricectl("config", "show", "--json", home=tmp_path).out)["settings"]
    assert [(one["name"], one["value"]) for one in after] == [(one["name"], one["value"]) for one in before]
    assert {one["origin"] for one in after} == {f"{tmp_path}/config.toml"}


def test_the_template_as_json(tmp_path: Path) -> None:
    text = pricectl("config", "template", home=tmp_path).out
    said = json.loads(pricectl("config", "template", "--json", home=tmp_path).out)
    assert said == {"template": text, "schemaVersion": 1}


def test_path_is_known_before_there_is_a_file(tmp_path: Path) -> None:
    home = tmp_path / "none yet"
    assert pricectl("config", "path", home=home) == (0, f"{home}/config.toml\n", "")
    assert json.loads(pricectl("config", "path", "--json", home=home).out) == {
        "path": f"{home}/config.toml", "home": str(home), "schemaVersion": 1,
    }  # fmt: skip
    assert not home.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fresh.opn = "90s"', "unknown setting fresh.opn in {file}; did you mean fresh.open?"),
        ('qqq = "1"', "unknown setting qqq in {file}; `pricectl config template` lists the settings"),
        (
            'timeout = "soon"',
            "timeout ({file}): 'soon' is not a duration; write it as 90s, 5m or 2h; correct the value",
        ),
    ],
)
def test_a_wrong_file_is_a_usage_error_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text)
    assert pricectl("config", "show", home=tmp_path) == (
        2, "", f"pricectl: {said.format(file=tmp_path / 'config.toml')}\n",
    )  # fmt: skip


def test_a_file_that_is_not_toml_still_has_a_path(tmp_path: Path) -> None:
    write(tmp_path, "read_only = maybe\x00")
    ended = pricectl("config", "show", home=tmp_path)
    assert ended.code == 2
    assert ended.err.startswith(f"pricectl: cannot read {tmp_path}/config.toml: ")
    assert ended.err.endswith("; mend the file, or move it away\n")
    assert pricectl("config", "path", home=tmp_path).code == 0


def test_an_unknown_variable_is_an_error(tmp_path: Path) -> None:
    ended = pricectl("config", "show", home=tmp_path, env={"PRICECTL_TIMEOT": "5s"})
    assert ended.code == 2
    assert "unknown setting PRICECTL_TIMEOT in the environment; did you mean PRICECTL_TIMEOUT?" in ended.err
