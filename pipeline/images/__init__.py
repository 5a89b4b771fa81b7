"""Image sets: decoded once to uint8 arrays and split by seed. One file a source."""
