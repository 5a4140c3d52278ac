"""The multi-backend framework: knows nothing of models, presets or the network."""
