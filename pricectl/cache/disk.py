"""What diskcache may keep for us: JSON text in the row itself, nothing else.

diskcache's own Disk unpickles whatever lies in the folder (CVE-2025-69872, no fixed release), opens files that a
row names, and its JSONDisk does not close either hole. The class is not remembered in the folder: a cache opened
without it is a pickle cache again, so ``opened`` is the only place that opens one.
"""

import json
from typing import Any

from diskcache import Cache as DiskCache
from diskcache import Disk
from diskcache.core import MODE_RAW

_LARGEST = 1 << 20


class JsonTextDisk(Disk):  # type: ignore[misc]  # diskcache is not typed
    """Keys are text, values JSON text of at most 1 MiB; every other row is refused with ValueError."""

    def put(self, key: object) -> tuple[str, bool]:
        if not isinstance(key, str):
            raise ValueError(f"a cache key is text, not {type(key).__name__}")
        return key, True

    def get(self, key: object, raw: object) -> str:
        if not raw or not isinstance(key, str):
            raise ValueError("a cached key is not text")
        return key

    def store(self, value: object, read: bool, key: object = None) -> tuple[int, int, None, str]:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
        if read or len(text) > _LARGEST:
            raise ValueError("a cached value is JSON text of at most 1 MiB")
        return 0, MODE_RAW, None, text

    def fetch(self, mode: int, filename: object, value: object, read: bool) -> Any:
        if mode != MODE_RAW or filename is not None or read or not isinstance(value, str):
            raise ValueError("a cached row is not JSON text of this cache")
        return json.loads(value)

    def remove(self, file_path: str) -> None:
        """Nothing: we keep no files, and a path in a planted row is not ours to delete."""


def opened(folder: str) -> DiskCache:
    """The cache in ``folder``, made if need be. Raises sqlite3.Error, OSError, ValueError, diskcache.Timeout.

    No eviction: least-recently-used turns every read into a write, 14 times slower (measured).
    """
    return DiskCache(folder, disk=JsonTextDisk, eviction_policy="none", timeout=5, size_limit=1 << 30, statistics=0)
