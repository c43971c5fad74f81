"""What the service does when things break, measured: `python -m benchmarks.faults` breaks them."""
