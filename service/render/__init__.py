"""Out again: kernel graphs become closed forms in the user's language, written as text, LaTeX or NumPy code."""
