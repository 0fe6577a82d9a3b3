"""``sql``: a person's one SELECT over the views, on a DuckDB of its own that can do nothing else.

Two layers, each tested alone. First the statement is taken apart by DuckDB's own parser: one statement, of the type
SELECT, in whose tree only our views, functions that stay in memory and no writing part occur. Then DuckDB itself is
closed: no extensions, no Python variables, no files but the listed parts, and settings that cannot be changed any
more. This keeps accidents and pasted statements away; it is no sandbox for hostile users, who have an account anyway.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pricectl.errors import Damaged, DeadlineReached, UsageError
from pricectl.store.query import driver
from pricectl.store.views import ALIASES, NAMES, Facts, Views

if TYPE_CHECKING:
    from pricectl.store import Store

MEMORY = 1 << 30  # bytes that DuckDB may take
_BATCH = 2048  # rows taken over at once: what DuckDB hands on as one
_STOPS_S = 0.15  # an interrupted query ends within milliseconds, but for single calls that ask nobody

_CONFIG: Mapping[str, str | bool | int] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
    "temp_directory": "",
    "threads": 2,
    "memory_limit": "1GiB",
}
_ZONED = "TIMESTAMP WITH TIME ZONE"
_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree"}
_SCHEMAS = {"", "main", "temp"}
_SHOWS = {"tables", "__show_tables_expanded"}
# Functions of one value that look beyond the rows. Whatever is missing here meets the second layer.
_REFUSED = {
    "current_setting", "getenv", "getvariable", "nextval", "currval", "write_log", "set_config", "read_text",
    "read_blob", "parse_duckdb_log_message", "sleep_ms",
}  # fmt: skip
_HINT = "one SELECT over the views; `SHOW TABLES` lists them, `DESCRIBE bars` shows columns"


class Column(NamedTuple):
    """A column of the answer: its name, unique in the answer, and DuckDB's name of its type."""

    name: str
    type: str


class Sql:
    """One statement over the store and ``facts``; ``seconds`` is what asking and fetching may take together;
    what the reader of the rows takes is not counted.

    ``columns`` are there once ``ask`` has returned. Every method raises UsageError for a statement that is refused
    or wrong, Damaged or StoreError where the store cannot be read, DeadlineReached when time is up. On
    KeyboardInterrupt the query is stopped; ``stuck`` says that it did not: then only the end of the process helps.
    """

    def __init__(self, store: "Store", facts: Sequence[Facts], seconds: float) -> None:
        self._store = store
        self._facts = facts
        self._seconds = seconds
        self._left_s = seconds
        self._duckdb = driver(whole=False)
        self._connection: Any = self._duckdb.connect(":memory:", config=dict(_CONFIG))
        self.columns: list[Column] = []
        self.stuck = False

    def ask(self, statement: str) -> None:
        """Start the statement."""
        names = self._checked(statement)
        self._guarded(lambda: self._prepare(names))
        self._guarded(lambda: self._start(statement))

    def rows(self, limit: int) -> Iterator[list[tuple[Any, ...]]]:
        """The answer, some thousand rows at a time, ``limit`` of them at most."""
        while limit > 0:
            batch = self._guarded(partial(self._connection.fetchmany, min(limit, _BATCH)))
            if not batch:
                return
            limit -= len(batch)
            yield batch

    def has_more(self) -> bool:
        """Whether the answer goes on after what ``rows`` gave."""
        return bool(self._guarded(lambda: self._connection.fetchmany(1)))

    def close(self) -> None:
        if not self.stuck:
            self._connection.close()

    def _checked(self, statement: str) -> set[str]:
        """The views that the statement names. Raises UsageError for anything but one SELECT over them."""
        if "\0" in statement or any("\ud800" <= char <= "\udfff" for char in statement):
            raise UsageError("the statement is no text: it holds a NUL or half a character", _HINT)
        try:
            found = self._connection.extract_statements(statement)
        except self._duckdb.Error as error:
            raise _wrong(error) from error
        if len(found) != 1:
            raise UsageError("there is no statement" if not found else "only one statement at a time", _HINT)
        try:
            kind = found[0].type
        except ValueError:  # one that DuckDB's binding has no name for (UPDATE EXTENSIONS)
            kind = "THIS"
        if kind != self._duckdb.StatementType.SELECT:
            raise UsageError(f"only SELECT may be asked, not {_word(kind)}", _HINT)
        tree = json.loads(self._connection.execute("SELECT json_serialize_sql(?)", [statement]).fetchone()[0])
        if tree["error"] or len(tree["statements"]) != 1:
            raise UsageError(f"only a plain SELECT may be asked: {tree.get('error_message', '')}", _HINT)
        return _names(tree)

    def _prepare(self, names: set[str]) -> None:
        connection = self._connection
        connection.execute("SET TimeZone = 'UTC'")
        views = Views(connection, self._store, self._facts, names)
        try:
            views.fill()
        except self._duckdb.Error as error:
            raise Damaged(f"the store cannot be read: {error}", "run `pricectl doctor`") from error
        closed(connection, views.paths)

    def _start(self, statement: str) -> None:
        whole = f"(\n{statement.rstrip().rstrip(';')}\n)"
        described = self._connection.execute(f"DESCRIBE FROM {whole}").fetchall()
        names, types = [row[0] for row in described], [str(row[1]) for row in described]
        if any(_ZONED in kind for kind in types):
            # Its conversion to Python wants a library that is not here; as UTC without a zone it needs none.
            statement = _without_zones(whole, types)
        self._connection.execute(statement)
        self.columns = [Column(name, kind) for name, kind in zip(_unique(names), types, strict=True)]

    def _failure(self, error: Exception) -> Exception:
        if isinstance(error, self._duckdb.InterruptException):
            return DeadlineReached(f"the query took longer than {self._seconds:g} s", "narrow it, or give --timeout")
        if isinstance(error, self._duckdb.IOException) or "parquet" in str(error).lower():
            return Damaged(f"the store cannot be read: {error}", "run `pricectl doctor`")
        return _wrong(error)

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """What ``call`` gives. It runs beside this thread, which so hears Ctrl-C and the clock, and stops it."""
        ended: list[Any] = []
        done = threading.Event()

        def run() -> None:
            try:
                ended.append((call(), None))
            except BaseException as error:
                ended.append((None, error))
            done.set()

        began = time.monotonic()
        threading.Thread(target=run, daemon=True).start()
        try:
            timely = done.wait(max(self._left_s, 0.001))
        except BaseException:
            self._stop(done)
            raise
        if not timely:
            self._stop(done)
            if not ended:
                raise self._failure(self._duckdb.InterruptException())
        self._left_s -= time.monotonic() - began
        result, error = ended[0]
        if isinstance(error, self._duckdb.Error):
            raise self._failure(error) from error
        if error is not None:
            raise error
        return result

    def _stop(self, done: threading.Event) -> None:
        self._connection.interrupt()
        self.stuck = not done.wait(_STOPS_S)


