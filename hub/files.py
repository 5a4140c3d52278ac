"""Writing a file whole or not at all: what `framework.files` does, under the hub's name."""

from ..framework.files import atomic_path as atomic_path
from ..framework.files import current_umask as current_umask
from ..framework.files import write_atomically as write_atomically
