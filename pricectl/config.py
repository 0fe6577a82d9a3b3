"""How things are set: the settings, and the origin of each value.

Precedence: flag > environment (``PRICECTL_<NAME>``) > ``config.toml`` in the home > default. An unknown key is an
error that names the nearest one.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pricectl.errors import ConfigError
from pricectl.home import ENV, KEYED, Home
from pricectl.home import PROVIDERS as ADDRESSES

PROVIDERS = tuple(ADDRESSES)


def seconds(text: str) -> float:
    """The seconds that ``90s``, ``5m``, ``2h``, ``1d`` or a bare number of seconds stand for. Raises ValueError."""
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}.get(text[-1:], 0.0)
    number = text[:-1] if unit else text
    if not (number.isascii() and number.replace(".", "", 1).isdigit() and len(number) <= 12):
        raise ValueError(f"{text!r} is not a duration; write it as 90s, 5m or 2h")
    return float(number) * (unit or 1.0)


def _duration(text: str) -> float:
    value = seconds(text)
    if value <= 0:
        raise ValueError(f"{text!r} is not longer than nothing")
    return value


def _flag(text: str) -> bool:
    truth = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    if text.lower() not in truth:
        raise ValueError(f"{text!r} is neither true nor false")
    return truth[text.lower()]


def _retention(text: str) -> str:
    number, unit = text[:-1], text[-1:]
    if text != "all" and not (number.isascii() and number.isdigit() and 0 < int(number) < 1000 and unit in "my"):
        raise ValueError(f"{text!r} is not a retention; write it as 18m, 1y or all")
    return text


def _url(text: str) -> str:
    host = text.partition("://")[2].strip("/")
    if not text.startswith(("http://", "https://")) or not host or any(c.isspace() or c in "?#" for c in text):
        raise ValueError(f"{text!r} is not an http(s) address")
    return text.rstrip("/")


def _key(text: str) -> str:
    if any(not "!" <= c <= "~" for c in text):
        raise ValueError("a key is one word of printable ASCII")  # and is not repeated here
    return text


def _group(text: str) -> str:
    if text:
        import grp

        try:
            grp.getgrnam(text)
        except KeyError:
            raise ValueError(f"this machine has no group {text!r}") from None
    return text


class Setting(NamedTuple):
    """One setting: its dotted name, default text, reader and one line of documentation. The value of a ``secret`` one
    is never shown."""

    name: str
    default: str
    read: Callable[[str], Any]
    doc: str
    secret: bool = False

    @property
    def env(self) -> str:
        return ENV + self.name.upper().replace(".", "_")


SETTINGS = (
    Setting("read_only", "false", _flag, "Read and never write: no cache, no store commit, no refresh."),
    Setting("timeout", "20s", _duration, "The longest a command may wait for its providers, all retries included."),
    Setting("fresh.open", "60s", _duration, "How long a quote counts as fresh while its market is open."),
    Setting("retention.daily", "1y", _retention, "How long daily bars are kept (18m, 1y, all)."),
    Setting("retention.weekly", "3y", _retention, "How long weekly bars are kept, counted from today (3y, all)."),
    Setting("home.group", "", _group, "Open the home read-only to this Unix group (folders 2750, files 0640)."),
    *(Setting(f"{name}.url", url, _url, f"Base address of {name}.") for name, url in ADDRESSES.items()),
    *(
        setting
        for name in KEYED
        for setting in (
            Setting(f"{name}.token", "", _key, f"The key that {name} wants; without one it is not asked.", True),
            Setting(f"{name}.token_file", "", str, f"The file that holds the key of {name}."),
            Setting(f"{name}.token_next", "", _key, f"The key that {name} is shown when it refuses the other.", True),
        )
    ),
)


class Settings:
    """The settings in force: ``settings["fresh.open"]`` by dotted name; ``origins`` says where each came from."""

    __slots__ = ("_values", "home", "origins")

    def __init__(self, home: Home, values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
        self.home = home
        self.origins = origins
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    @property
    def read_only(self) -> bool:
        return bool(self._values["read_only"])

    @property
    def timeout_s(self) -> float:
        return float(self._values["timeout"])

    def url(self, provider: str) -> str:
        """The base address of a provider, without a closing slash."""
        return str(self._values[f"{provider}.url"])

    def lacks_key(self, provider: str) -> bool:
        """Whether the provider wants a key and none is set."""
        return provider in KEYED and not (self[f"{provider}.token"] or self[f"{provider}.token_file"])

    def keys(self, provider: str) -> list[str]:
        """The provider's keys, in the order in which to show them; none where none is set.

        Raises ConfigError where the file that should hold the key does not.
        """
        if self.lacks_key(provider):
            return []
        first = self[f"{provider}.token"] or _key_in(self[f"{provider}.token_file"], f"{provider}.token_file")
        return list(dict.fromkeys(key for key in (first, self[f"{provider}.token_next"]) if key))


def _key_in(path: str, name: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="ascii") as file:
            key = _key(file.read(4096).strip())
    except OSError as error:
        raise ConfigError(f"{name}: cannot read {path}: {error.strerror}", "correct the path or its mode") from error
    except ValueError:
        key = ""
    if not key:
        raise ConfigError(f"{name}: {path} does not hold a key", "one word of printable ASCII, and nothing else")
    return key


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = str(value).lower() if isinstance(value, bool) else str(value)
    return flat


def _file_values(path: str) -> dict[str, str]:
    try:
        with open(path, "rb") as file:
            import tomllib  # 4 ms, for those who have a file

            return _flatten(tomllib.load(file))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", "check its owner and mode") from error
    except ValueError as error:
        raise ConfigError(f"cannot read {path}: {error}", "mend the file, or move it away") from error


def _check_names(names: Mapping[str, str], known: set[str], where: str) -> None:
    for name in names:
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else "`pricectl config template` lists the settings"
            raise ConfigError(f"unknown setting {name} in {where}", hint)


def load(home: Home, env: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Settings:
    """The settings in force for ``home``. Raises ConfigError for an unknown key or a value that cannot be read."""
    by_name = {setting.name: setting for setting in SETTINGS}
    by_env = {setting.env: setting for setting in SETTINGS}
    from_file = _file_values(home.config)
    _check_names(from_file, set(by_name), home.config)
    from_env = {name: value for name, value in env.items() if name.startswith(ENV) and name != "PRICECTL_HOME"}
    _check_names(from_env, set(by_env), "the environment")
    layers = (
        ("flag", dict(flags or {})),
        ("environment", {by_env[name].name: value for name, value in from_env.items()}),
        (home.config, from_file),
        ("default", {setting.name: setting.default for setting in SETTINGS}),
    )
    values, origins = {}, {}
    for setting in SETTINGS:
        origin, text = next((where, found[setting.name]) for where, found in layers if setting.name in found)
        try:
            values[setting.name] = setting.read(text)
        except ValueError as error:
            raise ConfigError(f"{setting.name} ({origin}): {error}", "correct the value") from error
        origins[setting.name] = origin
    return Settings(home, values, origins)


def ensure_home(settings: Settings) -> None:
    """The home and its three folders exist, 0700 (2750 with ``home.group``). Raises OSError."""
    group = settings["home.group"]
    mode = 0o2750 if group else 0o700
    for path in (settings.home.root, settings.home.cache, settings.home.store, settings.home.state):
        if os.path.isdir(path):
            continue
        os.makedirs(path, mode=0o700, exist_ok=True)  # another process may make it now
        if group:
            import shutil

            shutil.chown(path, group=group)
        os.chmod(path, mode)
