"""Layers that keep a model from learning its data by heart: noise, dropout, and losses."""
