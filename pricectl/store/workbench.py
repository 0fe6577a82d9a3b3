"""A DuckDB for upkeep: out of core, in bounded memory. 25 M bars are rolled up in 1 GB."""

import shutil
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from pricectl.errors import Damaged
from pricectl.store.query import connect

_MEMORY = "500MB"  # of DuckDB's; the rest of a run stays below 300 MB
_BATCH = 122_880


class Workbench:
    """What does not fit into memory goes below the folder ``spill``, which is removed at the end."""

    def __init__(self, spill: str) -> None:
        import duckdb

        self._error = duckdb.Error
        self._spill = spill
        self._connection = connect(duckdb)
        self.run(f"SET memory_limit = '{_MEMORY}'")
        self.run("SET preserve_insertion_order = false")
        self.run("SET temp_directory = '{}'".format(spill.replace("'", "''")))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of ``sql``, given those of ``parameters`` that it names. Raises Damaged."""
        try:
            return self._connection.execute(sql, _used(sql, parameters or {})).fetchall()
        except self._error as error:
            raise _failed(error) from error

    def stream(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Any]:
        """The same, as Arrow batches of a row group each. Raises Damaged."""
        try:
            found = self._connection.sql(sql, params=_used(sql, parameters))
            # DuckDB 1.4 has the older name alone.
            reader = getattr(found, "to_arrow_reader", None) or found.fetch_record_batch
            yield from reader(_BATCH)
        except self._error as error:
            raise _failed(error) from error


def _used(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if f"${name}" in sql}


def _failed(error: Exception) -> Damaged:
    return Damaged(f"the store cannot be worked on: {error}", "run `pricectl doctor`")
