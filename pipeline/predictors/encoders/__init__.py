"""Networks that turn cells into scores, several replicates at once."""
