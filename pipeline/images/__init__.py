"""Image sets: pixels, labels and a split, from any source."""
