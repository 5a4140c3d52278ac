"""What `fuzz_readers` is made of: small valid files, changes to them, and the judging of a case."""
