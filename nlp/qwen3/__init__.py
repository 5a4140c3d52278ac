"""Qwen 3 (Yang et al. 2025, arXiv:2505.09388)."""
