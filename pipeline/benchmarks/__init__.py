"""Benchmark tables: architectures with their metrics and costs, from whatever source."""
