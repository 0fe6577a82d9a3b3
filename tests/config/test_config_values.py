"""Settings: who wins, what a value may be, where the home is."""

import grp
import os
import re
import stat
import sys
from pathlib import Path

import pytest

from pricectl.config import SETTINGS, Settings, ensure_home, load, seconds
from pricectl.errors import ConfigError, UsageError
from pricectl.home import HARMLESS_ENV, Home, home_dir, shipped


def settings(
    folder: Path, text: str | None = None, env: dict[str, str] | None = None, flags: dict[str, str] | None = None
) -> Settings:
    """The settings of a home whose config.toml holds ``text``."""
    if text is not None:
        (folder / "config.toml").write_text(text)
    return load(Home(str(folder)), env or {}, flags)


def test_the_defaults(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert {setting.name: found[setting.name] for setting in SETTINGS} == {
        "read_only": False,
        "timeout": 20.0,
        "fresh.open": 60.0,
        "retention.daily": "1y",
        "retention.weekly": "3y",
        "home.group": "",
        "binance.url": "https://data-api.binance.vision",
        "yahoo.url": "https://query2.finance.yahoo.com",
        "kraken.url": "https://api.kraken.com",
        "coinbase.url": "https://api.exchange.coinbase.com",
        "frankfurter.url": "https://api.frankfurter.dev",
        "ecb.url": "https://data-api.ecb.europa.eu",
        "tiingo.url": "https://api.tiingo.com",
        "tiingo.token": "",
        "tiingo.token_file": "",
        "tiingo.token_next": "",
    }
    assert set(found.origins.values()) == {"default"}
    assert (found.read_only, found.timeout_s) == (False, 20.0)


def test_flag_before_environment_before_file_before_default(tmp_path: Path) -> None:
    text = 'timeout = "1s"\n[fresh]\nopen = "2s"\n[retention]\ndaily = "2y"'
    env = {"PRICECTL_TIMEOUT": "3s", "PRICECTL_FRESH_OPEN": "4s"}
    found = settings(tmp_path, text, env, {"timeout": "5s"})
    names = ("timeout", "fresh.open", "retention.daily", "retention.weekly")
    assert [found[name] for name in names] == [5.0, 4.0, "2y", "3y"]
    assert [found.origins[name] for name in names] == [
        "flag",
        "environment",
        str(tmp_path / "config.toml"),
        "default",
    ]


def test_every_setting_has_an_environment_twin(tmp_path: Path) -> None:
    values = {
        "PRICECTL_READ_ONLY": "1",
        "PRICECTL_TIMEOUT": "9",
        "PRICECTL_FRESH_OPEN": "2m",
        "PRICECTL_RETENTION_DAILY": "18m",
        "PRICECTL_RETENTION_WEEKLY": "all",
        "PRICECTL_HOME_GROUP": grp.getgrgid(os.getgid()).gr_name,
        "PRICECTL_BINANCE_URL": "http://127.0.0.1:8001/",
        "PRICECTL_YAHOO_URL": "http://127.0.0.1:8002",
        "PRICECTL_KRAKEN_URL": "http://127.0.0.1:8003",
        "PRICECTL_COINBASE_URL": "http://127.0.0.1:8004",
        "PRICECTL_FRANKFURTER_URL": "http://127.0.0.1:8005",
        "PRICECTL_ECB_URL": "http://127.0.0.1:8006",
        "PRICECTL_TIINGO_URL": "http://127.0.0.1:8007",
        "PRICECTL_TIINGO_TOKEN": "first-key",
        "PRICECTL_TIINGO_TOKEN_FILE": "/nowhere",
        "PRICECTL_TIINGO_TOKEN_NEXT": "second-key",
    }
    assert {setting.env for setting in SETTINGS} == set(values)
    found = settings(tmp_path, env=values)
    assert found.read_only is True
    assert (found["timeout"], found["fresh.open"]) == (9.0, 120.0)
    assert (found["retention.daily"], found["retention.weekly"]) == ("18m", "all")
    assert found.url("binance") == "http://127.0.0.1:8001"
    assert found.url("yahoo") == "http://127.0.0.1:8002"
    assert found.keys("tiingo") == ["first-key", "second-key"]  # the environment's before the file's


def test_a_key_comes_from_a_file_and_is_read_when_it_is_needed(tmp_path: Path) -> None:
    env = {"PRICECTL_TIINGO_TOKEN_FILE": str(tmp_path / "key")}
    found = settings(tmp_path, env=env)
    assert not found.lacks_key("tiingo")
    with pytest.raises(ConfigError, match=r"tiingo\.token_file: cannot read"):
        found.keys("tiingo")
    (tmp_path / "key").write_text("s3cret-key\n")
    assert found.keys("tiingo") == ["s3cret-key"]
    for nonsense in ("", "s3cret key", "s3crèt"):
        (tmp_path / "key").write_text(nonsense)
        with pytest.raises(ConfigError, match="does not hold a key") as caught:
            found.keys("tiingo")
        assert "s3cr" not in str(caught.value)


def test_without_a_key_only_those_that_want_one_lack_it(tmp_path: Path) -> None:
    found = settings(tmp_path, env={"PRICECTL_TIINGO_TOKEN_NEXT": "second-key"})
    assert found.lacks_key("tiingo")
    assert found.keys("tiingo") == []
    assert not found.lacks_key("yahoo")


def test_other_variables_are_nobody_s_business(tmp_path: Path) -> None:
    found = settings(tmp_path, env={"PRICECTL_HOME": "/elsewhere", "HOME": "/root", "PRICECTLX": "1"})
    assert set(found.origins.values()) == {"default"}
    assert set(HARMLESS_ENV) <= {setting.env for setting in SETTINGS} | {"PRICECTL_HOME"}


@pytest.mark.parametrize(
    ("text", "unknown", "near"),
    [
        ('timeot = "5s"', "timeot", "timeout"),
        ('[fresh]\nopne = "5s"', "fresh.opne", "fresh.open"),
        ('fresh = "5s"', "fresh", "fresh.open"),
        ('"retention.dayly" = "1y"', "retention.dayly", "retention.daily"),
        ('[yaho]\nurl = "http://x"', "yaho.url", "yahoo.url"),
    ],
)
def test_an_unknown_key_names_the_nearest(tmp_path: Path, text: str, unknown: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown setting {re.escape(unknown)} in ") as caught:
        settings(tmp_path, text)
    assert caught.value.hint == f"did you mean {near}?"
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, UsageError)


def test_an_unknown_variable_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown setting PRICECTL_READONLY in the environment") as caught:
        settings(tmp_path, env={"PRICECTL_READONLY": "1"})
    assert caught.value.hint == "did you mean PRICECTL_READ_ONLY?"


def test_a_key_like_no_other_is_told_where_the_list_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, "qqqq = 1")
    assert caught.value.hint == "`pricectl config template` lists the settings"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400), ("45", 45), ("1.5m", 90), ("0", 0), ("0.25", 0.25)],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "s", "-5s", "+5s", "5 m", " 5m", "5M", "5ms", "1e3", "nan", "inf", "1.2.3s", ".", "5s\n", "٥s", "²", "1_0s"],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        seconds(text)


