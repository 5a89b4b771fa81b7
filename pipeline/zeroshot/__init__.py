"""Scores of untrained networks: what a cell is worth before any training (GATES++, section 5)."""
