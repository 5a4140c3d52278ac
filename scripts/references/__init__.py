"""The ops by definition, in NumPy, SciPy and loops; the tests and `fuzz_ops` judge by them.

Nothing here is shared with the package, and everything is computed in float64.
"""
