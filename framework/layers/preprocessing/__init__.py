"""Layers that prepare data for a model."""
