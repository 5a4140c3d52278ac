"""The commands beside those for running models, a room for each subject.

Each room has `add(command)`, which declares its commands by a function (name, run, text, example)
-> parser, and one function a command that returns the exit code.
"""
