"""Tests on a real SLURM of one node, started by the tests themselves."""
