"""Servers of the Hugging Face hub's protocol on 127.0.0.1, for trials and tests."""
