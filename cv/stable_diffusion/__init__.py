"""Stable Diffusion: pictures from texts (Rombach et al. 2022)."""
