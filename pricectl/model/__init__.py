"""The words that every other room speaks: assets, quotes, bars, spans, instants. Imports nothing but errors."""
