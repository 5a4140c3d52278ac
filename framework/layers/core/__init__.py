"""Layers that others are built of: products, tables of rows, masks, and layers around others."""
