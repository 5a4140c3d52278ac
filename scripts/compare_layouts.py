"""Trains a small model of each family of transformers whole and cut as `auto_layout` says.

    python -m isozoo.scripts.compare_layouts [--engines jax torch tensorflow] [--families bert ...]

Prints how far losses of training are from those of one device: on a mesh of 2 devices along the
model, and of 2 x 2 along batch and model; "all" cuts weights along both. Dropout is on in training.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .compare_distributed import apart_by, begin_worker, run

# The last one cuts weights along the batch, too.
WAYS = {"one": (1, 1), "2": (1, 2), "2x2": (2, 2), "2x2 all": (2, 2)}
FAMILIES = (
    "bert",
    "distilbert",
    "llama",
    "mistral",
    "opt",
    "qwen2",
    "qwen3",
    "roberta",
    "t5",
    "whisper",
)
SIZES = {
    "vocabulary_size": 96,
    "num_layers": 1,
    "num_heads": 4,
    "hidden_dim": 32,
    "intermediate_dim": 64,
}
LENGTH, ROWS = 8, 8


def main() -> None:
    """Runs each engine on each mesh, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engines", nargs="+", default=["jax", "torch", "tensorflow"])
    parser.add_argument("--families", nargs="+", default=list(FAMILIES))
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        engine, way, number, port, path = options.worker
        way, _, families = way.partition(": ")
        train(engine, way, families.split(","), int(number), port, path)
        return
    print("engine      mesh     family       losses", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for engine in options.engines:
            wanted = None
            for way, shape in WAYS.items():
                what = f"{way}: {','.join(options.families)}"
                found = run(__spec__.name, engine, what, int(np.prod(shape)), Path(folder))
                wanted = found if wanted is None else wanted
                for family in options.families if way != "one" else ():
                    apart = apart_by(found[family], wanted[family])
                    print(f"{engine:11} {way:8} {family:12} {apart:.1e}", flush=True)


def train(engine: str, way: str, families: list[str], number: int, port: str, path: str) -> None:
    """Trains a model of each family; process 0 writes the losses."""
    from ..framework import utils
    from ..framework.distribution import AutoParallel, DeviceMesh, set_distribution
    from ..hub import registry

    shape = WAYS[way]
    begin_worker(engine, int(np.prod(shape)), number, port)
    if np.prod(shape) > 1:
        mesh = DeviceMesh(shape, ["batch", "model"])
        set_distribution(AutoParallel(mesh, along_batch=way.endswith("all")))
    found = {}
    for family in families:
        utils.set_random_seed(3)
        model: Any = network(registry.get_family(family).tasks["backbone"]()(**SIZES))
        model.compile("adam", "mse")
        x, y = data(family)
        history = model.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0).history
        found[family] = history["loss"]
    if number == 0:
        np.savez(path, **found)


def network(backbone: Any) -> Any:
    """Returns a model whose output is the last sequence of a backbone's."""
    from ..framework import models

    class Network(models.Model):
        def __init__(self, backbone: Any) -> None:
            super().__init__()
            self.backbone = backbone

        def call(self, inputs: Any) -> Any:
            found = self.backbone(inputs)
            return found.get("decoder_sequence_output", found.get("sequence_output"))

    return Network(backbone)


def data(family: str) -> tuple[Any, np.ndarray]:
    """Returns inputs of a family's backbone, and targets for its output."""
    draws = np.random.default_rng(0)
    ids = draws.integers(4, SIZES["vocabulary_size"], (2, ROWS, LENGTH)).astype("int32")
    targets = draws.standard_normal((ROWS, LENGTH, SIZES["hidden_dim"])).astype("float32")
    if family == "t5":
        return {"encoder_token_ids": ids[0], "decoder_token_ids": ids[1]}, targets
    if family == "whisper":
        sound = draws.standard_normal((ROWS, 2 * LENGTH, 80)).astype("float32")
        return {"encoder_features": sound, "decoder_token_ids": ids[1]}, targets
    return {"token_ids": ids[0]}, targets


if __name__ == "__main__":
    main()
