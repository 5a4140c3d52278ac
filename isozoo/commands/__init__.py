"""The commands beside those for running models, a module for each subject.

Each has `add(command)`, which declares its commands by `parsing.Parser.command`, and one function a
command that returns the exit code.
"""
