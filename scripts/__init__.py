"""Thin programs for people: convert, publish, validate, benchmark, demo."""
