"""Tesseract: every registered function speaks its protocol; its calls become requests of the compute endpoints."""
