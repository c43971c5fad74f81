"""Computations that nobody waits for on a connection: kept, run within bounds, and found again by their id."""
