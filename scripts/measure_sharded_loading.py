"""Loads a large Llama of random weights over 8 devices, and prints how much memory that takes.

    python -m isozoo.scripts.measure_sharded_loading [--engines jax torch tensorflow]

On JAX and TensorFlow the 8 devices are of one process, on torch each is a process of its own. A
device's share is an eighth of the weights; what it holds are the parts that lie on it. Of a process
the memory that belongs to no file (RssAnon, every 2 ms) is watched while `load_preset` runs: what
it took at most beyond the parts that it holds in the end stands in terms of the largest tensor. A
number below 0 says that parts lie in the memory of the file.
"""

from __future__ import annotations

import argparse
import json
import math
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .compare_distributed import begin_worker, run

DEVICES = 8
MOST = 1.2
_CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 32000,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "max_position_embeddings": 2048,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
}


def main() -> None:
    """Writes the weights, has each engine load them, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engines", nargs="+", default=["jax", "torch", "tensorflow"])
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        engine, folder, number, port, path = options.worker
        load(engine, folder, int(number), port, path)
        return
    with tempfile.TemporaryDirectory() as folder:
        preset = Path(folder) / "preset"
        written, largest = write_preset(preset, options.gigabytes)
        print(f"{written / 1e9:.2f} GB of weights, largest tensor {largest / 1e6:.0f} MB")
        print("engine      device / share   process beyond its parts / largest tensor", flush=True)
        for engine in options.engines:
            found = run(__spec__.name, engine, str(preset), DEVICES, Path(folder))
            device = float(found["device"]) / (float(found["total"]) / DEVICES)
            process = float(found["beyond"]) / largest
            kept = "" if device <= MOST and process <= MOST else f"   more than {MOST}"
            print(f"{engine:11} {device:.3f}            {process:.3f}{kept}", flush=True)


def write_preset(folder: Path, gigabytes: float) -> tuple[int, int]:
    """Writes a Llama of random weights; returns its bytes, and those of its largest tensor."""
    folder.mkdir()
    hidden, inner = 1024, 2816
    shared = hidden * _CONFIG["num_key_value_heads"] // _CONFIG["num_attention_heads"]
    of_layer = 2 * hidden * (hidden + shared) + 3 * hidden * inner
    layers = max(1, round((gigabytes * 1e9 / 4 - 2 * _CONFIG["vocab_size"] * hidden) / of_layer))
    sizes = {"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers}
    (folder / "config.json").write_text(json.dumps(_CONFIG | sizes))
    tensors = dict(_tensors(layers, hidden, inner, shared))
    header, place = {}, 0
    for name, shape in tensors.items():
        size = 4 * math.prod(shape)
        entry = {"dtype": "F32", "shape": shape, "data_offsets": [place, place + size]}
        header[name], place = entry, place + size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    draws = np.random.default_rng(0)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for shape in tensors.values():
            draws.standard_normal(math.prod(shape), np.float32).tofile(file)
    return place, max(4 * math.prod(shape) for shape in tensors.values())


def _tensors(
    layers: int, hidden: int, inner: int, shared: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yields (name, shape) as transformers has them."""
    vocabulary = _CONFIG["vocab_size"]
    yield "model.embed_tokens.weight", (vocabulary, hidden)
    for number in range(layers):
        layer = f"model.layers.{number}"
        yield f"{layer}.input_layernorm.weight", (hidden,)
        yield f"{layer}.post_attention_layernorm.weight", (hidden,)
        for name, width in (("q", hidden), ("k", shared), ("v", shared), ("o", hidden)):
            shape = (hidden, hidden) if name == "o" else (width, hidden)
            yield f"{layer}.self_attn.{name}_proj.weight", shape
        yield f"{layer}.mlp.gate_proj.weight", (inner, hidden)
        yield f"{layer}.mlp.up_proj.weight", (inner, hidden)
        yield f"{layer}.mlp.down_proj.weight", (hidden, inner)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (vocabulary, hidden)


class Watch:
    """The most memory that this process has had, beyond files, since it began to be watched."""

    def __init__(self) -> None:
        self.first = self.most = _anonymous()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ends.is_set():
            self.most = max(self.most, _anonymous())
            time.sleep(0.002)

    def grown(self) -> int:
        """Returns by how many bytes it had grown at most, and ends watching."""
        self._ends.set()
        self._thread.join()
        return max(self.most, _anonymous()) - self.first


def _anonymous() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def load(engine: str, folder: str, number: int, port: str, path: str) -> None:
    """Loads the preset; process 0 writes what the fullest device holds, and the worst process."""
    from ..framework import ops
    from ..framework.backends import registry
    from ..framework.distribution import AutoParallel, DeviceMesh
    from ..hub import load_preset

    begin_worker(engine, DEVICES, number, port)
    backend = registry.current()
    mesh = DeviceMesh((1, DEVICES), ["batch", "model"])
    plan = AutoParallel(mesh)
    with plan.scope():  # what the engine loads with its first tensors is none of the weights
        ops.convert_to_numpy(plan.place_data(backend, ops.ones((DEVICES, 8))))
    watch = Watch()
    model = load_preset(folder, task="causal_lm", distribution=plan)
    grown = watch.grown()
    held: dict[int, int] = {}
    for variable in model.variables:
        for part in backend.parts_of(variable.native):
            size = 4 * math.prod(part.sizes)
            for device in part.devices:
                held[device] = held.get(device, 0) + size
    here = held[number] if engine == "torch" else sum(held.values())
    told = backend.exchanged(str(grown - here))
    if number == 0:
        total = sum(4 * math.prod(variable.shape) for variable in model.variables)
        np.savez(path, device=max(held.values()), beyond=max(map(int, told)), total=total)


if __name__ == "__main__":
    main()
