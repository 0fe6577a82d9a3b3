"""A write stopped at any step on the disk leaves the old version or the new one, whole, and the next goes on."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pricectl.errors import Unwritable
from pricectl.store.log import Log
from stores import AAPL, D, add, flat, home, part_files, store

# The three kinds of fault take turns, so that each step is stopped once; CRASH_SWEEP=all stops every step in every way
# (90 s instead of 15).
ALL = os.environ.get("CRASH_SWEEP") == "all"
TURNS = {"torn": (1, 2), "ENOSPC": (2, 4), "EIO": (4, 4)}


def sweep(folder: Path, scenario: str, mode: str, first: int = 1, stride: int = 1) -> list[Mapping[str, str]]:
    script = Path(__file__).with_name("sweep_store.py")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, str(script), scenario, str(folder), mode, str(first), str(stride)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(steps: list[Mapping[str, str]], mode: str) -> None:
    for step in steps:
        assert step["then"] in ("old new", "new new"), step
        if mode == "torn":
            assert step["ended"] == "signal 9", step
        else:
            # What may be forgotten may fail in silence; all else is told, with a hint, as the store's failure.
            assert step["ended"].split(" ", 1)[1] in ("ok", "store_unwritable 9 hint"), step
            assert not (step["ended"].endswith("ok") and step["then"] == "old new"), step
    # Otherwise the faults do not hit what they should.
    assert {step["then"] for step in steps} == {"old new", "new new"}


@pytest.mark.parametrize("mode", TURNS)
def test_adding_bars_stopped_at_any_step(tmp_path: Path, mode: str) -> None:
    steps = sweep(tmp_path, "add", mode, *((1, 1) if ALL else TURNS[mode]))
    judge(steps, mode)
    assert len(steps) >= (50 if ALL else 12)


@pytest.mark.parametrize("mode", TURNS)
def test_putting_the_latest_prices_stopped_at_any_step(tmp_path: Path, mode: str) -> None:
    steps = sweep(tmp_path, "latest", mode)
    judge(steps, mode)
    assert len(steps) >= 6


class Recorder:
    """Stands in for ``os`` in the store's own modules and notes what became durable, by path."""

    def __init__(self) -> None:
        self.paths: dict[int, str] = {}
        self.log: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def open(self, path: str, flags: int, *mode: int) -> int:
        file = os.open(path, flags, *mode)
        self.paths[file] = path
        if flags & os.O_CREAT:
            self.log.append(("create", path))
        return file

    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(path, mode)
        self.log.append(("create", path))

    def fsync(self, file: int) -> None:
        self.log.append(("fsync", self.paths[file]))

    def committed(self, put: Callable[..., Exception | None]) -> Callable[..., Exception | None]:
        def call(log: Log, version: int, *arguments: object) -> Exception | None:
            self.log.append(("commit", log._path(version)))
            return put(log, version, *arguments)

        return call


def test_all_is_durable_before_it_is_listed_and_listed_durably_before_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    monkeypatch.setattr("pricectl.store.disk.os", recorder)
    monkeypatch.setattr(Log, "_put", recorder.committed(Log._put))
    add(store(tmp_path), [flat(D(2019, 12, 31), 1.0), flat(D(2020, 1, 2), 2.0)])
    add(store(tmp_path), [flat(D(2020, 1, 3), 3.0)])
    commits = [place for place, (what, _) in enumerate(recorder.log) if what == "commit"]
    assert len(commits) == 4
    for place, after in zip(commits, [*commits[1:], len(recorder.log)], strict=True):
        entry = recorder.log[place][1]
        table = os.path.dirname(os.path.dirname(entry))
        durable = {path for what, path in recorder.log[:place] if what == "fsync"}
        # Folders are made durable through the folder above them, files themselves and through theirs.
        for what, path in recorder.log[:place]:
            if what == "create" and path.startswith(table):
                assert os.path.dirname(path) in durable, path
                assert os.path.isdir(path) or path in durable, path
        then = [path for what, path in recorder.log[place:after] if what == "fsync"]
        assert then[:2] == [entry, os.path.dirname(entry)]
    # The second writer made sure of the entry that it builds on: its own writer might have died before.
    second = recorder.log[commits[1] : commits[2]]
    assert ("fsync", os.path.join(home(tmp_path).store, "bars", "_delta_log", f"{0:020d}.json")) in second


def test_a_commit_that_fails_after_it_became_visible_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Log._put

    def late(self: Log, *arguments: object) -> Exception | None:
        put(self, *arguments)  # type: ignore[arg-type]
        return OSError(5, "Input/output error")

    monkeypatch.setattr(Log, "_put", late)
    add(store(tmp_path), [flat(D(2020, 1, 2), 2.0)])
    assert store(tmp_path).traded(AAPL, D(2020, 1, 1), D(2020, 1, 9))[1] == [flat(D(2020, 1, 2), 2.0)]
    assert len(part_files(home(tmp_path))) == 1


def test_a_file_system_that_refuses_large_files_is_told_as_unwritable(tmp_path: Path) -> None:
    # A real refusal by the kernel, below our seam: EFBIG at 400 bytes.
    add(store(tmp_path), [flat(D(2020, 1, 2), 2.0)])
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, limit[1]))
    try:
        with pytest.raises(Unwritable, match="File too large"):
            add(store(tmp_path), [flat(D(2020, 1, 3), 3.0)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert len(part_files(home(tmp_path))) == 1
    add(store(tmp_path), [flat(D(2020, 1, 3), 3.0)])
    assert len(part_files(home(tmp_path))) == 2


def test_an_entry_that_the_kernel_refuses_leaves_the_old_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store(tmp_path), [flat(D(2020, 1, 2), 2.0)])
    put, limit = Log._put, resource.getrlimit(resource.RLIMIT_FSIZE)

    def refused(self: Log, *arguments: object) -> Exception | None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
        try:
            return put(self, *arguments)  # type: ignore[arg-type]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    with monkeypatch.context() as small:
        small.setattr(Log, "_put", refused)
        with pytest.raises(Unwritable, match=r"cannot write .*: File too large"):
            add(store(tmp_path), [flat(D(2020, 1, 3), 3.0)])
    assert store(tmp_path).coverage(AAPL) == [(D(2020, 1, 2), D(2020, 1, 2))]
    add(store(tmp_path), [flat(D(2020, 1, 3), 3.0)])
    assert len(store(tmp_path).traded(AAPL, D(2020, 1, 1), D(2020, 1, 9))[1]) == 2
