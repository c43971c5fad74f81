"""What was computed before: in memory, then in Redis. A hint, never a state: what is lost is computed again."""
