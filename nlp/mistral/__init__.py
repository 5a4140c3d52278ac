"""Mistral (Jiang et al. 2023, arXiv:2310.06825): Llama's decoder, with windows of attention."""
