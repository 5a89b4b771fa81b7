"""Faults injected into runs of the real workflow."""
