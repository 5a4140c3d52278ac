"""One seed, one order of data: the losses of 200 training steps on each backend, and Keras's.

    python -m isozoo.scripts.curves                                # the table
    python -m isozoo.scripts.curves --picture docs/curves.png      # and the picture

Three models (a perceptron, a ResNet with batch normalization, a transformer with dropout) train on
jax, torch and tensorflow in this process. Beside them, from the same initial weights: Keras on each
backend, in a process of its own, whose dropout draws others; a loop written by hand in torch over
our torch model; and our torch model with initial weights that are off by one unit in the last
place, which shows how much of a difference rounding alone makes of itself in 200 steps.

The table has the largest relative difference of a step's loss from that of torch. The exit status
is 1 where a backend's is above 1e-3, or initial weights or dropout masks differ.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..framework import layers, losses, models, optimizers
from ..framework.config import use_backend
from ..framework.utils import set_random_seed

BACKENDS = ("jax", "torch", "tensorflow")
STEPS, ROWS, CLASSES = 200, 32, 5
# At 1e-3 the ResNet makes a difference of 4e-3 of one unit in the last place of its weights, on one
# backend: no two roundings could agree.
RATES = {"perceptron": 1e-3, "ResNet": 3e-4, "transformer": 1e-3}
ALLOWED = 1e-3
# The names of Keras that the models here are made of.
_OURS = SimpleNamespace(
    layers=layers, losses=losses, optimizers=optimizers, Model=models.Model, Input=layers.Input
)
Curves = dict[str, np.ndarray]


def perceptron(keras: Any) -> Any:
    """Returns a network of three Dense layers for vectors (20,)."""
    x = inputs = keras.Input((20,))
    for _ in range(2):
        x = keras.layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


def resnet(keras: Any) -> Any:
    """Returns two residual blocks with batch normalization for images (12, 12, 3)."""

    def convolved(x: Any, filters: int, size: int, strides: int) -> Any:
        x = keras.layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return keras.layers.BatchNormalization()(x)

    inputs = keras.Input((12, 12, 3))
    x = keras.layers.ReLU()(convolved(inputs, 8, 3, 1))
    for filters, strides in ((8, 1), (16, 2)):
        y = keras.layers.ReLU()(convolved(x, filters, 3, strides))
        y = convolved(y, filters, 3, 1)
        x = x if strides == 1 else convolved(x, filters, 1, strides)
        x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


def transformer(keras: Any) -> Any:
    """Returns two blocks of attention with dropout for rows of 12 tokens out of 50."""
    inputs = keras.Input((12,), dtype="int32")
    x = keras.layers.Embedding(50, 32)(inputs)
    for _ in range(2):
        y = keras.layers.LayerNormalization()(x)
        y = keras.layers.MultiHeadAttention(2, 16, dropout=0.1)(y, y)
        x = keras.layers.Add()([x, keras.layers.Dropout(0.1)(y)])
        y = keras.layers.LayerNormalization()(x)
        y = keras.layers.Dense(32)(keras.layers.Dense(64, activation="gelu")(y))
        x = keras.layers.Add()([x, keras.layers.Dropout(0.1)(y)])
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


MODELS: dict[str, Callable[[Any], Any]] = {
    "perceptron": perceptron,
    "ResNet": resnet,
    "transformer": transformer,
}


def batches(name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the batches of a model. A tenth of the targets is drawn at random: no loss ends at 0.

    Args:
        name: of the model.
    """
    draws = np.random.default_rng(3)
    worth = draws.standard_normal((50, CLASSES))
    kinds = draws.standard_normal((CLASSES, 12, 12, 3))
    found = []
    for _ in range(STEPS):
        if name == "ResNet":
            y = draws.integers(0, CLASSES, ROWS)
            x = (kinds[y] + draws.standard_normal((ROWS, 12, 12, 3))).astype("float32")
        elif name == "transformer":
            x = draws.integers(0, 50, (ROWS, 12)).astype("int32")
            y = worth[x].sum(1).argmax(1)
        else:
            x = draws.standard_normal((ROWS, 20)).astype("float32")
            y = (x @ worth[:20]).argmax(1)
        y = np.where(draws.random(ROWS) < 0.1, draws.integers(0, CLASSES, ROWS), y)
        found.append((x, y.astype("int32")))
    return found


