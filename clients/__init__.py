"""Clients of the service: Python with NumPy, and TypeScript."""
