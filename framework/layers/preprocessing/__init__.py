"""Preprocessing: from raw data to tensors of numbers."""
