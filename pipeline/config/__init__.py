"""The configuration: its model, its checks, and how files and options make it."""
