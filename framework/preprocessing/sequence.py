"""Keras's namespace `preprocessing.sequence`."""

from ..utils import pad_sequences as pad_sequences
