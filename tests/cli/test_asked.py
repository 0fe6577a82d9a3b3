"""Which symbols a batch is about, as real processes: what may stand on standard input, and what is no input at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from shell import environment, pricectl


@pytest.mark.parametrize("output", ["table", "jsonl"])
def test_a_closed_standard_input_is_a_usage_error(tmp_path: Path, output: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "{sys.executable}" -m pricectl batch - -o {output} <&-'],
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input is closed" in done.stderr
    assert done.stderr.count("\n") == 1


def test_cut_json_is_refused_and_the_hint_can_be_typed(tmp_path: Path) -> None:
    ended = pricectl("batch", "-", home=tmp_path, stdin='{"symbols": ["BTC"')
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith('; give lines, a JSON array or {"symbols": [...]}\n')


EMPTY_DOCUMENT = """\
{
  "prices": [],
  "cached": 0,
  "fetched": 0,
  "total": 0,
  "stored": 0,
  "failed": 0,
  "errors": [],
  "schemaVersion": 1
}
"""


@pytest.mark.parametrize(
    ("output", "nothing"),
    [
        ("table", ""),
        ("jsonl", ""),
        ("csv", "symbol,price,change24h,updatedAt,source,asked,currency,provider,fetchedAt,stale\n"),
        ("json", EMPTY_DOCUMENT),
    ],
)
def test_an_empty_standard_input_is_an_empty_list(tmp_path: Path, output: str, nothing: str) -> None:
    assert pricectl("batch", "-", "-o", output, home=tmp_path) == (0, nothing, "")
    assert list(tmp_path.iterdir()) == []
