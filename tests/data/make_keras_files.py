"""Writes the files of tests/data/keras with Keras itself, and what its models compute.

    python tests/data/make_keras_files.py            # with keras 3 installed
    python tests/data/make_keras_files.py --keras2   # with tf_keras (Keras 2) installed

Each model is written with its inputs and outputs into expected.json or expected_keras2.json.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "keras"


def numbers(*shape: int) -> np.ndarray:
    """Returns numbers from -1 to 1, rising."""
    return np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)


def fill(variables) -> None:
    """Gives each variable other values, none of which is an initial one."""
    for number, variable in enumerate(variables):
        shape = tuple(variable.shape)
        values = np.cos(np.arange(int(np.prod(shape))) + number).reshape(shape) / 2
        variable.assign(np.abs(values) + 0.1 if "variance" in variable.name else values)


def sequential(keras):
    """Two layers, compiled, with an optimizer that has a state."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, activation="relu", name="first"),
            layers.Dense(2, kernel_regularizer="l2"),
        ],
        name="two_layers",
    )
    fill(model.variables)
    model.compile(keras.optimizers.Adam(0.01, beta_1=0.8), loss="mse")
    model.optimizer.build(model.trainable_variables)
    for number, variable in enumerate(model.optimizer.variables):
        variable.assign(np.full(variable.shape, number))
    return model, [numbers(2, 4)]


def functional(keras):
    """Several inputs and outputs, a shared layer, branches, a model inside, and ops."""
    layers, ops = keras.layers, keras.ops
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    shared = layers.Dense(3, activation="tanh")
    start = keras.Input((3,))
    inner = keras.Model(start, layers.Dense(2)(start) * 2.0, name="inner")
    a, b = shared(left), shared(right)
    joined = layers.Concatenate()([layers.Dense(1)(b), a])
    summed = ops.sum(joined[:, 1:], axis=1, keepdims=True) + 1.0
    model = keras.Model([left, right], {"sum": summed, "inner": inner(b)}, name="branches")
    fill(model.variables)
    return model, [numbers(2, 3), numbers(2, 3)[::-1].copy()]


def subclassed(keras):
    """A class with layers in attributes and lists, and a weight of its own."""
    layers = keras.layers

    class Blocks(keras.Model):
        def __init__(self):
            super().__init__()
            self.out = layers.Dense(2)
            self.blocks = [layers.Dense(3), (layers.Dense(3), layers.Dropout(0.5))]
            self._hidden = layers.Dense(3)
            self.scale = self.add_weight(shape=(3,), name="scale")

        def call(self, x):
            x = self.blocks[1][0](self.blocks[0](x)) * self.scale
            return self.out(self._hidden(x))

    model = Blocks()
    model(numbers(1, 4))
    fill(model.variables)
    return model, [numbers(2, 4)]


def keras2_sequential(keras):
    """Convolution, normalization and dense layers, saved whole."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Conv2D(2, 2, input_shape=(3, 3, 1), activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    fill(model.trainable_weights + model.non_trainable_weights)
    return model, [numbers(2, 3, 3, 1)]


def keras2_functional(keras):
    """A shared layer and a model inside; saved whole."""
    layers = keras.layers
    start = keras.Input((3,))
    shared = layers.Dense(3, activation="tanh")
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="inner")
    outputs = [inner(shared(shared(start))), layers.Add()([start, shared(start)])]
    model = keras.Model(start, outputs)
    fill(model.trainable_weights)
    model.compile(keras.optimizers.SGD(0.1), loss="mean_squared_error")
    return model, [numbers(2, 3)]


def _listed(x):
    if isinstance(x, dict):
        return {key: _listed(value) for key, value in x.items()}
    return [_listed(v) for v in x] if isinstance(x, list | tuple) else np.asarray(x).tolist()


def _write(keras, makers, expected: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    found = {}
    for maker, names in makers.items():
        model, inputs = maker(keras)
        for name, options in names.items():
            path = FOLDER / name
            if name.endswith((".weights.h5", ".weights.json", "_weights.h5")):
                model.save_weights(path, **options)
            else:
                model.save(path, **options)
        outputs = model(inputs[0] if len(inputs) == 1 else inputs)
        found[maker.__name__] = {
            "files": list(names),
            "inputs": _listed(inputs),
            "outputs": _listed(outputs),
        }
    (FOLDER / expected).write_text(json.dumps(found, indent=1) + "\n")


def main() -> None:
    """Writes the files of the Keras that the command line names."""
    os.environ.setdefault("KERAS_BACKEND", "numpy")
    if "--keras2" in sys.argv:
        import tf_keras as keras

        makers = {
            keras2_sequential: {"keras2_sequential.h5": {}, "keras2_weights.h5": {}},
            keras2_functional: {"keras2_functional.h5": {}},
        }
        _write(keras, makers, "expected_keras2.json")
        return
    import keras

    makers = {
        sequential: {"sequential.keras": {}},
        functional: {"functional.keras": {}},
        subclassed: {
            "subclassed.weights.h5": {},
            "subclassed.weights.json": {"max_shard_size": 6e-8},
        },
    }
    _write(keras, makers, "expected.json")


if __name__ == "__main__":
    main()