def test_a_duration_of_endless_digits_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        seconds("9" * 13)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("timeout", "0", "is not longer than nothing"),
        ("timeout", "soon", "is not a duration"),
        ("read_only", "maybe", "is neither true nor false"),
        ("retention.daily", "1w", "is not a retention"),
        ("retention.daily", "0y", "is not a retention"),
        ("retention.daily", "y", "is not a retention"),
        ("retention.daily", "", "is not a retention"),
        ("retention.weekly", "1000y", "is not a retention"),
        ("retention.weekly", "٣y", "is not a retention"),
        ("yahoo.url", "ftp://example.org", "is not an http"),
        ("yahoo.url", "query2.finance.yahoo.com", "is not an http"),
        ("yahoo.url", "https://", "is not an http"),
        ("yahoo.url", "https:///", "is not an http"),
        ("yahoo.url", "https://example.org/a b", "is not an http"),
        ("yahoo.url", "https://example.org?key=1", "is not an http"),
        ("home.group", "no such group", "this machine has no group"),
    ],
)
def test_a_value_that_cannot_be_read_names_setting_and_origin(tmp_path: Path, name: str, value: str, said: str) -> None:
    variable = "PRICECTL_" + name.upper().replace(".", "_")
    with pytest.raises(ConfigError, match=rf"^{re.escape(name)} \(environment\): .*{said}"):
        settings(tmp_path, env={variable: value})
    with pytest.raises(ConfigError, match=rf"^{re.escape(name)} \({re.escape(str(tmp_path))}/config.toml\): .*{said}"):
        settings(tmp_path, f'"{name}" = "{value}"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("True", True),
        ("1", True),
        ("yes", True),
        ("false", False),
        ("0", False),
        ("no", False),
        ("", False),
    ],
)
def test_truth(tmp_path: Path, text: str, expected: bool) -> None:
    assert settings(tmp_path, env={"PRICECTL_READ_ONLY": text}).read_only is expected


