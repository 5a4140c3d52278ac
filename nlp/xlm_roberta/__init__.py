"""XLM-RoBERTa (Conneau et al. 2019, arXiv:1911.02116): RoBERTa of a hundred languages."""