def trained(keras: Any, model: Any, name: str) -> np.ndarray:
    """Returns the loss of each step of training.

    Args:
        keras: names of Keras's, ours or its own.
        model: one of MODELS, made with them.
        name: of the model.
    """
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(RATES[name]), loss)
    return np.array([float(model.train_on_batch(x, y)) for x, y in batches(name)])


def by_hand(model: Any, name: str) -> np.ndarray:
    """Returns the losses of a loop written in torch over a model of ours on torch."""
    import torch

    optimizer = torch.optim.Adam(model.parameters(), RATES[name], eps=1e-7)
    model.train()
    found = []
    for number, (x, y) in enumerate(batches(name), 1):
        # Keras adds epsilon to the root of the uncorrected mean, torch to that of the corrected.
        optimizer.param_groups[0]["eps"] = 1e-7 / (1 - 0.999**number) ** 0.5
        output = model(torch.from_numpy(x))
        loss = torch.nn.functional.cross_entropy(output, torch.from_numpy(y).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return np.array(found)


def in_order(model: Any) -> list[Any]:
    """Returns a model's layers with weights, by class, and in one class as they were made.

    (The order of `model.layers`, where branches meet, is each framework's own.)
    """

    def key(layer: Any) -> tuple[str, int]:
        name, _, number = layer.name.rpartition("_")
        return (name, int(number)) if number.isdigit() else (layer.name, 0)

    return sorted((layer for layer in model.layers if layer.get_weights()), key=key)


def made(name: str, backend: str, weights: list[np.ndarray] | None = None) -> Any:
    """Returns a model of ours, its draws begun with one seed.

    Args:
        name: of the model.
        backend: of the model.
        weights: to begin with; those that the seed gives unless given.
    """
    set_random_seed(5)
    with use_backend(backend):
        model = MODELS[name](_OURS)
    if weights is not None:
        model.set_weights(weights)
    return model


def mask(backend: str) -> np.ndarray:
    """Returns what a Dropout layer makes of ones."""
    with use_backend(backend):
        return layers.Dropout(0.5, seed=5)(np.ones((64, 64), "float32"), training=True).__array__()


def keras_curve(name: str, backend: str, model: Any) -> np.ndarray:
    """Returns Keras's losses, from a process in which it runs on a backend.

    Args:
        name: of the model.
        backend: Keras's.
        model: ours, whose weights it begins with.
    """
    with tempfile.TemporaryDirectory() as folder:
        start, end = Path(folder, "start.npz"), Path(folder, "end.npy")
        np.savez(start, *(w for layer in in_order(model) for w in layer.get_weights()))
        command = [sys.executable, "-m", "isozoo.scripts.curves", "--keras", name]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": backend}
        done = subprocess.run(
            command + [str(start), str(end)],
            env={**os.environ, **quiet},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"Keras failed on {backend}: {done.stderr[-2000:]}")
        return np.load(end)


def _run_keras(name: str, start: str, end: str) -> int:
    import keras

    model = MODELS[name](keras)
    with np.load(start) as file:
        arrays = iter([file[key] for key in file.files])
    for layer in in_order(model):
        layer.set_weights([next(arrays) for _ in layer.get_weights()])
    np.save(end, trained(keras, model, name))
    return 0


def off_by_one(x: np.ndarray) -> np.ndarray:
    """Returns each number's next float32 upwards."""
    return np.nextafter(x, np.float32(np.inf))


def measured(name: str, peers: bool) -> tuple[Curves, bool]:
    """Returns the curves of a model by what trained it, and whether all began with equal weights.

    Args:
        name: of the model.
        peers: whether Keras's are among them.
    """
    started = {backend: made(name, backend) for backend in BACKENDS}
    weights = started["torch"].get_weights()
    equal = all(
        np.array_equal(a, b)
        for model in started.values()
        for a, b in zip(model.get_weights(), weights, strict=True)
    )
    curves = {backend: trained(_OURS, model, name) for backend, model in started.items()}
    curves["torch by hand"] = by_hand(made(name, "torch", weights), name)
    moved = made(name, "torch", [off_by_one(w) for w in weights])
    curves["torch, weights off by 1 ulp"] = trained(_OURS, moved, name)
    if peers:
        for backend in BACKENDS:
            start = made(name, "torch", weights)
            curves[f"Keras, {backend}"] = keras_curve(name, backend, start)
    return curves, equal


def apart(curve: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the relative difference of each step."""
    return np.abs(curve - other) / np.abs(other)


def draw(found: dict[str, Curves], path: Path) -> None:
    """Writes a picture: losses above, relative differences from torch below."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from PIL import Image

    figure, axes = plt.subplots(
        2, len(found), figsize=(11, 5.5), sharex=True, height_ratios=(3, 2), squeeze=False
    )
    # Wide lines below narrow ones, so that equal ones are all seen.
    styles = {"jax": ("C0", 5, "-"), "torch": ("C1", 2.5, "-"), "tensorflow": ("k", 0.8, "-")}
    keras = dict(
        zip(BACKENDS, (("C2", 0.8, "--"), ("C3", 0.8, ":"), ("C4", 0.8, "-.")), strict=True)
    )
    styles |= {f"Keras, {backend}": style for backend, style in keras.items()}
    for (name, curves), (above, below) in zip(found.items(), axes.T, strict=True):
        for what, (color, width, line) in styles.items():
            if what in curves:
                above.plot(curves[what], line, color=color, linewidth=width, label=what)
        for what, color in (("jax", "C0"), ("tensorflow", "k"), ("torch by hand", "C3")):
            gap = np.maximum(apart(curves[what], curves["torch"]), 1e-9)
            below.semilogy(gap, color=color, linewidth=0.8, label=what)
        below.axhline(ALLOWED, color="gray", linestyle=":")
        above.set_title(name)
        below.set_xlabel("step")
    axes[0][0].set_ylabel("loss")
    axes[1][0].set_ylabel("relative difference\nfrom torch")
    axes[0][-1].legend(fontsize=7)
    axes[1][-1].legend(fontsize=7)
    figure.tight_layout()
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=80)
    # Lines need no more colors, and the file is a third.
    Image.open(drawn).convert("RGB").quantize(32).save(path, optimize=True)


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 when a backend's curve is another one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=MODELS, help="only these models")
    parser.add_argument("--picture", type=Path, help="draw the curves to this file")
    parser.add_argument("--no-keras", action="store_true", help="leave Keras out")
    parser.add_argument("--keras", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.keras:
        return _run_keras(*options.keras)
    masks = [mask(backend) for backend in BACKENDS]
    good = all(np.array_equal(masks[0], other) for other in masks)
    print("dropout masks:", "equal" if good else "different")
    found = {}
    for name in options.only or MODELS:
        curves, equal = measured(name, not options.no_keras)
        found[name] = curves
        good &= equal
        ends = f"loss {curves['torch'][0]:.3f} -> {curves['torch'][-10:].mean():.3f}"
        print(f"{name}: initial weights {'equal' if equal else 'different'}; {ends}")
        for what, curve in curves.items():
            if what != "torch":
                print(f"    {what:<30}{apart(curve, curves['torch']).max():>10.1e}", flush=True)
        good &= all(apart(curves[b], curves["torch"]).max() <= ALLOWED for b in BACKENDS)
    if options.picture:
        draw(found, options.picture)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
