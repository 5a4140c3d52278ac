"""The classifiers of torchvision and timm: read, computed alike, and written back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import isozoo
from isozoo.applications.constructor import constructor
from isozoo.applications.published import variants
from isozoo.applications.published.model import KerasImageClassifier, KerasNetwork
from isozoo.framework.core.scopes import deferred_initialization
from isozoo.hub import HubError
from isozoo.hub.exporting import foreign_tensors

from . import torch_nets

CLASSES = 5
TOLERANCE = 1e-4  # of the output's scale: what equal weights must give


class Case(NamedTuple):
    """One network in one library's names.

    Args:
        name: of the library.
        layout: the library.
        original: of `torch_nets`.
        sizes: of the original.
        settings: of our row, in the place of its own.
        epsilon: of normalizations.
        same: whether borders are TensorFlow's.
        size: of the pictures.
        backends: where it is run; the layers have tests of their own on each backend.
    """

    name: str
    layout: str
    original: Any
    sizes: dict[str, Any]
    settings: dict[str, Any] = {}
    epsilon: float = 1e-5
    same: bool = False
    size: int = 45
    backends: tuple[str, ...] = ("torch",)


_V2 = ((2, 8, 1, 1, False), (2, 16, 4, 2, False), (2, 24, 4, 2, True))
_V3 = (
    *((16, 16, 3, 2, True, False), (72, 24, 3, 2, False, False), (88, 24, 3, 1, False, False)),
    *((96, 40, 5, 2, True, True), (240, 40, 5, 1, True, True), (240, 40, 5, 1, True, True)),
    *((120, 48, 5, 1, True, True), (144, 48, 5, 1, True, True), (288, 96, 5, 2, True, True)),
    *((576, 96, 5, 1, True, True), (576, 96, 5, 1, True, True)),
)
_B0 = (
    *((1, 8, 1, 1, 3, True), (1, 8, 6, 2, 3, True), (1, 16, 6, 2, 5, True), (2, 24, 6, 2, 3, True)),
    *((2, 32, 6, 1, 5, True), (2, 48, 6, 2, 5, True), (1, 80, 6, 1, 3, True)),
)
_V2_STAGES = (
    *((8, 1, 1, 1), (8, 2, 6, 2), (16, 2, 6, 3), (24, 2, 6, 4), (32, 1, 6, 3), (56, 2, 6, 3)),
    (112, 1, 6, 1),
)
CASES = [
    Case(
        *("vgg16_bn", "torchvision", torch_nets.vgg16_bn),
        {"filters": (4, 4, 8, 8, 8), "units": 12},
        {"filters": (4, 4, 8, 8, 8), "units": 12},
        backends=("numpy", "torch", "jax", "tensorflow"),
    ),
    Case(
        *("densenet121", "torchvision", torch_nets.densenet),
        {"blocks": (2, 1, 1, 1)},
        {"blocks": (2, 1, 1, 1)},
    ),
    Case(
        *("convnext_tiny", "timm", torch_nets.convnext),
        {"depths": (1, 1, 2, 1), "filters": (8, 16, 24, 32)},
        {"depths": (1, 1, 2, 1), "filters": (8, 16, 24, 32)},
        size=64,
    ),
    Case(
        *("mobilenetv2_035", "timm", torch_nets.mobilenet_v2),
        {"stages": _V2_STAGES},
    ),
    Case(
        *("mobilenet_v3_small", "torchvision", torch_nets.mobilenet_v3),
        {"blocks": _V3, "last": 64},
        {"last": 64},
        epsilon=1e-3,
    ),
    Case(
        *("tf_efficientnet_b0", "timm", torch_nets.efficientnet),
        {"stages": _B0, "stem": 8, "top": 320},
        {"width": 0.25, "depth": 0.5},
        epsilon=1e-3,
        same=True,
        size=46,
        backends=("numpy", "torch"),
    ),
    Case(
        *("tf_efficientnetv2_s", "timm", torch_nets.efficientnet),
        {"stages": [(*stage[:4], 3, stage[4]) for stage in _V2], "stem": 8, "top": 1280},
        {"stages": _V2, "stem": 8},
        epsilon=1e-3,
        same=True,
        size=46,
    ),
]


def _table(layout):
    return variants.TIMM if layout == "timm" else variants.TORCHVISION


def _shrink(case, monkeypatch):
    """Puts the case's settings into our row."""
    from importlib import import_module

    from isozoo.applications.keras_modules import NETWORKS

    title = _table(case.layout)[case.name]["network"]
    module = import_module(f"isozoo.applications{NETWORKS[title]}")
    row = getattr(module, title).network
    row = replace(row, settings={**row.settings, **case.settings})
    monkeypatch.setattr(module, title, constructor(row))


