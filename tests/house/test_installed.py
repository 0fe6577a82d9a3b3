"""What is tested is what is installed, and it is whole."""

import importlib.metadata
import os
from pathlib import Path

import pytest

import pricectl
from pricectl.home import shipped

CHECKOUT = Path(__file__).parents[2]


def test_the_version_is_the_distributions():
    try:
        version = importlib.metadata.version("pricectl")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("pricectl runs from its checkout and is not installed")
    assert version == pricectl.__version__


@pytest.mark.skipif("CI" not in os.environ, reason="a developer may test the checkout")
def test_under_ci_the_installed_wheel_is_tested_and_not_the_checkout():
    assert CHECKOUT / "pricectl" not in Path(pricectl.__file__).parents


@pytest.mark.parametrize("name", ["assets.csv", "README.md"])
def test_the_data_files_are_shipped(name):
    assert os.path.getsize(shipped(name)) > 500


def test_the_package_is_typed():
    assert (Path(pricectl.__file__).parent / "py.typed").exists()
