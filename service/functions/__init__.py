"""Registered functions, found again by ids that follow from their content."""
