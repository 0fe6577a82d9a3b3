"""Tier 1: the latest quotes. ``hot`` is what the engine uses; ``peek`` is what the front door can afford."""
