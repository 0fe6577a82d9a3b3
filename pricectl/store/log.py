"""The guarded Delta log of one table: the only module that asks delta-rs for anything.

Readers check the newest entry against its own claims and the list of parts against the entry. Writers hold the
writers' lock, never build on an entry that fails its check, and acknowledge a commit only when the entry and its
folder are durable. delta-rs takes 40 to 60 ms to import, so the list of parts is remembered in the home's state and
taken from there when it is the one that the newest entry claims.
"""

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pricectl.errors import Damaged, StoreError, Unwritable
from pricectl.store import entry as entries
from pricectl.store.disk import Disk, writing
from pricectl.store.entry import Entry
from pricectl.store.tables import Part, Table, part_of, stats

if TYPE_CHECKING:
    from deltalake import DeltaTable, Schema

# delta-rs 1.6 decodes the names in its folder twice: it looks for "100%20" in "100 ".
_MISREAD = re.compile(r"%[0-9A-Fa-f]{2}")
_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_VERSION = re.compile(r"(\d{20})\.(json|checkpoint\.parquet)$")


class Log:
    """The log of ``table`` in the store's folder; ``state`` is the folder in which lists of parts are remembered."""

    def __init__(self, table: Table, store: str, state: str, disk: Disk) -> None:
        self.table = table
        self.folder = os.path.join(store, table.name)
        self.entries = os.path.join(self.folder, "_delta_log")
        self._aside = os.path.join(store, "aside")
        self._memory = os.path.join(state, f"parts-{table.name}")
        self._disk = disk

    def newest(self) -> Entry | None:
        """The newest entry; None when the table does not exist yet. Raises Damaged, NewerFormat, StoreError."""
        version = self._newest_version()
        return None if version is None else self._read(version)

    def parts(self) -> list[Part]:
        """The parts that the newest entry lists. Raises Damaged, NewerFormat, StoreError."""
        newest = self.newest()
        return [] if newest is None else self._parts(newest)

    def replayed(self) -> list[Part]:
        """The parts as all entries tell them, whatever is remembered. Raises Damaged, NewerFormat, StoreError."""
        newest = self.newest()
        return [] if newest is None else [part_of(line) for line in self._replay(newest).decode().split("\n") if line]

    def mend(self) -> None:
        """Damaged newest entries are set aside, as before every commit. Only under the writers' lock. Raises
        Unwritable, NewerFormat, OSError."""
        self._sound()

    def prepare(self) -> None:
        """The table's folders exist. Raises Unwritable where delta-rs could not find them, OSError."""
        if _MISREAD.search(os.path.abspath(self.folder)):
            raise Unwritable(f"a store cannot lie in {self.folder}: % and two digits", "choose a home without them")
        self._disk.make_folder(self.entries)

    def commit(self, adds: Sequence[Part], removes: Sequence[Part], now_ms: int) -> None:
        """One version later ``adds`` are listed and ``removes`` are not; durable when it returns. Only after
        ``prepare``, under the writers' lock. Raises Unwritable, Damaged, NewerFormat."""
        before = self._sound()
        listed = self._parts(before) if before else []
        missing = set(removes) - set(listed)
        if missing:
            raise StoreError(f"not listed, so it cannot be removed: {min(missing).path}")
        after = [part for part in listed if part not in set(removes)] + list(adds)
        version = before.version + 1 if before else 0
        failure = self._put(version, adds, removes, after, now_ms)
        # A commit can fail after it became visible: what counts is the log, not the exception.
        if self._newest_version() != version or self._read(version).listed != entries.digest(entries.listing(after)):
            number = _system_error(failure)
            if number:
                with writing(self.folder):
                    raise OSError(number, os.strerror(number), self._path(version)) from failure
            raise Unwritable(
                f"cannot commit to {self.folder}: {failure or 'another writer was faster'}",
                "look at the disk and its free space; what was stored before is untouched",
            ) from failure
        self._disk.sync_file(self._path(version))
        self._disk.sync_folder(self.entries)
        self._disk.remember(self._memory, entries.listing(after))

    def checkpoint(self, every: int) -> None:
        """A checkpoint of the newest entry where ``every`` entries have come since the last: written, made durable,
        then opened again and held to the entry's claim; one that fails is taken away. Only under the writers' lock.
        Raises Unwritable, Damaged, NewerFormat, OSError."""
        newest = self._sound()
        if newest is None or newest.version - max(self._checkpoints(), default=-1) < every:
            return
        failure = self._put_checkpoint(newest.version)
        path = self._checkpoint(newest.version)
        pointer = os.path.join(self.entries, "_last_checkpoint")
        try:
            if failure is not None:
                raise failure
            for each in (path, pointer):
                self._disk.sync_file(each)
            self._disk.sync_folder(self.entries)
            self._replay(newest)
        except (Damaged, OSError) as error:
            for each in (pointer, path):
                self._disk.remove(each)
            raise Unwritable(f"cannot write a checkpoint to {self.entries}: {error}", "look at the disk") from error

    def needless(self) -> list[str]:
        """The paths of entries and checkpoints older than the last checkpoint but one: two are kept, in case one is
        damaged."""
        kept = sorted(self._checkpoints())[-2:]
        if len(kept) < 2:
            return []
        names = (_VERSION.match(name) for name in _names(self.entries))
        return [os.path.join(self.entries, found.string) for found in names if found and int(found[1]) < kept[0]]

    def _checkpoints(self) -> list[int]:
        found = (_CHECKPOINT.fullmatch(name) for name in _names(self.entries))
        return [int(match[1]) for match in found if match]

    def _checkpoint(self, version: int) -> str:
        return os.path.join(self.entries, f"{version:020d}.checkpoint.parquet")

    def _put_checkpoint(self, version: int) -> OSError | None:
        """Let delta-rs write the checkpoint and the pointer to it. Gives back what it raised."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            with self._disk.umask():
                DeltaTable(_uri(self.folder), version=version).create_checkpoint()
        except (DeltaError, OSError, ValueError) as error:
            return error if isinstance(error, OSError) else OSError(str(error))
        return None

    def _sound(self) -> Entry | None:
        """The newest good entry, durable: a writer that died before its fsync must not take ours with it. Bad newer
        ones are set aside, never deleted."""
        while (version := self._newest_version()) is not None:
            try:
                newest = self._read(version)
            except Damaged:
                name = f"{self.table.name}-{os.path.basename(self._path(version))}"
                count = sum(other.startswith(name) for other in _names(self._aside))
                self._disk.move(self._path(version), os.path.join(self._aside, f"{name}.{count}"))
                continue
            self._disk.sync_file(self._path(version))
            self._disk.sync_folder(self.entries)
            return newest
        return None

    def _path(self, version: int) -> str:
        return os.path.join(self.entries, f"{version:020d}.json")

    def _newest_version(self) -> int | None:
        found = (_ENTRY.fullmatch(name) for name in _names(self.entries))
        return max((int(match[1]) for match in found if match), default=None)

    def _read(self, version: int) -> Entry:
        path = self._path(version)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}", "look at the disk and its modes") from error
        return entries.read(version, data, path)

    def _parts(self, newest: Entry) -> list[Part]:
        try:
            with open(self._memory, "rb") as file:
                text = file.read()
        except OSError:
            text = b""
        if entries.digest(text) != newest.listed:
            text = self._replay(newest)
            self._disk.remember(self._memory, text)
        return [part_of(line) for line in text.decode().split("\n") if line]

    def _replay(self, newest: Entry) -> bytes:
        """The list of parts as delta-rs makes it from all entries, held to the hash that the newest one claims."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            opened = DeltaTable(_uri(self.folder), version=newest.version)
            text = entries.listing(_listed(opened, self.table))
        except (DeltaError, OSError, ValueError, KeyError) as error:
            raise self._damaged(str(error)) from error
        if entries.digest(text) != newest.listed:
            raise self._damaged("its entries do not add up to the parts that the newest one claims")
        return text

    def _damaged(self, why: str) -> Damaged:
        return Damaged(f"the log in {self.entries} is damaged: {why}", "run `pricectl doctor --fix`")

    def _put(
        self, version: int, adds: Sequence[Part], removes: Sequence[Part], after: Sequence[Part], now_ms: int
    ) -> Exception | None:
        """Let delta-rs put the entry (by link: it fails if the name exists). Gives back what it raised."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError
        from deltalake.transaction import create_table_with_add_actions

        columns, partition = _schema(self.table), [name for name, _ in self.table.partition_by]
        actions = [entries.add(part, _values(part), stats(self.table, part), now_ms) for part in adds]
        actions += [entries.remove(part, _values(part), now_ms) for part in removes]
        if version == 0:
            actions.append(entries.schema(columns.to_json(), partition))
        commit, hooks = _properties(entries.claims(actions, after))
        try:
            with self._disk.umask():
                if version == 0:
                    create_table_with_add_actions(
                        _uri(self.folder), columns, _adds(actions), "error", partition,
                        commit_properties=commit, post_commithook_properties=hooks,
                    )  # fmt: skip
                else:
                    DeltaTable(_uri(self.folder), version=version - 1).create_write_transaction(
                        [*_adds(actions), *_removes(actions)], "append", columns, partition,
                        commit_properties=commit, post_commithook_properties=hooks,
                    )  # fmt: skip
        except (DeltaError, OSError, ValueError) as error:
            return error
        return None


def _system_error(failure: Exception | None) -> int:
    """The number of the system's error that delta-rs put into its text, with the path twice and colours; 0 if none."""
    found = re.search(r"\(os error (\d+)\)", str(failure))
    return int(found[1]) if found else 0


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}", "look at the disk and its modes") from error


