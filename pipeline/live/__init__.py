"""What a run shows while it goes on: Snakemake's live line, and the command `watch`."""

DRAWS = "NASFLOW_LIVE"  # environment variable of jobs: the host whose terminal shows a live line
