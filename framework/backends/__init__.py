"""The ground: one folder per backend, the only place that imports jax, torch or tensorflow."""
