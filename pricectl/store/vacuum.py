"""The end of what nothing lists any more. Only under the writers' lock, and only what has been so for a day: a reader
may still hold an older version, and a part that was listed for years leaves the list at the age of years."""

import contextlib
import json
import os
import re
from collections.abc import Iterator

from pricectl.errors import Damaged
from pricectl.store.disk import Disk
from pricectl.store.log import Log

GRACE_MS = 24 * 3_600_000

_PART = re.compile(r"[0-9a-f]{32}-[0-9a-f]{64}\.parquet")
_ENTRY = re.compile(r"\d{20}\.json")
_HALF_WRITTEN = re.compile(r"_commit_.*\.tmp|.*#\d+")  # of a writer that died within delta-rs


def vacuum(log: Log, disk: Disk, now_ms: int) -> int:
    """Remove the files of one table that have not been listed for 24 h, then the log's entries that its last two
    checkpoints have made needless; how many parts went. Raises Damaged, NewerFormat, OSError."""
    listed = {part.path for part in log.parts()}
    old = [path for path in _files(log.folder) if path not in listed and _is_old(log.folder, path, now_ms)]
    recent = _recently_removed(log, now_ms) if old else set()
    gone = [path for path in old if path not in recent]
    for path in gone:
        disk.remove(os.path.join(log.folder, path))
    for path in log.needless():
        if _is_old("", path, now_ms):
            disk.remove(path)
    for name in _names(log.entries):
        if _HALF_WRITTEN.fullmatch(name) and _is_old(log.entries, name, now_ms):
            disk.remove(os.path.join(log.entries, name))
    return len(gone)


def _files(folder: str) -> Iterator[str]:
    """The paths below ``folder`` of all files that are named like parts."""
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "_delta_log"]
        below = os.path.relpath(above, folder)
        for name in names:
            if _PART.fullmatch(name):
                yield name if below == "." else f"{below.replace(os.sep, '/')}/{name}"


def _is_old(folder: str, path: str, now_ms: int) -> bool:
    try:
        return os.stat(os.path.join(folder, path)).st_mtime * 1000 < now_ms - GRACE_MS
    except FileNotFoundError:
        return False


def _recently_removed(log: Log, now_ms: int) -> set[str]:
    """The paths that entries of the last day took off the list. An entry that cannot be read counts for all."""
    removed: set[str] = set()
    for name in _names(log.entries):
        if not _ENTRY.fullmatch(name) or _is_old(log.entries, name, now_ms):
            continue
        path = os.path.join(log.entries, name)
        try:
            with open(path, encoding="utf-8") as file:
                actions = [json.loads(line) for line in file if '"remove"' in line]
            removed.update(action["remove"]["path"] for action in actions if "remove" in action)
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"the log entry cannot be read: {path}", "run `pricectl doctor --fix`") from error
    return removed


def _names(folder: str) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(folder)
    return []
