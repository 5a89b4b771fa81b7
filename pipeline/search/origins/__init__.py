"""Where a search's accuracies come from, one module each: `begin` returns what the search starts with."""
