"""T5 (Raffel et al. 2019, arXiv:1910.10683): text to text, and its later forms v1.1 and Flan."""