def closed(connection: Any, paths: Sequence[str]) -> None:
    """From now on ``connection`` opens no files but ``paths``, and no setting of it can be changed."""
    connection.execute("SET allowed_paths = ?", [list(dict.fromkeys(paths))])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def bound_memory() -> None:
    """The process takes no more memory than DuckDB's limit and half as much again: single functions build texts of
    gigabytes that DuckDB does not count (7 GB measured, in a query that no interrupt stopped)."""
    import contextlib
    import resource

    with contextlib.suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = MEMORY + MEMORY // 2
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))


def _names(tree: Any) -> set[str]:
    """The views that a statement's tree names. Raises UsageError for what none of ours needs."""
    named: set[str] = set()
    own: set[str] = set()
    todo: list[Any] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            todo += node.values()
            kind = node.get("type")
            if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _NODES:
                raise UsageError(f"only reading is possible, not {kind.split('_', 1)[0]}", _HINT)
            if kind == "TABLE_FUNCTION" and (name := _called(node)) not in _TABLE_FUNCTIONS:
                raise UsageError(f"the table function {name} is not available", _HINT)
            if kind == "BASE_TABLE":
                _add_table(node, named)
            shown = str(node.get("table_name") or "").strip('"').lower() if kind == "SHOW_REF" else ""
            if shown and shown not in _SHOWS:
                if node.get("show_type") == "SHOW_SPECIAL":
                    raise UsageError(f"SHOW {shown} is not available", _HINT)
                named.add(shown)
            if "function_name" in node and str(node["function_name"]).lower() in _REFUSED:
                raise UsageError(f"the function {node['function_name']} is not available", _HINT)
            if isinstance(node.get("cte_map"), dict):
                own |= {str(one["key"]).lower() for one in node["cte_map"].get("map", ())}
            own |= {str(node["ctename"]).lower()} if "ctename" in node else set()
            own |= {str(node["cte_name"]).lower()} if "cte_name" in node else set()
    for name in sorted(named - own - NAMES - ALIASES.keys()):
        raise UsageError(f"there is no view {name!r}", _near(name))
    return named


def _add_table(node: Any, named: set[str]) -> None:
    schema = str(node.get("schema_name") or "").lower()
    if schema == "information_schema" and str(node.get("table_name")).lower() in ("tables", "columns"):
        return
    if schema not in _SCHEMAS or str(node.get("catalog_name") or "").lower() not in ("", "memory"):
        raise UsageError(f"there is no schema {schema or node.get('catalog_name')}", _HINT)
    named.add(str(node.get("table_name")).lower())


def _called(node: Any) -> str:
    return str((node.get("function") or {}).get("function_name", "")).lower()


def _near(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, NAMES, 1, 0.5)
    return f"did you mean {near[0]}?" if near else _HINT


def _word(kind: Any) -> str:
    return str(getattr(kind, "name", kind)).rpartition(".")[2].replace("_", " ")


def _wrong(error: Exception) -> UsageError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("LINE ", "^"))]
    hint = next((line for line in said[1:] if line.startswith(("Did you mean", "Candidate"))), "")
    memory = "Out of Memory" in str(error)
    return UsageError(
        said[0] if said else type(error).__name__,
        "it needs more than 1 GiB: narrow it" if memory else hint or _HINT,
    )


def _without_zones(whole: str, types: Sequence[str]) -> str:
    names = [f"c{place}" for place in range(len(types))]
    given = ", ".join(
        f"{name}::{kind.replace(_ZONED, 'TIMESTAMP')} AS {name}" if _ZONED in kind else name
        for name, kind in zip(names, types, strict=True)
    )
    return f"SELECT {given} FROM {whole} AS answer({', '.join(names)})"  # noqa: S608 - checked above


def _unique(names: Sequence[str]) -> list[str]:
    """The names, a number behind those that were there before: JSON cannot hold a key twice."""
    found: list[str] = []
    for name in names:
        unique, number = name, 1
        while unique in found:
            unique, number = f"{name}_{number}", number + 1
        found.append(unique)
    return found
