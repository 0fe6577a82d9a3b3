"""The SQL texts of a roll-up: days into pieces of weeks and months.

A piece is the sessions of an ISO week or a month, cut at month ends and at ex-dates: it lies on one price scale and
ends with the close that a dividend is taken from, so every later adjustment is exact, and months follow from weeks.
``ROLL_UP`` uses only what Spark 4.3 answers with the same rows. Months are rank 2, weeks 1, days 0.
"""
# ruff: noqa: S608 - the texts are put together from this file's own constants, nothing else

from pricectl.model.bar import MANUAL
from pricectl.store.query import WINS

VALUES = "open, high, low, close, volume, fetched_at, flags"
SERIES = "symbol, provider, provider_id, currency"
KEY = "provider, provider_id"
COLUMNS = f"{SERIES}, date, until, sessions, {VALUES}"


def same(one: str, other: str) -> str:
    return f"{one}.provider = {other}.provider AND {one}.provider_id = {other}.provider_id"


READ = {
    "1d": f"""SELECT 0 AS rank, {SERIES}, date, date AS until, 1 AS sessions, {VALUES}
  FROM read_parquet($paths_1d, hive_partitioning = false)""",
    "1wk": f"""SELECT 1 AS rank, {SERIES}, date, until, sessions, {VALUES}
  FROM read_parquet($paths_1wk, hive_partitioning = false)""",
    "1mo": f"""SELECT 2 AS rank, {SERIES}, date, until, sessions, {VALUES}
  FROM read_parquet($paths_1mo, hive_partitioning = false)""",
}
BEST = f"QUALIFY row_number() OVER (PARTITION BY {KEY}, date ORDER BY {WINS}) = 1"

# Empty, with the columns that the other texts name.
NO_PIECES = """SELECT 0 AS rank, '' AS provider, '' AS provider_id, $daily AS date, $daily AS until, 0 AS sessions,
  0 AS flags WHERE false"""
NO_BARS = """SELECT 0 AS rank, '' AS symbol, '' AS provider, '' AS provider_id, '' AS currency, $daily AS date,
  $daily AS until, 0 AS sessions, 0.0::DOUBLE AS open, 0.0::DOUBLE AS high, 0.0::DOUBLE AS low, 0.0::DOUBLE AS close,
  0.0::DOUBLE AS volume, now() AS fetched_at, 0 AS flags WHERE false"""

# Which tier a row older than the daily one belongs to, and its period there.
TARGET = "CASE WHEN date < $weekly THEN 2 ELSE 1 END"
PERIOD = """CASE WHEN date < $weekly THEN date_trunc('month', date)::DATE
    ELSE greatest(date_trunc('week', date), date_trunc('month', date))::DATE END"""

# Days of a piece that came after it was made. All of them, first and last included, take its place; but the person's
# own price is not replaced by a provider's.
LATE = f"""
  SELECT piece.rank, piece.provider, piece.provider_id, piece.date, any_value(piece.until) AS until,
    count(DISTINCT day.date) >= any_value(piece.sessions)
      AND min(day.date) = piece.date AND max(day.date) = any_value(piece.until)
      AND ((any_value(piece.flags) & {MANUAL}) = 0 OR (bit_or(day.flags) & {MANUAL}) <> 0) AS replaced
  FROM pieces AS piece JOIN days AS day ON {same("piece", "day")} AND day.date BETWEEN piece.date AND piece.until
  GROUP BY piece.rank, piece.provider, piece.provider_id, piece.date"""
WAITING = f"""
  SELECT DISTINCT day.provider, day.provider_id, day.date FROM days AS day
  JOIN late ON {same("late", "day")} AND day.date BETWEEN late.date AND late.until
  WHERE NOT late.replaced"""

EX_DATES = f"""
  SELECT DISTINCT {KEY}, ex_date AS date FROM (
    SELECT * FROM read_parquet($paths_actions, hive_partitioning = false)
    QUALIFY row_number() OVER (
      PARTITION BY {KEY}, ex_date, kind ORDER BY fetched_at DESC, withdrawn, value) = 1)
  WHERE NOT withdrawn AND ex_date < $daily"""
