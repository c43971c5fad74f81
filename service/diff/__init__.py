"""Graph to graph: derivatives of any order, in the same language as the function."""
