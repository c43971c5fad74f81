"""Rewriting: a table of identities and the passes that apply it, linear in the size of the graph."""
