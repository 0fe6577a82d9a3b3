"""The two small tables in one part each: of the actions what was said last, of the coverage as few spans as there are.
What is withdrawn stays, as the record of a word taken back."""
# ruff: noqa: S608 - the texts are put together from constants, nothing else

from collections.abc import Sequence
from typing import Any

from pricectl.errors import StoreError
from pricectl.store.query import literal
from pricectl.store.tables import ACTIONS, COVERAGE, Table
from pricectl.store.workbench import Workbench

_READ = "SELECT * FROM read_parquet($paths, hive_partitioning = false)"
_COUNTS = {
    ACTIONS.name: f"""
      {_READ} QUALIFY row_number() OVER (
        PARTITION BY provider, provider_id, ex_date, kind ORDER BY fetched_at DESC, withdrawn, value) = 1
      ORDER BY provider, provider_id, ex_date, kind""",
    COVERAGE.name: f"""
      SELECT provider, provider_id, min(first_day) AS first_day, max(last_day) AS last_day,
        max(fetched_at) AS fetched_at
      FROM (
        SELECT *, sum(apart::INT) OVER (PARTITION BY provider, provider_id ORDER BY first_day, last_day) AS island
        FROM (
          SELECT *, coalesce(first_day > max(last_day) OVER (
            PARTITION BY provider, provider_id ORDER BY first_day, last_day
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 1, true) AS apart
          FROM ({_READ})))
      GROUP BY provider, provider_id, island ORDER BY provider, provider_id, first_day""",
}


def rows(bench: Workbench, table: Table, paths: Sequence[str]) -> Any:
    """What counts in the parts at ``paths``, as one Arrow table in order."""
    import pyarrow as pa

    return pa.Table.from_batches(bench.stream(_COUNTS[table.name], {"paths": _literals(paths)}))


def verify(bench: Workbench, table: Table, before: Sequence[str], after: Sequence[str]) -> None:
    """Raise StoreError unless the same counts in both."""
    one = f"({_COUNTS[table.name].replace('$paths', '$before')})"
    other = f"({_READ.replace('$paths', '$after')})"
    sql = f"SELECT count(*) FROM (({one} EXCEPT {other}) UNION ALL ({other} EXCEPT {one}))"
    ((different,),) = bench.run(sql, {"before": _literals(before), "after": _literals(after)})
    if different:
        raise StoreError(
            f"compacting {table.name} would change {different} rows; the store stays as it was",
            "run `pricectl doctor`, and report this",
        )


def _literals(paths: Sequence[str]) -> list[str]:
    return [literal(path) for path in paths]
