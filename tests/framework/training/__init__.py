"""Tests of the data and callbacks of training."""
