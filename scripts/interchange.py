"""Saves models with Keras and opens them here, and the other way round, and compares outputs.

    python -m isozoo.scripts.interchange                    # with keras 3 installed
    python -m isozoo.scripts.interchange --backends numpy --only Conv

Keras runs in a second process. Each row is one model: saved as `.keras` by Keras and opened on each
backend; saved on each backend and opened by Keras, and on the backend that follows in the list. A
cell is the largest difference of the outputs in units of float32's rounding at their size, or why
there is none.

Layers of text are left out, whose models Keras runs on TensorFlow alone, Equalization, whose
symbolic call fails in Keras 3.15, and layers that hold another framework's module, which no
`.keras` file can hold. RandomShear has a pair of factors: Keras cannot read what it writes for one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

BACKENDS = ("numpy", "torch", "jax", "tensorflow")
BOUND = 64.0


class Row(NamedTuple):
    """One model: its name, the shapes of its inputs, and its outputs for them.

    `make(L, ops, *inputs)` gets the namespaces of layers and of ops, and symbolic tensors. Inputs
    of the dtype "int32" hold numbers from 0 to 4.
    """

    name: str
    shapes: tuple[tuple[int, ...], ...]
    make: Callable[..., Any]
    dtype: str = "float32"


def _layer(text: str, *shapes: tuple[int, ...], make: Any, dtype: str = "float32") -> Row:
    """A row of a layer that is called with one tensor, or a list of several."""

    def call(L: Any, ops: Any, *inputs: Any) -> Any:
        return make(L)(inputs[0] if len(inputs) == 1 else list(inputs))

    return Row(text, shapes, call, dtype)


def _plain(name: str, shape: tuple[int, ...], arguments: dict[str, Any]) -> Row:
    """A row of a layer that its name and arguments make."""
    shapes = (
        (shape, shape)
        if name in ("Average", "Maximum", "Minimum", "Multiply", "Subtract")
        else (shape,)
    )
    return _layer(name, *shapes, make=lambda L: getattr(L, name)(**arguments))


# Shape of the input -> layer -> its arguments. Pictures are of 3 channels; layers that change them
# at random leave them alone where nothing trains, but for those of a fixed operation.
_PLAIN: dict[tuple[int, ...], dict[str, dict[str, Any]]] = {
    (4,): {
        "ActivityRegularization": {"l1": 0.1},
        "AlphaDropout": {"rate": 0.5, "seed": 3},
        "Average": {},
        "GaussianDropout": {"rate": 0.5, "seed": 3},
        "Identity": {},
        "Maximum": {},
        "Minimum": {},
        "Multiply": {},
        "Subtract": {},
    },
    (5, 3): {
        "AdaptiveAveragePooling1D": {"output_size": 2},
        "AdaptiveMaxPooling1D": {"output_size": 2},
        "AveragePooling1D": {"pool_size": 2},
        "Conv1DTranspose": {"filters": 2, "kernel_size": 3, "strides": 2},
        "Cropping1D": {"cropping": (1, 2)},
        "DepthwiseConv1D": {"kernel_size": 2, "depth_multiplier": 2},
        "GlobalAveragePooling1D": {},
        "MaxPooling1D": {"pool_size": 2, "padding": "same"},
        "UpSampling1D": {"size": 2},
    },
    (6, 6, 2): {
        "AdaptiveAveragePooling2D": {"output_size": (2, 3)},
        "AdaptiveMaxPooling2D": {"output_size": 2},
        "GlobalMaxPooling2D": {},
        "SpatialDropout2D": {"rate": 0.5},
    },
    (4, 4, 4, 2): {
        "AdaptiveAveragePooling3D": {"output_size": 2},
        "AdaptiveMaxPooling3D": {"output_size": (2, 1, 2)},
        "AveragePooling3D": {"pool_size": 2},
        "Conv3DTranspose": {"filters": 2, "kernel_size": 2, "strides": 2},
        "Cropping3D": {"cropping": 1},
        "GlobalAveragePooling3D": {},
        "GlobalMaxPooling3D": {},
        "MaxPooling3D": {"pool_size": 2},
        "SpatialDropout3D": {"rate": 0.5},
        "UpSampling3D": {"size": (1, 2, 1)},
        "ZeroPadding3D": {"padding": 1},
    },
    (3, 6, 6, 2): {"ConvLSTM2D": {"filters": 2, "kernel_size": 3}},
    (2, 4, 4, 4, 2): {"ConvLSTM3D": {"filters": 2, "kernel_size": 2}},
    (8, 8, 3): {
        "AugMix": {"num_chains": 2},
        "AutoContrast": {"value_range": (0, 1)},
        "CenterCrop": {"height": 4, "width": 6},
        "ContrastLimitedAdaptiveHistogramEqualization": {"value_range": (0, 1)},
        "CutMix": {"seed": 3},
        "MixUp": {"seed": 3},
        "RandAugment": {"num_ops": 1},
        "RandomBrightness": {"factor": 0.2},
        "RandomColorDegeneration": {"factor": 0.2},
        "RandomColorJitter": {"brightness_factor": 0.2},
        "RandomContrast": {"factor": 0.2},
        "RandomCrop": {"height": 4, "width": 4},
        "RandomElasticTransform": {"factor": 0.2},
        "RandomErasing": {"factor": 0.2},
        "RandomFlip": {"mode": "vertical"},
        "RandomGaussianBlur": {"factor": 0.2},
        "RandomGrayscale": {"factor": 0.2},
        "RandomHue": {"factor": 0.2},
        "RandomInvert": {"factor": 0.2},
        "RandomPerspective": {"factor": 0.2},
        "RandomPosterization": {"factor": 4},
        "RandomRotation": {"factor": 0.2},
        "RandomSaturation": {"factor": 0.2},
        "RandomSharpness": {"factor": 0.2},
        "RandomShear": {"x_factor": (0.0, 0.2)},
        "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.1},
        "RandomZoom": {"height_factor": 0.2},
        "Resizing": {"height": 5, "width": 7},
        "Solarization": {"value_range": (0, 1)},
    },
}


def _rows() -> list[Row]:
    one, seq, image, volume = (4,), (5, 3), (6, 6, 2), (4, 4, 4, 2)
    found = [
        _plain(name, shape, arguments)
        for shape, layers in _PLAIN.items()
        for name, arguments in layers.items()
    ]
    found += [
        _layer("Dense", one, make=lambda L: L.Dense(3, activation="relu")),
        _layer("Dense l2", one, make=lambda L: L.Dense(3, kernel_regularizer="l2")),
        _layer("EinsumDense", seq, make=lambda L: L.EinsumDense("abc,cd->abd", (None, 4))),
        _layer("Embedding", (5,), make=lambda L: L.Embedding(5, 3), dtype="int32"),
        _layer(
            "Normalization", one, make=lambda L: L.Normalization(mean=1.0, variance=4.0, axis=None)
        ),
        _layer(
            "Discretization", one, make=lambda L: L.Discretization([0.0, 0.5], output_mode="count")
        ),
        _layer("CategoryEncoding", (5,), make=lambda L: L.CategoryEncoding(5), dtype="int32"),
        _layer("Hashing", (5,), make=lambda L: L.Hashing(3, output_mode="count"), dtype="int32"),
        _layer(
            "IntegerLookup",
            (5,),
            make=lambda L: L.IntegerLookup(vocabulary=[2, 4], output_mode="count"),
            dtype="int32",
        ),
        _layer("MelSpectrogram", (64,), make=lambda L: L.MelSpectrogram(32, 8, num_mel_bins=4)),
        _layer("STFTSpectrogram", (64, 2), make=lambda L: L.STFTSpectrogram("psd", 32)),
        _layer("Activation", one, make=lambda L: L.Activation("gelu")),
        _layer("ReLU", one, make=lambda L: L.ReLU(max_value=0.5, negative_slope=0.1)),
        _layer("LeakyReLU", one, make=lambda L: L.LeakyReLU(0.2)),
        _layer("PReLU", one, make=lambda L: L.PReLU()),
        _layer("ELU", one, make=lambda L: L.ELU(0.5)),
        _layer("Softmax", one, make=lambda L: L.Softmax()),
        _layer("Dropout", one, make=lambda L: L.Dropout(0.5, seed=3)),
        _layer("SpatialDropout1D", seq, make=lambda L: L.SpatialDropout1D(0.5)),
        _layer("GaussianNoise", one, make=lambda L: L.GaussianNoise(0.5)),
        _layer("Masking", seq, make=lambda L: L.Masking(0.0)),
        _layer("Flatten", seq, make=lambda L: L.Flatten()),
        _layer("Reshape", seq, make=lambda L: L.Reshape((3, 5))),
        _layer("Permute", seq, make=lambda L: L.Permute((2, 1))),
        _layer("RepeatVector", one, make=lambda L: L.RepeatVector(3)),
        _layer("Cropping2D", image, make=lambda L: L.Cropping2D(((1, 0), (0, 2)))),
        _layer("UpSampling2D", image, make=lambda L: L.UpSampling2D((2, 1))),
        _layer("ZeroPadding1D", seq, make=lambda L: L.ZeroPadding1D((1, 2))),
        _layer("ZeroPadding2D", image, make=lambda L: L.ZeroPadding2D(((1, 0), (0, 2)))),
        _layer("Conv1D", seq, make=lambda L: L.Conv1D(2, 3, padding="causal")),
        _layer("Conv2D", image, make=lambda L: L.Conv2D(3, 3, strides=2, padding="same")),
        _layer("Conv3D", volume, make=lambda L: L.Conv3D(2, 2, activation="tanh")),
        _layer("Conv2DTranspose", image, make=lambda L: L.Conv2DTranspose(3, 3, strides=2)),
        _layer("DepthwiseConv2D", image, make=lambda L: L.DepthwiseConv2D(3)),
        _layer("SeparableConv2D", image, make=lambda L: L.SeparableConv2D(3, 3)),
        _layer("SeparableConv1D", seq, make=lambda L: L.SeparableConv1D(3, 2)),
        _layer("MaxPooling2D", image, make=lambda L: L.MaxPooling2D(2)),
        _layer("AveragePooling2D", image, make=lambda L: L.AveragePooling2D(3, padding="same")),
        _layer("GlobalMaxPooling1D", seq, make=lambda L: L.GlobalMaxPooling1D()),
        _layer("GlobalAvgPooling2D", image, make=lambda L: L.GlobalAveragePooling2D(keepdims=True)),
        _layer("BatchNormalization", image, make=lambda L: L.BatchNormalization()),
        _layer("LayerNormalization", seq, make=lambda L: L.LayerNormalization(axis=(1, 2))),
        _layer("GroupNormalization", image, make=lambda L: L.GroupNormalization(2)),
        _layer("UnitNormalization", one, make=lambda L: L.UnitNormalization()),
        _layer("RMSNormalization", one, make=lambda L: L.RMSNormalization()),
        _layer("SpectralNorm", one, make=lambda L: L.SpectralNormalization(L.Dense(3))),
        _layer("Add", one, one, make=lambda L: L.Add()),
        _layer("Concatenate", one, one, make=lambda L: L.Concatenate()),
        _layer("Dot", one, one, make=lambda L: L.Dot(1)),
        _layer("LSTM", seq, make=lambda L: L.LSTM(4, return_sequences=True)),
        _layer("GRU", seq, make=lambda L: L.GRU(4)),
        _layer("SimpleRNN", seq, make=lambda L: L.SimpleRNN(4)),
        _layer("Bidirectional", seq, make=lambda L: L.Bidirectional(L.LSTM(2))),
        _layer("RNN of cells", seq, make=lambda L: L.RNN([L.LSTMCell(3), L.GRUCell(2)])),
        _layer("ConvLSTM1D", (3, 5, 2), make=lambda L: L.ConvLSTM1D(2, 2)),
        _layer("TimeDistributed", seq, make=lambda L: L.TimeDistributed(L.Dense(2))),
        _layer("Attention", seq, seq, make=lambda L: L.Attention(use_scale=True)),
        _layer("AdditiveAttention", seq, seq, make=lambda L: L.AdditiveAttention()),
        _layer("Normalization", one, make=lambda L: L.Normalization(mean=[0.5], variance=[2.0])),
        _layer("Rescaling", one, make=lambda L: L.Rescaling(0.5, 1.0)),
    ]
    found += [
        Row("MultiHeadAttention", (seq, seq), lambda L, o, q, v: L.MultiHeadAttention(2, 3)(q, v)),
        Row("GroupQueryAttention", (seq,), lambda L, o, x: L.GroupQueryAttention(3, 4, 2)(x, x)),
        _layer("Pipeline", (8, 8, 3), make=lambda L: L.Pipeline([L.CenterCrop(4, 4)])),
        _layer("RNN of stacked", seq, make=lambda L: L.RNN(_stacked(L))),
        _layer("Reversible", (5,), make=lambda L: L.ReversibleEmbedding(5, 3), dtype="int32"),
        Row("HashedCrossing", ((1,), (1,)), _crossed, "int32"),
        Row("shared layer", (one, one), _shared),
        Row("branches", (one,), _branches),
        Row("models inside", (one,), _inside),
        Row("ops", (seq,), _ops),
        Row("dict outputs", (one,), lambda L, o, x: {"b": L.Dense(2)(x), "a": L.Dense(1)(x)}),
    ]
    return found


def _stacked(L: Any) -> Any:
    return L.StackedRNNCells([L.SimpleRNNCell(3), L.GRUCell(2)])


def _crossed(L: Any, ops: Any, x: Any, y: Any) -> Any:
    return L.HashedCrossing(7, output_mode="one_hot")((x, y))


def _shared(L: Any, ops: Any, x: Any, y: Any) -> Any:
    shared = L.Dense(4)
    return L.Add()([shared(shared(x)), shared(y)])


def _branches(L: Any, ops: Any, x: Any) -> Any:
    a, b = L.Dense(3)(x), L.Dense(3, name="named")(x)
    return [L.Concatenate()([L.Dense(2)(a), b]), L.Dense(1)(L.Dense(3)(b))]


def _inside(L: Any, ops: Any, x: Any) -> Any:
    package = sys.modules[L.__name__.partition(".")[0]]
    start = package.Input((4,))
    inner = package.Model(start, L.Dense(4)(start) * 0.5, name="inner")
    chain = package.Sequential([package.Input((4,)), L.Dense(4), L.Dense(2)], name="chain")
    return chain(inner(inner(x)))


def _ops(L: Any, ops: Any, x: Any) -> Any:
    y = ops.transpose(ops.matmul(x, ops.transpose(x, (0, 2, 1))), (0, 2, 1))
    y = ops.softmax(y[:, 1:, ::2] * 2.0 - 1.0, axis=-1)
    return ops.concatenate([ops.sum(y, axis=1, keepdims=True), ops.expand_dims(y[:, 0], 1)], axis=1)


def inputs_of(row: Row) -> list[np.ndarray]:
    """Returns the inputs of a row, two rows of each."""
    found = []
    for number, shape in enumerate(row.shapes):
        size = 2 * int(np.prod(shape))
        values = np.arange(size) % 5 if row.dtype == "int32" else np.sin(np.arange(size) + number)
        found.append(values.reshape(2, *shape).astype(row.dtype))
    return found


def saved(package: Any, row: Row, path: Path) -> list[np.ndarray]:
    """Makes the model of a row, saves it, and returns its outputs."""
    given = inputs_of(row)
    symbols = [package.Input(x.shape[1:], dtype=row.dtype) for x in given]
    outputs = row.make(package.layers, package.ops, *symbols)
    model = package.Model(symbols, outputs)
    for number, variable in enumerate(model.weights):
        size = int(np.prod(variable.shape))
        values = (np.cos(np.arange(size) + number) / 2).reshape(variable.shape)
        variance = "variance" in variable.name
        variable.assign(np.abs(values) + 0.1 if variance else values)
    model.save(path)
    return outputs_of(package, model, given)


def outputs_of(package: Any, model: Any, given: list[np.ndarray]) -> list[np.ndarray]:
    """Returns the outputs of a model, those of a dict by key."""
    found = model(given[0] if len(given) == 1 else given, training=False)
    if isinstance(found, dict):
        found = [found[key] for key in sorted(found)]
    found = found if isinstance(found, list | tuple) else [found]
    return [np.asarray(package.ops.convert_to_numpy(x)) for x in found]


def difference(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """Returns the largest difference in roundings of float32 at the size of the outputs."""
    worst = 0.0
    for a, b in zip(found, wanted, strict=True):
        if a.shape != b.shape:
            raise ValueError(f"shape {a.shape} in the place of {b.shape}")
        size = max(float(np.abs(b).max(initial=0.0)), 1e-3) * float(np.finfo("float32").eps)
        worst = max(worst, float(np.abs(a - b).max(initial=0.0)) / size)
    return worst


def write_all(package: Any, rows: list[Row], folder: Path) -> dict[str, str]:
    """Saves the models of all rows with their outputs; returns what went wrong, by row."""
    wrong = {}
    for row in rows:
        try:
            outputs = saved(package, row, folder / f"{row.name}.keras")
            np.savez(folder / f"{row.name}.npz", *outputs)
        except Exception as error:
            wrong[row.name] = _reason(error)
    return wrong


def read_all(package: Any, rows: list[Row], folder: Path) -> dict[str, str]:
    """Opens the models of all rows and compares their outputs; returns a cell for each row."""
    cells = {}
    for row in rows:
        if not (folder / f"{row.name}.npz").exists():
            continue
        try:
            model = package.saving.load_model(folder / f"{row.name}.keras")
            with np.load(folder / f"{row.name}.npz") as held:
                wanted = [held[name] for name in held.files]
            found = difference(outputs_of(package, model, inputs_of(row)), wanted)
            cells[row.name] = f"{found:.1f}" if found <= BOUND else f"WRONG {found:.0f}"
        except Exception as error:
            cells[row.name] = _reason(error)
    return cells


def _reason(error: Exception) -> str:
    last = [line for line in str(error).splitlines() if line.strip()][-1:] or [""]
    return f"{type(error).__name__}: {last[0][-150:]}"


def _in_keras(doing: str, folder: Path, only: str) -> dict[str, str]:
    """Runs `write_all` or `read_all` with Keras, in a process of its own."""
    command = [sys.executable, os.fspath(Path(__file__)), "--keras", doing, os.fspath(folder)]
    environment = {**os.environ, "KERAS_BACKEND": "numpy", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [*command, "--only", only], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backends", default=",".join(BACKENDS))
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--keras", nargs=2, metavar=("DOING", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = [row for row in _rows() if options.only in row.name]
    if options.keras:
        import keras

        doing, folder = options.keras
        function = write_all if doing == "write" else read_all
        print(json.dumps(function(keras, rows, Path(folder))))
        return
    # The whole package, as its users see it; scripts import none of it by name.
    isozoo: Any = sys.modules[(__package__ or "isozoo").partition(".")[0]]

    with tempfile.TemporaryDirectory() as theirs:
        columns = {"saved by keras": _in_keras("write", Path(theirs), options.only)}
        backends = options.backends.split(",")
        for backend in backends:
            with isozoo.use_backend(backend):
                columns[f"keras → {backend}"] = read_all(isozoo, rows, Path(theirs))
    for backend, after in zip(backends, backends[1:] + backends[:1], strict=True):
        with tempfile.TemporaryDirectory() as ours:
            with isozoo.use_backend(backend):
                columns[f"saved on {backend}"] = write_all(isozoo, rows, Path(ours))
            columns[f"{backend} → keras"] = _in_keras("read", Path(ours), options.only)
            if after != backend:
                with isozoo.use_backend(after):
                    columns[f"{backend} → {after}"] = read_all(isozoo, rows, Path(ours))
    bad = 0
    for row in rows:
        cells = {title: column.get(row.name, "") for title, column in columns.items()}
        bad += sum(1 for text in cells.values() if text and not text[0].isdigit())
        print(f"{row.name:22}", " | ".join(f"{t}: {text}" for t, text in cells.items() if text))
    for title, column in columns.items():
        if "→" in title:
            right = sum(1 for text in column.values() if text[0].isdigit())
            print(f"{title}: {right} of {len(rows)}")
    print(f"{len(rows)} rows, {bad} cells that are wrong")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
