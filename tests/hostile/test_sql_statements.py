"""Statements that want more than to read the views: each is refused, and the store stays as it was."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pricectl.config import load
from pricectl.engine import Engine
from pricectl.engine.facts import facts
from pricectl.errors import PricectlError, UsageError
from pricectl.model.instant import Clock
from pricectl.store.sql import Sql, closed
from stores import AAPL, D, add, flat, home, part_files, store

PART = "/PART"  # stands for the path of a stored part
OUT = "/OUT"  # stands for a path in the folder of the store

REFUSED = [
    # no SELECT
    "COPY (SELECT 1) TO '/OUT'",
    "COPY daily TO '/OUT' (FORMAT csv)",
    "COPY (SELECT 1) TO '/PART' (FORMAT csv, USE_TMP_FILE false)",
    "COPY daily FROM '/PART'",
    "COPY FROM DATABASE memory TO other",
    "EXPORT DATABASE '/OUT'",
    "IMPORT DATABASE '/OUT'",
    "ATTACH '/OUT' AS other",
    "ATTACH ':memory:' AS other",
    "DETACH memory",
    "USE memory",
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM community",
    "LOAD httpfs",
    "LOAD '/OUT'",
    "UPDATE EXTENSIONS",
    "SET threads = 8",
    "SET enable_external_access = true",
    "SET allowed_paths = ['/etc']",
    "SET VARIABLE x = 1",
    "RESET threads",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "PRAGMA profiling_output = '/OUT'",
    "CALL enable_logging()",
    "CALL pragma_version()",
    "CALL range(3)",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "CREATE TABLE t AS SELECT 1",
    "CREATE VIEW v AS SELECT 1",
    "CREATE OR REPLACE VIEW daily AS SELECT 1",
    "CREATE TEMP TABLE t (a INT)",
    "CREATE MACRO f(x) AS x + 1",
    "CREATE SECRET s (TYPE s3)",
    "CREATE SEQUENCE s",
    "CREATE TYPE t AS ENUM ('a')",
    "DROP VIEW daily",
    "DROP TABLE assets",
    "ALTER TABLE assets ADD COLUMN x INT",
    "TRUNCATE assets",
    "INSERT INTO assets (symbol) VALUES ('X')",
    "UPDATE assets SET name = 'X'",
    "DELETE FROM assets",
    "MERGE INTO assets USING runs ON true WHEN MATCHED THEN DELETE",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "COMMENT ON VIEW daily IS 'x'",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '/OUT'",
    "PIVOT assets ON type",
    # more than one, or none
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '/OUT'",
    "SELECT 1; DROP VIEW daily",
    "",
    "-- nothing",
    ";",
    # writing in the disguise of reading
    "WITH gone AS (DELETE FROM assets RETURNING *) SELECT * FROM gone",
    "WITH new AS (INSERT INTO assets (symbol) VALUES ('X') RETURNING *) SELECT * FROM new",
    "WITH new AS (UPDATE assets SET name = 'X' RETURNING *) SELECT * FROM new",
    "SELECT 1 INTO t",
    # files, network, environment, settings, Python
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/PART')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/PART')",
    "SELECT * FROM parquet_scan('/PART')",
    "SELECT * FROM parquet_metadata('/PART')",
    "SELECT * FROM read_duckdb('/OUT')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '/PART'",
    "SELECT * FROM 'https://example.com/x.parquet'",
    "SELECT * FROM read_csv('https://example.com/x.csv')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM daily WHERE symbol IN (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM daily UNION ALL SELECT * FROM read_csv('/etc/passwd')",
    "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
    "SELECT * FROM daily, LATERAL (SELECT * FROM read_text('/etc/passwd'))",
    "SELECT getenv('HOME')",
    "SELECT getvariable('x')",
    "SELECT current_setting('allowed_paths')",
    "SELECT write_log('x')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_extensions()",
    "SELECT * FROM duckdb_functions()",
    "SELECT * FROM duckdb_logs",
    "SELECT * FROM which_secret('s3://x', 's3')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('assets')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT * FROM sql_auto_complete('S')",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM test_all_types()",
    "SELECT * FROM local_table",
    "SELECT * FROM os",
    "SELECT * FROM parts.names",
    "SELECT * FROM memory.parts.names",
    "SELECT * FROM pg_catalog.pg_settings",
    "SHOW DATABASES",
    "SHOW VARIABLES",
]


def test_there_are_enough_of_them() -> None:
    assert len(REFUSED) == len(set(REFUSED)) > 100


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept")
    add(store(path), [flat(D(2024, 1, 2), 10.0), flat(D(2024, 1, 3), 11.0)])
    return path


@pytest.fixture
def asked(kept: Path) -> Iterator[Sql]:
    one = opened(kept)
    yield one
    one.close()


def opened(path: Path) -> Sql:
    return Sql(store(path), facts(Engine(load(home(path), {}), Clock(), print)), 30)


def tree(path: Path) -> str:
    digest = hashlib.sha256()
    for above, folders, names in sorted(os.walk(path)):
        folders.sort()
        digest.update(repr((above, sorted(folders), sorted(names))).encode())
        for name in sorted(names):
            digest.update((Path(above) / name).read_bytes())
    return digest.hexdigest()


def for_(statement: str, path: Path) -> str:
    (part,) = part_files(home(path))
    return statement.replace(PART, part).replace(OUT, str(path / "store" / "out"))


@pytest.mark.parametrize("statement", REFUSED)
def test_it_is_refused_and_nothing_changes(statement: str, kept: Path, asked: Sql) -> None:
    local_table = [1]
    before = tree(kept)
    with pytest.raises(UsageError) as caught:
        asked.ask(for_(statement, kept))
    assert (caught.value.exit_code, bool(caught.value.hint), local_table) == (2, True, [1])
    assert tree(kept) == before


WRITES = ["DELETE FROM assets", "INSERT INTO assets (symbol) VALUES ('X')", "UPDATE assets SET name = 'X'"]


@pytest.mark.skipif(duckdb.__version__ < "2", reason="DuckDB 1 has no writing within WITH")
@pytest.mark.parametrize("word", WRITES)
def test_the_parsers_tree_tells_a_write_in_a_with(word: str, asked: Sql) -> None:
    with pytest.raises(UsageError, match=f"only reading is possible, not {word.split()[0]}"):
        asked.ask(f"WITH w AS ({word} RETURNING *) SELECT * FROM w")


OUTSIDE = [
    "COPY (SELECT 1) TO '/OUT'",
    "COPY (SELECT 1) TO '/PART'",
    "EXPORT DATABASE '/OUT'",
    "ATTACH '/OUT' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 8",
    "SET enable_external_access = true",
    "SET allowed_paths = ['/etc']",
    "SET lock_configuration = false",
    "RESET allowed_paths",
    "PRAGMA enable_profiling",
    "CALL enable_logging()",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('https://example.com/x.csv')",
    "SELECT getenv('HOME')",
    "SELECT * FROM local_table",
]


LOCKED_BY_2 = ("PRAGMA enable_profiling", "CALL enable_logging()")  # DuckDB 1 lets them through


@pytest.mark.parametrize("statement", [one for one in OUTSIDE if duckdb.__version__ >= "2" or one not in LOCKED_BY_2])
def test_the_second_layer_alone_keeps_it_from_the_disk_and_the_settings(statement: str, kept: Path) -> None:
    local_table = [1]
    one = opened(kept)
    closed(one._connection, part_files(home(kept)))
    before = tree(kept)
    with pytest.raises(one._duckdb.Error):
        one._connection.execute(for_(statement, kept)).fetchall()
    assert tree(kept) == before
    assert local_table == [1]
    one.close()


ALLOWED = {
    "SELECT count(*) FROM daily": [(2,)],
    "SELECT count(*) FROM daily;": [(2,)],
    "FROM daily SELECT max(close)": [(11.0,)],
    "VALUES (1)": [(1,)],
    "-- a word before\nSELECT 1 /* and after */": [(1,)],
    "WITH d AS (SELECT close FROM daily) SELECT sum(close) FROM d": [(21.0,)],
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT max(n) FROM r": [(4,)],
    "SELECT 'COPY; DROP; read_text(''/etc/passwd'')'": [("COPY; DROP; read_text('/etc/passwd')",)],
    "SELECT a FROM (VALUES (2), (1)) AS t(a) ORDER BY a DESC": [(2,), (1,)],
    "SELECT * FROM range(2) AS r(n)": [(0,), (1,)],
    "SELECT unnest([1, 2])": [(1,), (2,)],
    "SELECT count(*) FROM daily AS a JOIN daily AS b USING (symbol, date)": [(2,)],
    "SELECT close FROM price_history_daily WHERE date = DATE '2024-01-03'": [(11.0,)],
    "SELECT n FROM (SELECT 1 AS n UNION ALL SELECT 2 EXCEPT SELECT 1)": [(2,)],
    "SELECT count(*) > 0 FROM information_schema.tables": [(True,)],
    "SELECT sum(close) OVER (ORDER BY date) FROM daily QUALIFY row_number() OVER (ORDER BY date) = 2": [(21.0,)],
}


@pytest.mark.parametrize("statement", ALLOWED)
def test_what_only_reads_is_answered(statement: str, asked: Sql) -> None:
    asked.ask(statement)
    assert [row for rows in asked.rows(100) for row in rows] == ALLOWED[statement]


@pytest.mark.parametrize("statement", ["SHOW TABLES", "DESCRIBE daily", "SUMMARIZE daily", "SHOW ALL TABLES"])
def test_what_describes_the_views_is_answered(statement: str, asked: Sql) -> None:
    asked.ask(statement)
    assert [row for rows in asked.rows(100) for row in rows]


@pytest.mark.parametrize("statement", ["\0", "SELECT \0", "\ud800", "SELECT '" + "x" * 100_000 + "'" + "(" * 5000])
def test_what_is_no_text_is_refused_in_one_line(statement: str, asked: Sql) -> None:
    with pytest.raises(PricectlError) as caught:
        asked.ask(statement)
    assert caught.value.exit_code == 2


def test_a_series_of_another_store_is_not_seen(kept: Path, asked: Sql) -> None:
    asked.ask("SELECT DISTINCT provider, provider_id FROM bars_raw")
    assert [tuple(AAPL)] == [row for rows in asked.rows(10) for row in rows]
