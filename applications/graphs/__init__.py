"""Image classifiers whose networks are graphs from outside."""
