"""A fault of the library is not put down to the user's arguments."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import ops
from isozoo.framework.backends import registry


@pytest.mark.parametrize("slip", [AttributeError, NameError, AssertionError, ImportError])
def test_a_slip_in_a_kernel_stays_what_it_is(monkeypatch, backend, slip):
    def kernel(*args, **kwargs):
        raise slip("a slip of ours")

    # As if it stood in a file of the library.
    code = kernel.__code__.replace(co_filename=registry.__file__)
    kernel.__code__ = code
    monkeypatch.setattr(registry.get(backend), "flip", kernel, raising=False)
    with pytest.raises(slip, match="^a slip of ours$") as caught:
        ops.flip(np.ones((2, 3), np.float32))
    assert type(caught.value) is slip


def test_a_users_argument_is_still_explained(monkeypatch, backend):
    """The same slip, where an argument explains it."""

    def kernel(*args, **kwargs):
        raise AttributeError("a slip of ours")

    kernel.__code__ = kernel.__code__.replace(co_filename=registry.__file__)
    monkeypatch.setattr(registry.get(backend), "flip", kernel, raising=False)
    with pytest.raises(ops.InvalidArgumentError, match="ops.flip: argument `axis`: got 5"):
        ops.flip(np.ones((2, 3), np.float32), axis=5)
