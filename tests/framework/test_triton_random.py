"""The GPU kernels of random draws, by Triton's interpreter: the bits are those of `philox`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from ..patience import DEADLINE

SCRIPT = """
import numpy as np
import torch
from isozoo.framework.backends import host_draws, philox
from isozoo.framework.backends.derived.random import threshold
from isozoo.framework.backends.torch import triton_kernels as kernels

for seed, number in ((5, 3), (2**32 - 1, 2**31)):
    key = torch.tensor([seed, number])
    pair = (seed, number)
    for count in (1, 1023, 1024, 2500):
        for stream in (0, 2):
            found = kernels.words(key, count, stream).numpy()
            assert (found == philox.words(pair, count, stream)).all()
        uniform = kernels.uniform(key, count).numpy()
        assert (uniform == host_draws.random_uniform(pair, (count,))).all()
        normal = kernels.normal(key, count).numpy()
        # Logarithm, root, sine and cosine of float32: a rounding or two each.
        expected = host_draws.random_normal(pair, (count,), "float32")
        assert np.abs(normal - expected).max() <= 8 * 2.0**-24 * 6
    for dtype in (torch.float32, torch.float16):
        x = torch.linspace(1, 2, 3000).reshape(30, 100).t().to(dtype)  # not contiguous
        for rate in (0.1, 0.75):
            y = kernels.dropout(x, key, threshold(rate), 1 / (1 - rate))
            kept = host_draws.random_kept(pair, x.shape, rate)
            wanted = torch.where(torch.from_numpy(kept), x * (1 / (1 - rate)), 0)
            assert y.dtype == dtype and y.shape == x.shape
            assert torch.equal(y, wanted.to(dtype))
    assert kernels.words(key, 0, 0).shape == kernels.uniform(key, 0).shape == (0,)
print("same bits")
"""


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs Triton")
def test_tritons_kernels_draw_the_same_bits():
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert found.stdout == "same bits\n", found.stderr[-2000:]
