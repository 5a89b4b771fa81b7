"""Graph autoencoders: arch2vec, and info-NAS, which also learns what trained networks output."""
