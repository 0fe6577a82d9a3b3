"""The account's crontab: our lines in it, and never another touched.

A line of ours ends in a comment that names the job and the home, so that it is found again, and so that two homes have
each their own.
"""

import os
import shlex
import subprocess
from collections.abc import Collection, Iterable

from pricectl.engine.schedule import Task
from pricectl.errors import PricectlError, UsageError

_PATIENCE_S = 20.0
_NONE = ("no crontab for", "no such file or directory")  # what cronie, Vixie's and busybox say where there is none yet


def line(task: Task) -> str:
    """The line that runs ``task``, without its end."""
    command = shlex.join(task.words(task.job.cron_options)).replace("%", r"\%")  # cron takes % for the end of the line
    return f"{task.job.cron} {command}{' > /dev/null' if task.job.talks else ''} {_mark(task)}"


def with_lines(crontab: str, tasks: Iterable[Task]) -> str:
    """``crontab`` with the lines of ``tasks``: each in the place of an older one, or as the last."""
    for task in tasks:
        crontab = _with_line(crontab, task)
    return crontab


def _with_line(crontab: str, task: Task) -> str:
    lines = crontab.split("\n")
    ours = [place for place, one in enumerate(lines) if _is_ours(one, task)]
    if ours:
        lines[ours[0]] = line(task)
        return "\n".join(one for place, one in enumerate(lines) if place not in ours[1:])
    ended = crontab if crontab.endswith("\n") or not crontab else f"{crontab}\n"
    return f"{ended}{line(task)}\n"


def without_lines(crontab: str, tasks: Collection[Task]) -> str:
    """``crontab`` without the lines of ``tasks``, every other byte as it was."""
    return "\n".join(one for one in crontab.split("\n") if not any(_is_ours(one, task) for task in tasks))


def _mark(task: Task) -> str:
    return f"# pricectl {task.job.name} of {task.home}".replace("%", r"\%")


def _is_ours(one: str, task: Task) -> bool:
    # A line of ours that somebody commented out is theirs now.
    return one.endswith(_mark(task)) and not one.lstrip().startswith("#")


def read() -> str:
    """The account's crontab, empty if it has none. Raises UsageError where there is no crontab program, PricectlError
    where it refuses."""
    done = _crontab("-l")
    if done.returncode == 0:
        return _text(done.stdout)
    if any(said in _text(done.stderr).lower() for said in _NONE):
        return ""
    raise PricectlError(f"cannot read the crontab: {_said(done)}", _hint())


def write(crontab: str) -> None:
    """Make ``crontab`` the account's. Raises UsageError and PricectlError as ``read``."""
    done = _crontab("-", crontab)
    if done.returncode:
        raise PricectlError(f"cannot write the crontab: {_said(done)}", _hint())
    if not set(crontab.split("\n")) <= set(read().split("\n")):
        raise PricectlError("cannot write the crontab: it is not what was written", _hint())


def _crontab(option: str, text: str = "") -> "subprocess.CompletedProcess[bytes]":
    # A crontab in another encoding than ours goes through unchanged.
    data = text.encode("utf-8", "surrogateescape")
    env = {**os.environ, "LC_ALL": "C"}  # its words are understood below
    try:
        return subprocess.run(
            ["crontab", option], input=data, capture_output=True, env=env, timeout=_PATIENCE_S, check=False
        )
    except FileNotFoundError:
        raise UsageError("this machine has no crontab program", "install cron, or give --with systemd") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or f"no answer for {_PATIENCE_S:g} s"
        raise PricectlError(f"cannot run crontab: {reason}", _hint()) from error


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    return " ".join(_text(done.stderr).split()) or f"crontab ended with exit code {done.returncode}"


def _hint() -> str:
    return "see whether this account may use cron, or give --with systemd; without --install the line is printed"
