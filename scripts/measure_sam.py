"""SAM at full size beside transformers, with the same random weights: errors and memory.

    python -m isozoo.scripts.measure_sam --backend torch

Prints the largest deviation of embeddings, logits and scores over the largest magnitude, for
every kind of prompt, and how much memory each encoder takes beside its weights at most, each in a
process of its own. Needs the extra "benchmark".
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 1024
SIZES = {
    "base": {},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
              "global_attn_indexes": [5, 11, 17, 23]},
    "huge": {"hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16,
             "global_attn_indexes": [7, 15, 23, 31]},
}  # fmt: skip
_PEAK = """
import sys, time, numpy as np
def resident(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) * 1024
images = np.random.default_rng(0).normal(size=(1, 1024, 1024, 3)).astype("float32")
%s
before = resident("VmRSS:")
work()
print((resident("VmHWM:") - before) / 2**20)
"""
_OURS = """
import isozoo
model = isozoo.from_preset(sys.argv[1], backend=sys.argv[2])
warm = model.backbone.compiled_method("decode")
np.asarray(isozoo.ops.convert_to_numpy(warm(
    np.zeros((1, 64, 64, 256), "float32"), points=np.zeros((1, 1, 1, 2), "float32"),
    labels=np.ones((1, 1, 1), "int32"))["scores"]))
encode = model.backbone.compiled_method("encode")
def work():
    return np.asarray(isozoo.ops.convert_to_numpy(encode(images)))
"""
_THEIRS = """
import torch, transformers
model = transformers.SamModel.from_pretrained(sys.argv[1]).eval()
pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
touched = sum(float(p.detach().sum()) for p in model.parameters())
def work():
    with torch.inference_mode():
        return model.get_image_embeddings(pixels)
"""


def main(argv: list[str] | None = None) -> int:
    """Print all figures; 1 where one deviates by more than 1e-4 of its scale."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backend", action="append", help="may be given repeatedly; torch if not")
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--no-memory", action="store_true", help="measure no memory")
    arguments = parser.parse_args(argv)
    backends = arguments.backend or ["torch"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    worst = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        peer = _save(folder, arguments.size)
        images = np.random.default_rng(0).normal(size=(1, SIDE, SIDE, 3)).astype("float32")
        embeddings, expected = _expected(peer, images)
        del peer
        for backend in backends:
            worst = max(worst, _compare(folder, backend, images, embeddings, expected))
        if not arguments.no_memory:
            for backend in backends:
                _tell_memory(f"ours, {backend}", _OURS, str(folder), backend)
            _tell_memory("transformers", _THEIRS, str(folder))
    return int(worst > 1e-4)


def _save(folder: Path, size: str) -> Any:
    """Transformers' model with random weights in the folder, none of them constant."""
    import torch
    import transformers

    torch.manual_seed(0)
    model = transformers.SamModel(transformers.SamConfig(vision_config=SIZES[size])).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "positional" in name:
                parameter.normal_(0.0, 1.0)
            elif parameter.ndim == 1 or "embed" in name or "rel_pos" in name:
                parameter.normal_(float("norm" in name and "weight" in name), 0.1)
            else:
                parameter.normal_(0.0, parameter[0].numel() ** -0.5)
    model.save_pretrained(folder)
    return model


def _prompts() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)
    corners = np.sort(draw.uniform(0, SIDE, (1, 2, 2, 2)), axis=2)
    return {
        "points": draw.uniform(0, SIDE, (1, 2, 2, 2)).astype("float32"),
        "labels": np.array([[[1, 0], [1, 1]]], "int32"),
        "boxes": corners.reshape(1, 2, 4).astype("float32"),
        "masks": draw.normal(size=(1, 1, 256, 256)).astype("float32"),
    }


def _kinds() -> list[tuple[str, ...]]:
    names = ("points", "boxes", "masks")
    return [kinds for count in (1, 2, 3) for kinds in itertools.combinations(names, count)]


def _of(kinds: tuple[str, ...]) -> dict[str, np.ndarray]:
    wanted = {*kinds, *(("labels",) if "points" in kinds else ())}
    return {name: value for name, value in _prompts().items() if name in wanted}


def _expected(peer: Any, images: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    import torch

    with torch.inference_mode():
        start = time.perf_counter()
        first = peer.get_image_embeddings(torch.from_numpy(images).permute(0, 3, 1, 2))
        print(f"transformers encodes in {time.perf_counter() - start:.2f} s")
        found = []
        for kinds in _kinds():
            named = {f"input_{name}": torch.from_numpy(value) for name, value in _of(kinds).items()}
            both = [
                peer(image_embeddings=first, multimask_output=several, **named)
                for several in (False, True)
            ]
            logits = np.concatenate([one.pred_masks.numpy() for one in both], axis=2)
            scores = np.concatenate([one.iou_scores.numpy() for one in both], axis=2)
            found.append((logits, scores))
        return first.permute(0, 2, 3, 1).numpy(), found


def _compare(
    folder: Path, backend: str, images: np.ndarray, embeddings: np.ndarray, expected: list[Any]
) -> float:
    """Prints the deviations of a backend; returns the largest."""
    from ..framework.ops import convert_to_numpy
    from ..hub import load_preset

    model = load_preset(folder, backend=backend)
    encode, decode = (model.backbone.compiled_method(name) for name in ("encode", "decode"))
    native = encode(images)
    start = time.perf_counter()
    found = convert_to_numpy(encode(images))
    took = time.perf_counter() - start
    worst = [_deviation(found, embeddings)]
    print(
        f"{backend}: encodes in {took:.2f} s, embeddings deviate by {worst[0]:.1e} of their scale"
    )
    for kinds, (logits, scores) in zip(_kinds(), expected, strict=True):
        decoded = decode(native, **_of(kinds))
        for name, value in (("logits", logits), ("scores", scores)):
            worst.append(_deviation(convert_to_numpy(decoded[name]), value))
        print(f"  {' and '.join(kinds):25} logits {worst[-2]:.1e}  scores {worst[-1]:.1e}")
    return max(worst)


def _deviation(found: Any, expected: np.ndarray) -> float:
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


def _tell_memory(name: str, program: str, *arguments: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _PEAK % program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"memory of {name}: not measured, {done.stderr.strip().splitlines()[-1][:100]}")
        return
    print(f"memory of {name}'s encoder beside its weights: {json.loads(done.stdout):.0f} MiB")


if __name__ == "__main__":
    sys.exit(main())
