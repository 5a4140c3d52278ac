"""Compiled programs that stay on the disk, so that the next process need not compile them."""

import jax
from jax.experimental.compilation_cache import compilation_cache

from ...config import compilation_cache as chosen_folder
from ...files import private_folder

_MOST_BYTES = 1 << 30

# The folder that was last set here, to know it from one that the user gave to JAX.
_set: list[str | None] = [None]


def keep_compiled():
    """Lets JAX keep its programs in the folder of `config.compilation_cache`, if there is none."""
    at = jax.config.values["jax_compilation_cache_dir"]
    if at != _set[0]:
        return  # the user's own
    folder = chosen_folder()
    folder = None if folder is None else str(folder)
    if folder == at or (folder is not None and not private_folder(folder)):
        return
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_compilation_cache_max_size", _MOST_BYTES if folder else -1)
    compilation_cache.reset_cache()  # what was compiled before had made it look for a folder
    _set[0] = folder
