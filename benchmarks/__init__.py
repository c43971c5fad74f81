"""What the service costs, measured: `python -m benchmarks` prints one table per problem."""
