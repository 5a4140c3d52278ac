"""Magika: the type of a file by its content."""
