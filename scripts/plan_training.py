"""Works out memory and traffic of training large transformers, and writes `docs/planning.md`.

    python -m isozoo.scripts.plan_training [--out docs/planning.md]

First a small Llama is trained for a step on 8 devices of this machine, on each kind of mesh, and
the collectives of XLA's compiled program are counted: they are what the formulas are held against.
Then the formulas are evaluated for large models on many devices.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .planning.collectives import Collective, in_program
from .planning.estimates import Model, Traffic, traffic
from .planning.page import page

# (devices along the batch, along the model, whether weights are cut along the batch too)
MESHES = [(8, 1, False), (1, 8, False), (2, 4, False), (8, 1, True), (2, 4, True)]
SMALL = Model("small", 256, 2, 8, 8, 768, 1024, 64)
ROWS = 16


def main() -> None:
    """Counts, compares, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", help="the page; if absent it is printed")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        batch, model, along = options.worker
        step(int(batch), int(model), along == "True")
        return
    checks = []
    for batch, model, along in MESHES:
        counted = compiled(batch, model, along)
        wanted = traffic(SMALL, ROWS * SMALL.length, batch, model, along, activation_bytes=4)
        checks.append(((batch, model, along), counted, wanted))
        print(told(batch, model, along, counted, wanted), file=sys.stderr, flush=True)
    text = page(checks)
    if options.out:
        Path(options.out).write_text(text, encoding="utf-8")
    else:
        print(text)


def told(batch: int, model: int, along: bool, counted: list[Collective], wanted: Traffic) -> str:
    """Returns a line about a mesh."""
    sent = sum(c.sent for c in counted)
    kind = "all" if along else "model"
    return f"{batch} x {model} {kind}: {len(counted)} collectives, {sent} bytes; {wanted.total:.0f}"


def compiled(batch: int, model: int, along: bool) -> list[Collective]:
    """Returns the collectives of a compiled step on a mesh of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        flags = (
            "--xla_force_host_platform_device_count=8 --xla_dump_hlo_as_text "
            f"--xla_dump_hlo_module_re=.*pure.* --xla_dump_to={folder}"
        )
        settings = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
        command = [sys.executable, "-m", __spec__.name, "--worker", str(batch), str(model)]
        subprocess.run([*command, str(along)], env=settings, check=True)
        texts = [x.read_text() for x in Path(folder).glob("*after_optimizations.txt")]
    found = [in_program(text) for text in texts]
    if not found:
        raise SystemExit(f"XLA wrote no program of a step on {batch} x {model} devices")
    # The step is the largest of the programs.
    return max(zip(map(len, texts), found, strict=True), key=lambda pair: pair[0])[1]


def step(batch: int, model: int, along: bool) -> None:
    """Trains a small model for one step."""
    import numpy as np

    from ..framework import config, losses, utils
    from ..framework.distribution import AutoParallel, DeviceMesh, set_distribution
    from ..nlp.llama.tasks import LlamaCausalLM

    config.set_backend("jax")
    set_distribution(AutoParallel(DeviceMesh((batch, model), ["batch", "model"]), None, along))
    utils.set_random_seed(0)
    network = LlamaCausalLM(
        vocabulary_size=SMALL.vocabulary,
        num_layers=SMALL.layers,
        num_heads=SMALL.heads,
        hidden_dim=SMALL.hidden,
        intermediate_dim=SMALL.intermediate,
    )
    network.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
    ids = np.random.default_rng(0).integers(4, SMALL.vocabulary, (ROWS, SMALL.length))
    network.fit({"token_ids": ids.astype("int32")}, ids, batch_size=ROWS, verbose=0)


if __name__ == "__main__":
    main()
