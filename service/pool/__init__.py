"""Workers: processes, or other machines, that can be stopped at any moment without harm to anyone else's work."""
