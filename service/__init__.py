"""Fluxion: exact derivatives of expressions and graphs, as closed forms and as numbers."""