def _uri(folder: str) -> str:
    from urllib.parse import quote

    return "file://" + quote(os.path.abspath(folder))


def _values(part: Part) -> dict[str, str]:
    pairs = (folder.partition("=") for folder in part.path.split("/")[:-1])
    return {name: value for name, _, value in pairs}


def _schema(table: Table) -> "Schema":
    from deltalake import Field, Schema
    from deltalake.schema import PrimitiveType

    return Schema([Field(name, PrimitiveType(kind)) for name, kind in table.columns + table.partition_by])


def _properties(claims: dict[str, Any]) -> tuple[Any, Any]:
    from deltalake import CommitProperties, PostCommitHookProperties

    # No retry: a commit moved to a later version would claim the wrong list of parts.
    return (
        CommitProperties(custom_metadata={entries.KEY: claims}, max_commit_retries=0),
        PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False),
    )


def _adds(actions: Sequence[dict[str, Any]]) -> list[Any]:
    from deltalake.transaction import AddAction

    return [
        AddAction(
            path=add["path"],
            size=add["size"],
            partition_values=add["partitionValues"],
            modification_time=add["modificationTime"],
            data_change=True,
            stats=add["stats"],
        )
        for action in actions
        if (add := action.get("add"))
    ]


def _removes(actions: Sequence[dict[str, Any]]) -> list[Any]:
    from deltalake.transaction import RemoveAction

    return [
        RemoveAction(
            path=gone["path"],
            data_change=True,
            deletion_timestamp=gone["deletionTimestamp"],
            partition_values=gone["partitionValues"],
            size=gone["size"],
        )
        for action in actions
        if (gone := action.get("remove"))
    ]


def _listed(opened: "DeltaTable", table: Table) -> list[Part]:
    found = opened.get_add_actions(flatten=True)
    names = found.schema.names
    if not found.num_rows:
        return []

    def column(name: str) -> list[Any]:
        return found[name].to_pylist() if name in names else [None] * found.num_rows

    last = [
        until or first for until, first in zip(column(f"max.{table.last}"), column(f"max.{table.first}"), strict=True)
    ]
    columns = [
        column("path"), column("size_bytes"), column("num_records"),
        column("min.provider"), column("max.provider"), column("min.provider_id"), column("max.provider_id"),
        [day.isoformat() for day in column(f"min.{table.first}")], [day.isoformat() for day in last],
    ]  # fmt: skip
    return [Part(*row) for row in zip(*columns, strict=True)]
