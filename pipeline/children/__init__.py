"""Child networks: cells built at a given size and trained for real."""