def _config(case):
    if case.layout == "torchvision":
        return {"model_type": "torchvision", "torchvision": case.name, "num_classes": CLASSES}
    return {
        "architecture": case.name,
        "num_classes": CLASSES,
        "num_features": 9,
        "global_pool": "avg",
        "model_args": {"in_chans": 3, "num_classes": CLASSES, "global_pool": "avg"},
        "label_names": [f"kind {i}" for i in range(CLASSES)],
        "pretrained_cfg": {
            "input_size": [3, case.size, case.size],
            "interpolation": "bicubic",
            "crop_pct": 0.9,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
    }


@pytest.mark.parametrize(
    ("case", "used"),
    [
        pytest.param(case, used, id=f"{used}-{case.layout}-{case.name}")
        for case in CASES
        for used in case.backends
    ],
)
def test_a_folder_of_the_library(case, used, tmp_path, monkeypatch):
    """Scores of its weights; and on torch the same weights, bit for bit, written back."""
    from safetensors.torch import save_file

    _shrink(case, monkeypatch)
    state = torch_nets.State(case.epsilon, case.same)
    x = np.random.default_rng(0).normal(size=(2, case.size, case.size, 3)).astype("float32")
    with torch.no_grad():
        images = torch.from_numpy(x).permute(0, 3, 1, 2)
        expected = case.original(state, images, **case.sizes, classes=CLASSES).numpy()
    assert np.std(expected) / np.abs(expected).max() > 1e-3  # else equal scores would say nothing
    save_file({name: t.contiguous() for name, t in state.items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(_config(case)))
    with isozoo.use_backend(used):
        model = isozoo.from_preset(str(tmp_path))
        found = np.asarray(isozoo.ops.convert_to_numpy(model(x)))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()
        if used == "torch":
            _check_copies(case, model, x, expected, state, tmp_path)


def _check_copies(case, model, x, expected, state, tmp_path):
    """Fused kernels; and the weights in the library's layout and in ours."""
    from safetensors.numpy import load_file

    fused = model.predict(x, verbose=0)
    assert np.abs(fused - expected).max() <= TOLERANCE * np.abs(expected).max()
    model.save_to_preset(tmp_path / "back", layout=case.layout)
    back = load_file(tmp_path / "back/model.safetensors")
    # torchvision's files of DenseNet are older than its names.
    names = {re.sub(r"\.(norm|conv)\.(?=\d\.)", r".\1", name): name for name in state}
    assert back.keys() == {name for name in names if "num_batches_tracked" not in name}
    for name, value in back.items():
        np.testing.assert_array_equal(value, state[names[name]].numpy())
    told = json.loads((tmp_path / "back/config.json").read_text())
    key = "architecture" if case.layout == "timm" else "torchvision"
    assert told[key] == case.name
    if case.layout == "timm":
        assert told["pretrained_cfg"]["crop_pct"] == 0.9 and told["label_names"][1] == "kind 1"
        assert model.preprocessor.mean == (0.5,) * 3
    model.save_to_preset(tmp_path / "ours")
    again = isozoo.from_preset(str(tmp_path / "ours"))
    np.testing.assert_array_equal(again.predict(x, verbose=0), fused)


# Of networks that are too large to be computed here: names and shapes of some tensors, as timm
# 1.0.31 has them, and how many there are.
LARGE = {
    "inception_v3": (
        472,
        {
            "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
            "Mixed_6c.branch7x7dbl_4.conv.weight": (160, 160, 7, 1),
            "Mixed_7a.branch7x7x3_2.conv.weight": (192, 192, 1, 7),
            "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        },
    ),
    "legacy_xception": (
        236,
        {
            "block1.rep.0.conv1.weight": (64, 1, 3, 3),
            "block12.rep.4.pointwise.weight": (1024, 728, 1, 1),
            "block3.skip.weight": (728, 256, 1, 1),
            "conv4.pointwise.weight": (2048, 1536, 1, 1),
        },
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_names_and_shapes_of_large_networks(name):
    count, some = LARGE[name]
    arguments = variants.TIMM[name]
    with isozoo.use_backend("numpy"), deferred_initialization():
        model = KerasNetwork(classes=1000, **arguments)
    found = foreign_tensors(model.weights_by_path(), variants.weight_map("timm", arguments))
    assert len(found) == count
    for key, shape in some.items():
        assert found[key].shape == shape, key


def test_presets_name_networks_that_there_are():
    from isozoo.hub import get_family, get_preset

    names = [get_preset(name) for name in isozoo.list_presets("published")]
    tables = {"timm": variants.TIMM, "torchvision": variants.TORCHVISION}
    found: dict[str, set[str]] = {layout: set() for layout in tables}
    for preset in names:
        if preset.layout == "timm":
            found["timm"].add(preset.name.partition(".")[0])
        elif preset.layout == "torchvision":
            (file,) = preset.files
            (source,) = preset.sources
            assert source.rename[file.name].endswith(f"-{file.sha256_start}.pth")
            layout = get_family("published").layouts["torchvision"]
            arguments = layout.arguments({}, preset.settings)
            assert arguments == variants.TORCHVISION[preset.settings["config"]["torchvision"]]
            found["torchvision"].add(preset.settings["config"]["torchvision"])
    assert found["torchvision"] == tables["torchvision"].keys()
    # Of some architectures timm has a definition and no weights.
    assert found["timm"] < tables["timm"].keys() and len(found["timm"]) > 30


def test_forms_that_a_library_has_not_are_refused(tmp_path):
    with isozoo.use_backend("numpy"), deferred_initialization():
        model = KerasImageClassifier(3, network="MobileNetV2")
        with pytest.raises(HubError, match="form='keras'"):
            model.save_to_preset(tmp_path / "a", layout="timm")
    with pytest.raises(ValueError, match="`form` must be one of keras, tensorflow, torch"):
        KerasNetwork("MobileNetV2", form="caffe")
    with pytest.raises(ValueError, match="`batch_norm` is an argument of VGG"):
        KerasNetwork("MobileNetV2", batch_norm=True)
