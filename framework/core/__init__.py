"""Variable, Layer, the symbolic tensor, and the scopes that change what they do."""
