"""Dense at inference, where a backend may take another kernel for large products."""

import numpy as np
import pytest

import isozoo


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("rows", [(1, 3), (2, 40)])
def test_dense_at_inference(backend, rows, use_bias):
    inputs, units = 480, 520  # 2 * 40 * 480 * 520 products are large
    rng = np.random.default_rng(0)
    x, kernel, bias = (rng.normal(size=s) for s in ((*rows, inputs), (inputs, units), (units,)))
    model = isozoo.Sequential(
        [isozoo.Input((None, inputs)), isozoo.layers.Dense(units, use_bias=use_bias)]
    )
    layer = model.layers[0]
    layer.kernel.assign(kernel.astype(np.float32))
    if use_bias:
        layer.bias.assign(bias.astype(np.float32))
    expected = x.astype(np.float32) @ kernel + (bias if use_bias else 0)
    for data in (x, np.swapaxes(np.ascontiguousarray(np.swapaxes(x, 0, 1)), 0, 1)):
        found = isozoo.ops.convert_to_numpy(model.infer(data.astype(np.float32)))
        np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())


def test_torch_takes_the_other_kernel_only_where_it_may():
    import torch

    from isozoo.framework.backends.torch import neural

    x, weight = torch.ones(64, 512), torch.ones(512, 512)
    available = torch.backends.mkldnn.is_available()
    assert neural._suits_onednn(x, weight) == available
    assert not neural._suits_onednn(x[:2], weight)
    assert not neural._suits_onednn(x, torch.ones(512, 1024)[:, ::2])
    assert not neural._suits_onednn(x.double(), weight.double())
    with torch.autocast("cpu"):
        assert not neural._suits_onednn(x, weight)
    with torch.backends.mkldnn.flags(enabled=False):
        assert not neural._suits_onednn(x, weight)
