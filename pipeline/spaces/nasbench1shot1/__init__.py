"""What the three NAS-Bench-1Shot1 subspaces of NAS-Bench-101 share; see `subspace`."""
