"""Keras's classifiers as presets: the weights that Keras publishes, and models saved from here."""
