"""Where Snakemake finds the logger plug-in `nasflow` (`--logger nasflow`): by the name of this package."""

from pipeline.live.handler import LogHandler

__all__ = ["LogHandler"]
