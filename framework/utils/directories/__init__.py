"""Datasets of files in a directory, each class in a folder of its own."""
