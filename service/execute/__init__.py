"""Numbers: a graph is compiled once into NumPy calls over a leading batch axis."""
