"""Benchmark tables: architectures with what they reach and what they cost, in one format for all sources."""
