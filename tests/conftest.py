"""One setting for every property test: no deadline an example, because a shared machine may be slow at any time."""

from hypothesis import settings

settings.register_profile("pricectl", deadline=None)
settings.load_profile("pricectl")
