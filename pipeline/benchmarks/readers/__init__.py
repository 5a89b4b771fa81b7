"""Readers of benchmark files, one plug-in file each: `Settings`, `ORIGIN`, `VERSION` and `read`."""
