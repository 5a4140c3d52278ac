"""Trains a small network on one device and over several, and prints how far the losses differ.

    python -m isozoo.scripts.compare_distributed [--engines jax torch tensorflow]

On JAX and TensorFlow the devices are CPUs of one process, on torch they are processes that meet by
gloo. "data" cuts the batch, "model" the weights, "both" each on a mesh of 2 x 2. The network has
convolution, batch normalization, dropout, attention and layer normalization.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

# way -> devices along the batch, devices along the model.
WAYS = {"one": (1, 1), "data 2": (2, 1), "data 4": (4, 1), "model 2": (1, 2), "both": (2, 2)}
EPOCHS = 3


def main() -> None:
    """Runs each engine each way, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engines", nargs="+", default=["jax", "torch", "tensorflow"])
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        engine, way, number, port, path = options.worker
        train(engine, way, int(number), port, path)
        return
    print("engine      way       losses     predictions  seconds of a step")
    with tempfile.TemporaryDirectory() as folder:
        for engine in options.engines:
            wanted = None
            for way in WAYS:
                found = run(__spec__.name, engine, way, int(np.prod(WAYS[way])), Path(folder))
                wanted = found if wanted is None else wanted
                apart = [apart_by(found[name], wanted[name]) for name in ("losses", "predicted")]
                print(
                    f"{engine:11} {way:8}  {apart[0]:.1e}    {apart[1]:.1e}      "
                    f"{float(found['seconds']):.3f}",
                    flush=True,
                )


def apart_by(found: np.ndarray, wanted: np.ndarray) -> float:
    """Returns the largest difference, in terms of the largest value."""
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def run(module: str, engine: str, way: str, devices: int, folder: Path) -> dict[str, np.ndarray]:
    """Returns what a script's workers gave, which are started and waited for.

    Args:
        module: the script's name; its `--worker` takes engine, way, number, port and file.
        engine: the backend.
        way: what the worker does.
        devices: how many devices there are: on torch as many processes.
        folder: where the first worker's file goes.
    """
    settings = {**os.environ, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    settings["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    count = devices if engine == "torch" else 1
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    path = folder / f"{engine}.npz"
    workers = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                module,
                "--worker",
                engine,
                way,
                str(number),
                port,
                str(path),
            ],
            env=settings,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    for worker in workers:
        _, errors = worker.communicate()
        if worker.returncode:
            raise SystemExit(f"{engine}, {way}: a process failed\n{errors[-3000:]}")
    with np.load(path) as found:
        return dict(found)


def begin_worker(engine: str, devices: int, number: int, port: str) -> None:
    """Makes the backend current, and the devices or the processes known to each other."""
    from ..framework import config
    from ..framework.distribution import initialize

    config.set_backend(engine)
    if engine == "torch":
        import torch

        torch.set_num_threads(1)
        if devices > 1:
            initialize(f"127.0.0.1:{port}", devices, number)
    elif engine == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        several = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, several)
        # Devices wait for each other, each in a thread.
        tf.config.threading.set_inter_op_parallelism_threads(4 * devices)


def train(engine: str, way: str, number: int, port: str, path: str) -> None:
    """Trains the network; process 0 writes losses and predictions."""
    from ..framework import layers, losses, models, utils
    from ..framework.distribution import DataParallel, set_distribution

    shape = WAYS[way]
    begin_worker(engine, int(np.prod(shape)), number, port)
    if way.startswith("data"):
        set_distribution(DataParallel())
    elif way != "one":
        set_distribution(_model_parallel(shape))
    utils.set_random_seed(3)
    image = layers.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", name="convolution")(image)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.Reshape((16, 32))(x)
    x = layers.Dropout(0.3)(layers.Dense(32, "gelu", name="wide")(x))
    x = layers.Add()([x, layers.MultiHeadAttention(4, 8, name="attention")(x, x)])
    x = layers.LayerNormalization()(x)
    x = layers.Dense(16, "tanh", name="narrow")(x)
    model = models.Model(image, layers.Dense(5)(layers.GlobalAveragePooling1D()(x)))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    draws = np.random.default_rng(0)
    images = draws.standard_normal((40, 8, 8, 3)).astype("float32")  # batches of 16, 16 and 8
    classes = draws.integers(0, 5, 40)
    history = model.fit(images, classes, batch_size=16, epochs=EPOCHS, verbose=0).history
    begin = time.perf_counter()
    model.fit(images[:32], classes[:32], batch_size=16, epochs=1, verbose=0)
    seconds = (time.perf_counter() - begin) / 2
    predicted = model.predict(images, batch_size=20, verbose=0)
    if number == 0:
        np.savez(path, losses=history["loss"], predicted=predicted, seconds=seconds)


def _model_parallel(shape: tuple[int, int]):
    from ..framework.distribution import DeviceMesh, LayoutMap, ModelParallel

    layouts = LayoutMap(DeviceMesh(shape, ["batch", "model"]))
    layouts["convolution.kernel"] = (None, None, None, "model")
    layouts["convolution.bias"] = ("model",)
    layouts["wide.kernel"] = (None, "model")
    layouts["wide.bias"] = ("model",)
    layouts[r"attention.*(query|key|value).*kernel"] = (None, "model", None)
    layouts[r"attention.*output.*kernel"] = ("model", None, None)
    layouts["narrow.kernel"] = ("model", None)
    return ModelParallel(layout_map=layouts)


if __name__ == "__main__":
    main()
