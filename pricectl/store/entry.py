"""One entry of a Delta log, checked against what it says of itself.

delta-rs takes an empty or cut newest entry for a valid one and the store would silently lose parts (reproduced). So
each entry carries, in its own ``commitInfo``, counts and a hash of its actions and of all parts listed after it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pricectl.errors import Damaged, NewerFormat
from pricectl.store.tables import FORMAT, Part

KEY = "pricectl"


class Entry(NamedTuple):
    """A good entry: its version and the digest of the listing of the parts that count after it."""

    version: int
    listed: str


def listing(parts: Iterable[Part]) -> bytes:
    """The list of parts as text, one a line, in one order."""
    return "\n".join(sorted(part.line() for part in parts)).encode()


def digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def claims(actions: Sequence[Mapping[str, Any]], after: Sequence[Part]) -> dict[str, Any]:
    """What an entry that holds ``actions`` says of itself; ``after`` are the parts listed once it counts."""
    said = {
        "format": FORMAT,
        "actions": len(actions),
        "parts": len(after),
        "listed": digest(listing(after)),
    }
    return {**said, "hash": _seal(said, actions)}


def add(part: Part, partition: Mapping[str, str], stats: str, now_ms: int) -> dict[str, Any]:
    return {
        "add": {
            "path": part.path,
            "size": part.size,
            "partitionValues": dict(partition),
            "modificationTime": now_ms,
            "dataChange": True,
            "stats": stats,
        }
    }


def remove(part: Part, partition: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    return {
        "remove": {
            "path": part.path,
            "size": part.size,
            "partitionValues": dict(partition),
            "deletionTimestamp": now_ms,
            "dataChange": True,
        }
    }


def schema(text: str, partition_by: Sequence[str]) -> dict[str, Any]:
    return {"metaData": {"schemaString": text, "partitionColumns": list(partition_by)}}


_HASHED = {
    "add": ("path", "size", "partitionValues", "modificationTime", "dataChange", "stats"),
    "remove": ("path", "size", "partitionValues", "deletionTimestamp", "dataChange"),
    "metaData": ("schemaString", "partitionColumns"),
}


def _seal(said: Mapping[str, Any], actions: Iterable[Mapping[str, Any]]) -> str:
    # One order for actions and keys: delta-rs writes partition values in a random one.
    lines = [json.dumps({name: said[name] for name in ("format", "actions", "parts", "listed")})]
    for action in actions:
        for kind, names in _HASHED.items():
            if kind in action:
                fields = {name: action[kind][name] for name in names}
                if kind == "metaData":
                    fields["schemaString"] = json.loads(fields["schemaString"])
                lines.append(json.dumps([kind, fields], sort_keys=True))
    return digest("\n".join(sorted(lines)).encode())


def read(version: int, data: bytes, name: str) -> Entry:
    """The entry that ``data`` holds. Raises Damaged when it is not what was written (cut, empty, flipped), and
    NewerFormat when a newer pricectl wrote it; ``name`` is how the error calls it."""
    try:
        lines = [json.loads(line) for line in data.decode().split("\n") if line]
        infos = [line["commitInfo"] for line in lines if "commitInfo" in line]
        actions = [line for line in lines if any(kind in line for kind in _HASHED)]
        said = infos[0][KEY]
        if len(infos) == 1 and len(actions) == said["actions"] and _seal(said, actions) == said["hash"]:
            # Only a sealed entry is believed to be of a newer format: a flipped digit is damage.
            if said["format"] > FORMAT:
                raise NewerFormat(f"a newer pricectl wrote {name}", "upgrade pricectl to read this store")
            return Entry(version, str(said["listed"]))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        pass
    raise Damaged(
        f"the newest log entry is not what was written: {name}",
        "`pricectl doctor --fix` sets it aside and goes on from the one before",
    )
