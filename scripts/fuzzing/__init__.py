"""Random calls of every op, and what each should give: the parts of `fuzz_ops`."""
