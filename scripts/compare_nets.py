"""Compares every image classifier with the library that its layout comes from, on each backend.

    python -m isozoo.scripts.compare_nets --layouts torchvision timm --backends torch jax
    python -m isozoo.scripts.compare_nets --layouts keras --only "ResNet(50|101)$"

For each network and layout the library's own network gets random weights, is saved, read here as a
preset, and both compute the same pictures, with 1000 classes and at the network's own size (or
`--size`). A line tells the network, the layout, the number of its parameters beside the published
one, and for each backend the largest difference of the logits, relative to the largest logit. With
`--back` the weights are written again in the same layout and must be the same, bit for bit.

torchvision and timm are no dependencies of the package: have them in a folder on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

BACKENDS = ("numpy", "torch", "jax", "tensorflow")
LAYOUTS = ("keras", "torchvision", "timm")


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; returns 1 where a difference is above the tolerance."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=("torch",))
    parser.add_argument("--only", default="", help="networks whose name has this pattern in it")
    parser.add_argument("--size", type=int, default=0, help="of the pictures; the network's own")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of the largest logit")
    parser.add_argument("--back", action="store_true", help="write the weights again, and compare")
    given = parser.parse_args(arguments)
    print(f"{'network':32} {'layout':12} {'parameters':>12} {'published':>12}  ", end="")
    print(" ".join(f"{name:>10}" for name in given.backends))
    worst, count = 0.0, 0
    for layout in given.layouts:
        for name in _names(layout):
            if re.search(given.only, name):
                worst = max(worst, _compare(name, layout, given))
                count += 1
    print(f"{count} networks; the largest difference is {worst:.1e} of the largest logit")
    return int(worst > given.tolerance)


def _names(layout: str) -> Iterable[str]:
    from ..applications.keras_modules import NETWORKS
    from ..applications.published import variants

    if layout == "keras":
        return NETWORKS
    return variants.TORCHVISION if layout == "torchvision" else variants.TIMM


def _compare(name: str, layout: str, given: argparse.Namespace) -> float:
    """Prints the line of a network; returns its largest difference."""
    from ..framework import config
    from ..hub.loading import load_preset

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        original = _keras if layout == "keras" else _torch
        size, images, expected, published = original(name, layout, folder, given.size)
        gc.collect()
        found: dict[str, float] = {}
        parameters = 0
        for backend in given.backends:
            with config.use_backend(backend):
                model = load_preset(_preset(name, layout, folder), image_size=size)
                logits = np.asarray(model.predict(images, verbose=0))
                parameters = _count(model, layout)
                if given.back and backend == given.backends[0] and layout != "keras":
                    _write_back(model, folder, layout)
            found[backend] = float(np.abs(logits - expected).max() / np.abs(expected).max())
            del model
            gc.collect()
    shown = f"{published:,}" if published else "-"
    line = " ".join(f"{error:10.1e}" for error in found.values())
    seconds = time.perf_counter() - began
    print(f"{name:32} {layout:12} {parameters:12,} {shown:>12}  {line}", end="")
    print(f"   {size}x{size}, {seconds:.0f} s", flush=True)
    return max(found.values())


def _preset(name: str, layout: str, folder: Path) -> Any:
    """What is loaded: the folder, or Keras's file as the published preset has it."""
    if layout != "keras":
        return str(folder)
    from ..hub.preset import FileEntry, Folder, Preset

    files = (FileEntry("weights.h5"),)
    settings = {"network": name}
    return Preset(
        name, "published", "image_classifier", "keras", files, (Folder(folder),), settings
    )


def _count(model: Any, layout: str) -> int:
    """The number of parameters: Keras counts moving averages, too, torch's libraries do not."""
    variables = model.variables if layout == "keras" else model.trainable_variables
    return sum(int(np.prod(variable.shape)) for variable in variables)


def _write_back(model: Any, folder: Path, layout: str) -> None:
    from safetensors.numpy import load_file

    before = load_file(folder / "model.safetensors")
    model.save_to_preset(folder / "back", layout=layout)
    after = load_file(folder / "back/model.safetensors")
    kept = {k for k in before if "num_batches_tracked" not in k and "AuxLogits" not in k}
    if after.keys() != kept:
        raise SystemExit(f"other names came back: {sorted(kept ^ after.keys())[:5]}")
    changed = [key for key in kept if not np.array_equal(before[key], after[key])]
    if changed:
        raise SystemExit(f"other numbers came back: {changed[:5]}")