def test_the_file_may_hold_toml_s_own_values(tmp_path: Path) -> None:
    found = settings(tmp_path, "read_only = true\ntimeout = 2.5\n[fresh]\nopen = 30")
    assert (found.read_only, found.timeout_s, found["fresh.open"]) == (True, 2.5, 30.0)


@pytest.mark.parametrize("text", [b"timeout = ", b"\xff\xfe", b'timeout = "1s"\ntimeout = "2s"', b"timeout = [1]"])
def test_a_file_that_cannot_be_read_says_so(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(text)
    with pytest.raises(ConfigError, match=r"config\.toml") as caught:
        settings(tmp_path)
    assert caught.value.hint in ("mend the file, or move it away", "correct the value")


def test_a_folder_in_the_file_s_place_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigError, match=r"^cannot read .*/config\.toml: Is a directory$"):
        settings(tmp_path)


def test_a_home_that_does_not_exist_has_the_defaults_and_stays_so(tmp_path: Path) -> None:
    assert settings(tmp_path / "none")["timeout"] == 20.0
    assert not (tmp_path / "none").exists()


def test_the_flag_wins_and_then_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    env = {"PRICECTL_HOME": "/var/prices", "XDG_DATA_HOME": "/data"}
    assert home_dir("/flag", env) == "/flag"
    assert home_dir("here", env) == str(tmp_path / "here")
    assert home_dir("~/p", env) == "/home/someone/p"
    assert home_dir(None, env) == "/var/prices"
    assert home_dir("", env) == "/var/prices"
    assert home_dir(None, {"PRICECTL_HOME": "~/q"}) == "/home/someone/q"


@pytest.mark.parametrize(
    ("platform", "env", "expected"),
    [
        ("linux", {}, "/home/someone/.local/share/pricectl"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/pricectl"),
        ("linux", {"XDG_DATA_HOME": "relative"}, "/home/someone/.local/share/pricectl"),  # the XDG rule
        ("linux", {"XDG_DATA_HOME": "", "PRICECTL_HOME": ""}, "/home/someone/.local/share/pricectl"),
        ("darwin", {}, "/home/someone/Library/Application Support/pricectl"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/someone/Library/Application Support/pricectl"),
        ("darwin", {"PRICECTL_HOME": "/var/prices"}, "/var/prices"),
    ],
)
def test_the_platform_s_data_folder(
    monkeypatch: pytest.MonkeyPatch, platform: str, env: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", "/home/someone")
    assert home_dir(None, env) == expected


def test_the_names_in_the_home() -> None:
    home = Home("/h")
    assert (home.config, home.assets, home.cache, home.store, home.state, home.hits) == (
        "/h/config.toml",
        "/h/assets.csv",
        "/h/cache",
        "/h/store",
        "/h/state",
        "/h/state/hits",
    )


def modes(root: Path) -> dict[str, int]:
    return {
        str(path.relative_to(root.parent)): stat.S_IMODE(path.stat().st_mode)
        for path in (root, *(entry for entry in root.iterdir() if entry.is_dir()))
    }


def test_the_home_is_the_owner_s_alone(tmp_path: Path) -> None:
    ensure_home(settings(tmp_path / "a" / "home"))
    assert modes(tmp_path / "a" / "home") == {
        "home": 0o700,
        "home/cache": 0o700,
        "home/store": 0o700,
        "home/state": 0o700,
    }


def test_a_group_may_read_it_where_that_is_set(tmp_path: Path) -> None:
    mine = set(os.getgroups()) if os.geteuid() else {entry.gr_gid for entry in grp.getgrall()}
    group = grp.getgrgid(max(mine - {os.getegid()} or {os.getegid()}))  # one that a new folder would not have anyway
    ensure_home(settings(tmp_path / "home", env={"PRICECTL_HOME_GROUP": group.gr_name}))
    assert set(modes(tmp_path / "home").values()) == {0o2750}
    assert (tmp_path / "home" / "store").stat().st_gid == group.gr_gid


def test_a_home_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    ensure_home(settings(tmp_path / "home"))
    ensure_home(settings(tmp_path / "home"))
    assert modes(tmp_path / "home")["home"] == 0o755
    assert modes(tmp_path / "home")["home/state"] == 0o700


def test_a_home_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(OSError, match="home"):
        ensure_home(Settings(Home(str(tmp_path / "home")), {"home.group": ""}, {}))


def test_shipped_files_are_found() -> None:
    assert Path(shipped("assets.csv")).is_file()
    assert Path(shipped("sessions.txt")).is_file()
