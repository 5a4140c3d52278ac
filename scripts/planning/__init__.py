"""Counting collectives of compiled programs, and estimates of memory and traffic."""
