"""Search strategies, and the loop that spends their budget of trained networks."""
