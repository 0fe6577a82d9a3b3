"""The one door to the optional test data: real bars and recorded provider bodies beside the checkout.

Everything is used where present and skipped where not; the suite passes on a clone without it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2].parent / "shared"
PRESENT = (ROOT / "wire" / "manifest.json").exists()
needs_shared_data = pytest.mark.skipif(not PRESENT, reason="the optional test data are not beside the checkout")


def wire(name: str) -> bytes:
    """A recorded provider body, as received; skips the test where the recordings are not present."""
    path = ROOT / "wire" / name
    if not path.exists():
        pytest.skip(f"no recorded body {name}")
    return path.read_bytes()


def manifest(name: str) -> dict[str, Any]:
    """The manifest's entry of a recorded body: its status, URL, headers and date."""
    wire(name)
    entries = json.loads((ROOT / "wire" / "manifest.json").read_text())
    return next(entry for entry in entries if entry["file"] == name)


def data(name: str) -> Path:
    """The path of a file of real market data; skips the test where it is not present."""
    path = ROOT / "data" / name
    if not path.exists():
        pytest.skip(f"no data file {name}")
    return path