def _torch(name: str, layout: str, folder: Path, size: int) -> tuple[int, Any, Any, int]:
    """Saves a network of torchvision or timm; returns size, images, logits and parameters."""
    import torch
    from safetensors.torch import save_file

    _import_torchvision()
    torch.manual_seed(0)
    if layout == "torchvision":
        module, config, usual, published = _of_torchvision(name)
    else:
        module, config, usual, published = _of_timm(name)
    _randomise(module)
    size = size or usual
    images = np.random.default_rng(0).normal(size=(1, size, size, 3)).astype("float32")
    with torch.no_grad():
        logits = module(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    save_file(module.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return size, images, logits, published


def _import_torchvision() -> None:
    """Imports it where its compiled part is for another build of torch: the nets need none."""
    import torch

    try:
        import torchvision  # noqa: F401  # pyright: ignore[reportMissingImports]
    except RuntimeError:
        for module in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[module]
        library = torch.library.Library("torchvision", "DEF")
        for op in ("nms", "qnms"):
            library.define(f"{op}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)


_kept: list[Any] = []  # what must live as long as the process


def _of_torchvision(name: str) -> tuple[Any, dict[str, Any], int, int]:
    from torchvision import models  # pyright: ignore[reportMissingImports]

    settings = {"transform_input": False} if name == "inception_v3" else {}
    options = {"init_weights": False} if name.startswith(("vgg", "inception")) else {}
    module = models.get_model(name, weights=None, **settings, **options).eval()
    weights = models.get_model_weights(name).DEFAULT
    config = {"model_type": "torchvision", "torchvision": name}
    size = weights.transforms().crop_size[0]
    return module, config, size, weights.meta["num_params"]


def _of_timm(name: str) -> tuple[Any, dict[str, Any], int, int]:
    import timm  # pyright: ignore[reportMissingImports]

    module = timm.create_model(name).eval()
    about = module.pretrained_cfg
    config = {
        "architecture": name,
        "num_classes": module.num_classes,
        "num_features": module.num_features,
        "global_pool": "avg",
        "pretrained_cfg": {
            key: about[key] for key in ("input_size", "crop_pct", "interpolation", "mean", "std")
        },
    }
    counted = sum(parameter.numel() for parameter in module.parameters())
    return module, config, about["input_size"][1], counted


def _randomise(module: Any) -> None:
    """Gives a network statistics, offsets and small factors that a fresh one has not."""
    import torch

    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.3)  # pyright: ignore[reportOptionalMemberAccess]
                part.running_var.uniform_(0.5, 2)  # pyright: ignore[reportOptionalMemberAccess]
                part.weight.uniform_(0.3, 0.9)
                part.bias.normal_(0, 0.3)
            elif isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
                count = part.weight[0].numel()
                part.weight.normal_(0, (1.5 / count) ** 0.5)
                if part.bias is not None:
                    part.bias.normal_(0, 0.2)
        for key, parameter in module.named_parameters():
            if key.endswith(("gamma", "layer_scale")):  # ConvNeXt's are almost nothing at first
                parameter.uniform_(0.1, 0.5)


def _keras(name: str, layout: str, folder: Path, size: int) -> tuple[int, Any, Any, int]:
    """Saves a network of Keras in the form that Keras publishes; as `_torch`."""
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    from ..applications.published.table import network_of

    size = size or network_of(name).usual_size()
    settings = {"classifier_activation": None, "input_shape": (size, size, 3)}
    model = getattr(keras.applications, name)(weights=None, **settings)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "int" in weight.dtype:
            continue
        value = np.float32(0.1) * rng.standard_normal(weight.shape, np.float32)
        if weight.name.endswith("variance"):
            value = 1 + np.abs(value)
        elif weight.name == "gamma":
            value += 0.3 if "layer_scale" in weight.path else 1
        elif "kernel" in weight.name:
            inputs = weight.shape[:2] if "depthwise" in weight.name else weight.shape[:-1]
            value *= np.float32(12 / np.sqrt(np.prod(inputs)))
        weight.assign(value)
    images = rng.uniform(0, 255, (1, size, size, 3)).astype("float32")
    if not name.startswith(("Efficient", "ConvNeXt", "MobileNetV3")):
        images = images / np.float32(127.5) - 1
    logits = np.asarray(model(images))
    with h5py.File(folder / "weights.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return size, images, logits, model.count_params()


if __name__ == "__main__":
    sys.exit(main())
