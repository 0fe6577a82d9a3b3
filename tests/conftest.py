"""What holds for every test."""

import os

from hypothesis import settings

# Processes that tests start import what these tests import, the installed wheel: never a folder of that name where
# they happen to run.
os.environ["PYTHONSAFEPATH"] = "1"

# No deadline an example: a shared machine may be slow at any time.
settings.register_profile("pricectl", deadline=None)
settings.load_profile("pricectl")
