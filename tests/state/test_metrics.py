"""The Prometheus textfile: its format, its mode, and that no reader ever sees half of it."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pricectl.errors import Unwritable, UsageError
from pricectl.state import metrics
from pricectl.state.metrics import Figure, text, textfile
from shell import ROOT

_LABELS = r"(\{(\w+=\"([^\"\\\n]|\\.)*\",?)+\})?"
WHOLE = re.compile(rf"(# HELP pricectl_\w+ .+\n# TYPE pricectl_\w+ (gauge|counter)\n(pricectl_\w+{_LABELS} \S+\n)+)+")


def test_the_format():
    figures = [
        Figure("last_run_exit_code", 3, "How the last run ended."),
        Figure("store_bytes", 12.0, "Bytes stored.", (("tier", "daily"),)),
        Figure("cache_hits_total", 1e6, "Look-ups that the cache answered."),
        Figure("store_bytes", 0.5, "", (("tier", 'a"b\\c\nd'), ("x", "y"))),
    ]
    assert text(figures) == (
        "# HELP pricectl_last_run_exit_code How the last run ended.\n"
        "# TYPE pricectl_last_run_exit_code gauge\n"
        "pricectl_last_run_exit_code 3\n"
        "# HELP pricectl_store_bytes Bytes stored.\n"
        "# TYPE pricectl_store_bytes gauge\n"
        'pricectl_store_bytes{tier="daily"} 12\n'
        'pricectl_store_bytes{tier="a\\"b\\\\c\\nd",x="y"} 0.5\n'
        "# HELP pricectl_cache_hits_total Look-ups that the cache answered.\n"
        "# TYPE pricectl_cache_hits_total counter\n"
        "pricectl_cache_hits_total 1000000\n"
    )
    assert WHOLE.fullmatch(text(figures))


@pytest.mark.parametrize(
    ("value", "said"),
    [(float("nan"), "NaN"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (1795521600.123, "1795521600.123"),
     (-2.0, "-2"), (1e300, "1e+300")],
)  # fmt: skip
def test_numbers(value, said):
    assert text([Figure("x", value, "X.")]).endswith(f"\npricectl_x {said}\n")


def test_the_file_is_for_everybody_and_leaves_nothing_beside_it(tmp_path: Path):
    path = tmp_path / "pricectl.prom"
    before = os.umask(0o077)
    try:
        textfile(str(path), [Figure("x", 1, "X.")])
        textfile(str(path), [Figure("x", 2, "X.")])
    finally:
        os.umask(before)
    assert path.read_text() == "# HELP pricectl_x X.\n# TYPE pricectl_x gauge\npricectl_x 2\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["pricectl.prom"]


def test_on_its_way_the_file_is_no_prom_file(tmp_path: Path, monkeypatch):
    seen = []
    replace = os.replace
    monkeypatch.setattr(metrics.os, "replace", lambda a, b: (seen.append(str(a)), replace(a, b)))
    textfile(str(tmp_path / "pricectl.prom"), [Figure("x", 1, "X.")])
    (beside,) = seen
    assert os.path.dirname(beside) == str(tmp_path)
    assert not beside.endswith(".prom")


WRITER = """
import sys
from pricectl.state.metrics import Figure, textfile
for number in range(500):
    textfile(sys.argv[1], [Figure("x", number, "X.", (("n", str(n)),)) for n in range(20)])
"""


def _writer(path: str) -> subprocess.Popen[bytes]:
    env = {"PYTHONPATH": ROOT, "PYTHONSAFEPATH": "1"}
    return subprocess.Popen([sys.executable, "-c", WRITER, path], env=env)


def test_a_reader_never_sees_half_a_file(tmp_path: Path):
    path = tmp_path / "pricectl.prom"
    textfile(str(path), [Figure("x", 0, "X.")])
    writer = _writer(str(path))
    reads = 0
    while writer.poll() is None:
        assert WHOLE.fullmatch(path.read_text())
        reads += 1
    assert writer.returncode == 0
    assert reads > 10
    assert path.read_text().endswith('pricectl_x{n="19"} 499\n')


def test_two_writers_do_not_mix(tmp_path: Path):
    path = str(tmp_path / "pricectl.prom")
    writers = [_writer(path) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert WHOLE.fullmatch(Path(path).read_text())
    assert os.listdir(tmp_path) == ["pricectl.prom"]


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path):
    with pytest.raises(UsageError, match=r"cannot write the metrics to .*gone/x\.prom: No such file") as caught:
        textfile(f"{tmp_path}/gone/x.prom", [])
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_folder_in_place_of_the_file(tmp_path: Path):
    (tmp_path / "x.prom").mkdir()
    with pytest.raises(UsageError, match="Is a directory"):
        textfile(f"{tmp_path}/x.prom", [Figure("x", 1, "X.")])
    assert os.listdir(tmp_path) == ["x.prom"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "x.prom"
    textfile(str(path), [Figure("x", 1, "X.")])
    before = path.read_text()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(metrics.os, "write", full)
    with pytest.raises(Unwritable, match="No space left"):
        textfile(str(path), [Figure("x", 2, "X.")])
    monkeypatch.undo()
    assert path.read_text() == before
    assert os.listdir(tmp_path) == ["x.prom"]


def test_a_link_planted_in_the_folder_is_not_followed(tmp_path: Path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / f"x.prom.{os.getpid()}").symlink_to(precious)
    with pytest.raises(UsageError):
        textfile(f"{tmp_path}/x.prom", [Figure("x", 1, "X.")])
    assert precious.read_text() == "mine"
