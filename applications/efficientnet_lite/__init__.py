"""EfficientNet-Lite (Google, 2020): EfficientNet for phones."""
