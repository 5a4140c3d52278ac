"""Quantized weights: how they are kept, and what is computed with them."""