# The pieces of the periods that an ex-date cuts.
CUT = f"""
  SELECT {KEY}, period, start,
    coalesce(lead(start) OVER (PARTITION BY {KEY}, period ORDER BY start) - 1, DATE '9999-12-31') AS stop
  FROM (
    SELECT {KEY}, {PERIOD} AS period, date AS start FROM ex_dates
    UNION
    SELECT {KEY}, {PERIOD}, {PERIOD} FROM ex_dates)"""
GAPS = """
  SELECT unnest($providers::VARCHAR[]) AS provider, unnest($ids::VARCHAR[]) AS provider_id,
    unnest($firsts::DATE[]) AS first, unnest($lasts::DATE[]) AS last"""
# Periods that are left as they are: part of them was never asked for, or one of their pieces holds two price scales,
# because its ex-date became known too late.
BLOCKED = f"""
  SELECT DISTINCT {KEY}, {PERIOD} AS period FROM (
    SELECT provider, provider_id, unnest(generate_series(first, last, INTERVAL 1 DAY))::DATE AS date FROM gaps
    UNION ALL
    SELECT piece.provider, piece.provider_id, piece.date FROM pieces AS piece
    JOIN ex_dates ON {same("piece", "ex_dates")} AND piece.date < ex_dates.date AND ex_dates.date <= piece.until
    WHERE NOT EXISTS (
      SELECT 1 FROM late
      WHERE late.replaced AND late.rank = piece.rank AND {same("late", "piece")} AND late.date = piece.date))"""

# ``seen`` has a bit for each day of the month, to tell whether a day stood twice, and the flags above them: one
# aggregate less. Grouping by currency too costs a tenth, so only where some series has two ({0}).
ROLL_UP = """
  SELECT rank, max(symbol) AS symbol, provider, provider_id, {0} AS currency,
    min(date) AS date, max(until) AS until, sum(sessions)::INT AS sessions,
    min_by(open, date) FILTER (WHERE open IS NOT NULL) AS open, max(high) AS high, min(low) AS low,
    max_by(close, date) FILTER (WHERE close IS NOT NULL) AS close, sum(volume) AS volume,
    max(fetched_at) AS fetched_at, (bit_or(seen) >> 32)::INT AS flags,
    count(*) FILTER (WHERE fine = 0) AS days, count(*) FILTER (WHERE fine = 1) AS weeks,
    bit_count(bit_or(seen) & 4294967295) AS different
  FROM placed GROUP BY rank, provider, provider_id, start{1}
  HAVING count(*) > 1 OR min(fine) < rank"""
SEEN = "(flags::BIGINT << 32) | CASE WHEN fine = 0 THEN 1::BIGINT << day(date) ELSE 0 END"

# What must be the same before and after, for each series and month: no piece straddles two months.
TOTALS = f"""
  SELECT {KEY}, date_trunc('month', date)::DATE AS month,
    min_by(open, date) FILTER (WHERE open IS NOT NULL) AS open, max(high) AS high, min(low) AS low,
    max_by(close, date) FILTER (WHERE close IS NOT NULL) AS close, sum(volume) AS volume, sum(sessions) AS sessions
  FROM bars GROUP BY {KEY}, date_trunc('month', date)"""
DIFFERENT = f"""
  SELECT count(*) FROM before FULL JOIN after USING ({KEY}, month)
  WHERE before.open IS DISTINCT FROM after.open OR before.high IS DISTINCT FROM after.high
    OR before.low IS DISTINCT FROM after.low OR before.close IS DISTINCT FROM after.close
    OR before.sessions IS DISTINCT FROM after.sessions
    OR (before.volume IS NULL) <> (after.volume IS NULL)
    OR abs(before.volume - after.volume) > 1e-12 * abs(before.volume)"""
