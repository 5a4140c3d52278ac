"""Bad input gives one kind of error on every backend, which says what was wrong."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import KerasTensor, ops

from .bad import BAD


def _tensors(x):
    if isinstance(x, list | tuple):
        return type(x)(map(_tensors, x))
    return ops.convert_to_tensor(x) if isinstance(x, np.ndarray) else x


def _op(name):
    room, _, rest = name.rpartition(".")
    return getattr(getattr(ops, room) if room else ops, rest)


@pytest.mark.parametrize("row", BAD, ids=str)
def test_bad_call(row, backend):
    with pytest.raises(ops.InvalidArgumentError) as caught:
        _op(row.op)(*map(_tensors, row.args), **row.kwargs)
    message = str(caught.value)
    assert message.startswith(f"ops.{row.op.rpartition('.')[2]}: ")
    for word in row.names:
        assert word in message, message


def _symbols(x):
    if isinstance(x, list | tuple):
        return type(x)(map(_symbols, x))
    return KerasTensor(x.shape, str(x.dtype)) if isinstance(x, np.ndarray) else x


def _has_tensors(x):
    return isinstance(x, np.ndarray) or (isinstance(x, list | tuple) and any(map(_has_tensors, x)))


@pytest.mark.parametrize("row", [row for row in BAD if _has_tensors(row.args)], ids=str)
def test_bad_symbolic_call(row, backend):
    """Shapes and dtypes are refused while a model is drawn, too."""
    with pytest.raises(ops.InvalidArgumentError):
        _op(row.op)(*map(_symbols, row.args), **row.kwargs)
