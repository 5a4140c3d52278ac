"""Llama (Touvron et al. 2023), and what is built like it: SmolLM2, TinyLlama."""
