"""Vision transformers (Dosovitskiy et al. 2020)."""
