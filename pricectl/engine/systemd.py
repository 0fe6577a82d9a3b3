"""The account's systemd units: for each task a service that runs it, hardened, and a timer that starts it.

Directives: systemd.service(5), systemd.exec(5), systemd.timer(5).
"""

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pricectl.engine.schedule import Task
from pricectl.errors import PricectlError, UsageError

_PATIENCE_S = 30.0
_MARK = "# Written by `pricectl schedule`, which also takes it away"


class Unit(NamedTuple):
    """A unit file: its name, its path and its text."""

    name: str
    path: str
    text: str


def units(tasks: Iterable[Task], env: Mapping[str, str]) -> list[Unit]:
    """The services and the timers of ``tasks``, in the account's own folder of units."""
    return [unit for task in tasks for unit in _pair(task, env)]


def _pair(task: Task, env: Mapping[str, str]) -> list[Unit]:
    name = f"pricectl-{task.job.name}"
    if not task.usual:  # another home has units of its own
        name += f"-{hashlib.sha256(os.fsencode(task.home)).hexdigest()[:8]}"
    service, timer = f"{name}.service", f"{name}.timer"
    return [
        Unit(service, os.path.join(_folder(env), service), _service(task)),
        Unit(timer, os.path.join(_folder(env), timer), _timer(task, service)),
    ]


def _folder(env: Mapping[str, str]) -> str:
    base = env.get("XDG_CONFIG_HOME", "")
    return os.path.join(base if os.path.isabs(base) else os.path.expanduser("~/.config"), "systemd", "user")


def _service(task: Task) -> str:
    program, *rest = task.words()
    command = " ".join([_word(program, dollars=False), *(_word(word) for word in rest)])
    # A folder below /tmp is not there for a service that has a /tmp of its own.
    shared_tmp = any(f"{path}/".startswith(("/tmp/", "/var/tmp/")) for path in (program, *task.written))  # noqa: S108
    return f"""{_MARK}.
[Unit]
Description=pricectl: {task.job.line} in {task.home.replace("%", "%%")}

[Service]
Type=oneshot
ExecStart={command}
TimeoutStartSec={task.job.stop_s}
TimeoutStopSec=5
KillSignal=SIGTERM
# 3: some assets failed, and status names them. 11: another run holds the lock.
SuccessExitStatus=3 11
Nice=5
UMask={"0027" if task.group else "0077"}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={" ".join(_word(path, dollars=False) for path in task.written)}
PrivateTmp={"no" if shared_tmp else "yes"}
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
"""


def _timer(task: Task, service: str) -> str:
    return f"""{_MARK}.
[Unit]
Description=pricectl: when to {task.job.line} in {task.home.replace("%", "%%")}

[Timer]
OnCalendar={task.job.calendar}
# systemd's own default lets a minute pass.
AccuracySec=1s
RandomizedDelaySec=5
Persistent={"no" if task.job.stop_s <= 60 else "yes"}
Unit={service}

[Install]
WantedBy=timers.target
"""


def _word(word: str, *, dollars: bool = True) -> str:
    """A word of a command line or a path as systemd reads it back."""
    word = word.replace("%", "%%")
    word = word.replace("$", "$$") if dollars else word
    if word and not any(character in " \t\"'\\;" for character in word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def missing(wanted: Sequence[Unit]) -> list[Unit]:
    """Those of ``wanted`` that are not there, or with another text. Raises UsageError for a file of that name that is
    not ours."""
    return [unit for unit in wanted if _current(unit) != unit.text]


def present(wanted: Sequence[Unit]) -> list[Unit]:
    """Those of ``wanted`` that are there, whatever their text. Raises UsageError as ``missing``."""
    return [unit for unit in wanted if _current(unit) is not None]


def install(wanted: Sequence[Unit]) -> None:
    """Write the units that are missing, and have their timers started, now and at each login. Raises UsageError where a
    file is not ours, PricectlError where one cannot be written or systemd refuses."""
    for unit in missing(wanted):
        _write(unit)
    try:
        _systemctl("daemon-reload")
        _systemctl("enable", "--now", *_timers(wanted))
    except PricectlError as error:
        where = os.path.dirname(wanted[0].path)
        raise PricectlError(f"the units are written to {where}, but {error}", error.hint) from error


def remove(wanted: Sequence[Unit]) -> None:
    """Stop the timers and take the units away. Raises as ``install``."""
    found = present(wanted)
    refused = ""
    try:
        _systemctl("disable", "--now", *_timers(found))
    except PricectlError as error:
        refused = str(error)
    for unit in found:
        try:
            os.unlink(unit.path)
        except OSError as error:
            raise PricectlError(f"cannot remove {unit.path}: {error.strerror}", "check the folder's mode") from error
    if refused:
        raise PricectlError(f"the units are removed, but {refused}", "log in again, or `systemctl --user stop` them")
    _systemctl("daemon-reload")


def _timers(found: Sequence[Unit]) -> list[str]:
    return [unit.name for unit in found if unit.name.endswith(".timer")]


def _current(unit: Unit) -> str | None:
    try:
        with open(unit.path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PricectlError(f"cannot read {unit.path}: {error.strerror}", "check its mode") from error
    if not text.startswith(_MARK):
        raise UsageError(f"{unit.path} is not of pricectl's making", "move it away, or put up the unit by hand")
    return text


def _write(unit: Unit) -> None:
    beside = f"{unit.path}.new"
    try:
        os.makedirs(os.path.dirname(unit.path), exist_ok=True)
        with open(beside, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(unit.text)
        os.chmod(beside, 0o644)
        os.replace(beside, unit.path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        what = f"cannot write {unit.path}: {error.strerror}"
        raise PricectlError(what, "check the folder's owner, mode and space") from error


def _systemctl(*words: str) -> None:
    said = f"`systemctl --user {' '.join(words)}`"
    try:
        done = subprocess.run(
            ["systemctl", "--user", *words], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=_PATIENCE_S, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise PricectlError(f"{said} cannot be run: there is no systemctl", "give --with cron") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or f"no answer for {_PATIENCE_S:g} s"
        raise PricectlError(f"{said} cannot be run: {reason}", "run it by hand") from error
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise PricectlError(f"{said} failed: {reason}", "run it by hand from a login session")
