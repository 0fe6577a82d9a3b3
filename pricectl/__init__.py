"""pricectl: prices through three tiers - a hot cache, a Parquet store, the providers."""

__version__ = "0.1.0"
