"""Attention: each query gets a mean of values, weighed by how well their keys fit it."""
