"""UM-Bridge 1.0: its calls become requests of the compute endpoints, and their answers its answers."""
