"""CLIP: pictures and texts as vectors of one space (Radford et al. 2021)."""
