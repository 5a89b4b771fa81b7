"""How artifacts, kept parts and checkpoints are written and read."""
