"""What made an artifact, whether it is fresh, and what a change makes stale."""
