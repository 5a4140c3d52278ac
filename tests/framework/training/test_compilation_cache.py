"""Compiled programs on the disk: the next process finds them, and nobody else can put any there."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from isozoo import Input, Sequential, config, layers, use_backend


@pytest.fixture
def folder(tmp_path):
    """A folder for programs, where JAX itself was told of none and short programs count."""
    was = jax.config.jax_compilation_cache_dir, config.compilation_cache()
    seconds = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_compilation_cache_dir", None)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    config.set_compilation_cache(tmp_path / "programs")
    yield tmp_path / "programs"
    config.set_compilation_cache(was[1])
    _train()  # with the fixture's folder taken back
    jax.config.update("jax_compilation_cache_dir", was[0])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", seconds)
    jax.config.update("jax_compilation_cache_max_size", -1)
    compilation_cache.reset_cache()


def _train() -> None:
    with use_backend("jax"):
        model = Sequential([Input((3,)), layers.Dense(2, kernel_initializer="ones")])
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 3), "float32"), np.ones((4, 2), "float32"), verbose=0)


def _programs(folder) -> set[str]:
    """The steps that are kept; the small programs around them depend on what ran before."""
    return {path.name for path in folder.glob("jit_pure-*-cache")}


def test_the_next_process_finds_what_this_one_compiled(folder):
    jax.clear_caches()  # of what another test compiled
    _train()
    first = _programs(folder)
    assert len(first) == 1
    jax.clear_caches()
    _train()
    assert _programs(folder) == first
    assert not folder.stat().st_mode & 0o077


def test_a_folder_that_others_can_write_to_is_not_used(folder):
    folder.mkdir()
    folder.chmod(0o777)
    _train()
    assert not list(folder.iterdir())
    assert jax.config.jax_compilation_cache_dir is None


def test_a_folder_of_the_user_s_own_goes_first(folder, tmp_path):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "mine"))
    _train()
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "mine")
    assert not folder.exists()
