"""What is to run by itself, and when: the jobs, and the words of their command. ``crontab`` and ``systemd`` say it in
theirs."""

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from pricectl.errors import UsageError


class Job(NamedTuple):
    """A command of pricectl that runs by itself. ``cron`` and ``calendar`` are its times in the notations of crontab(5)
    and systemd.time(7); ``options`` hold for both, ``cron_options`` for cron, whose minute begins for everybody at
    once; a run is stopped after ``stop_s``. ``talks``: it shows its result, which cron would mail."""

    name: str
    line: str
    cron: str
    calendar: str
    stop_s: int
    options: tuple[str, ...] = ()
    cron_options: tuple[str, ...] = ()
    talks: bool = False


REFRESH = Job("refresh", "keep prices up to date", "* * * * *", "*:*:00", 58, ("--deadline", "50s"), ("--jitter", "5s"))
AGGREGATE = Job("aggregate", "roll old days up", "17 5 * * *", "*-*-* 05:17:30", 3600, talks=True)


class Task(NamedTuple):
    """A job for one home. ``program``: the words that start pricectl, the first an absolute path; ``extra``: options
    of the user's own; ``group``: the home is open to it; ``usual``: it is the account's usual home."""

    job: Job
    program: tuple[str, ...]
    home: str
    extra: tuple[str, ...]
    group: str
    usual: bool

    def words(self, more: Sequence[str] = ()) -> list[str]:
        """The whole command."""
        return [*self.program, self.job.name, "--home", self.home, *self.job.options, *more, *self.extra]

    @property
    def written(self) -> list[str]:
        """The folders that a run writes to."""
        metrics = [os.path.dirname(value) for name, value in _values(self.extra) if name == "--metrics-file"]
        return list(dict.fromkeys([self.home, *metrics]))


def tasks(
    program: Sequence[str], home: str, extra: Sequence[str] = (), *, group: str = "", usual: bool = True
) -> list[Task]:
    """What is to run by itself for ``home``; ``extra`` are options for refresh. Raises as ``task``."""
    return [
        task(REFRESH, program, home, extra, group=group, usual=usual),
        task(AGGREGATE, program, home, (), group=group, usual=usual),
    ]


def task(
    job: Job, program: Sequence[str], home: str, extra: Sequence[str] = (), *, group: str = "", usual: bool = True
) -> Task:
    """The task of these; paths among the options become absolute. Raises UsageError for options that it sets itself,
    and for text that no crontab can hold."""
    for word in extra:
        if word.partition("=")[0] in ("--home", "--every"):
            raise UsageError(f"{word} cannot stand after --", "--home stands before it; a schedule needs no --every")
    found = Task(job, tuple(program), home, tuple(_absolute(extra)), group, usual)
    for word in found.words():
        if not word.isprintable():
            raise UsageError(f"{word!r} holds a character that no schedule can hold", "use another path")
    return found


def _values(words: Sequence[str]) -> list[tuple[str, str]]:
    """The options among ``words`` with their values, written as two words or with ``=``."""
    pairs = [(word, after) for word, after in pairwise([*words, ""]) if "=" not in word]
    return pairs + [(name, value) for name, _, value in (word.partition("=") for word in words if "=" in word)]


def _absolute(words: Sequence[str]) -> list[str]:
    """The same, files by their absolute paths: what runs by itself runs in another folder."""
    found = []
    name = ""
    for word in words:
        option, equals, value = word.partition("=")
        if equals and option.startswith("--"):
            found.append(f"{option}={_path(option, value)}")
        else:
            found.append(_path(name, word))
        name = word
    return found


def _path(option: str, value: str) -> str:
    if option == "--metrics-file":
        return os.path.abspath(os.path.expanduser(value))
    if option == "--ping-url" and value.startswith("@"):
        return "@" + os.path.abspath(os.path.expanduser(value[1:]))
    return value
