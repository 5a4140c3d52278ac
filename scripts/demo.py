"""Five trained networks read real inputs on every backend, in one process.

    python -m isozoo.scripts.demo            # the table
    python -m isozoo.scripts.demo --json     # for a program

Prints for each network and backend the answer, the time to load, the time of the first run (with
compilation, where the backend compiles) and of a second run, and the largest difference of the
numbers behind the answer from the first backend's.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..framework import config, ops
from ..hub import load_preset

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
TEXTS = [
    "A cat sleeps on the warm window sill.",
    "The kitten is napping in the sun.",
    "Stock markets fell sharply on Monday.",
]
NETWORKS: list[tuple[str, str, list[str]]] = [
    ("all_minilm_l6_v2", "text", TEXTS),
    ("efficientnet_lite0", "image", ["chelsea.png", "coffee.jpg"]),
    ("smollm2_135m_instruct", "prompt", ["The capital of France is", "Two plus two is"]),
    ("ppocr_v6_small", "image", ["page.png"]),
    ("whisper_tiny_en", "sound", ["librivox-0870.wav", "librivox-0890.wav", "librivox-0930.wav"]),
]


def main(argv: list[str] | None = None) -> int:
    """Run the demo; 1 when the backends' answers differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--backend", action="append", help="only these; may be given repeatedly")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the inputs")
    arguments = parser.parse_args(argv)
    backends = arguments.backend or list(config.available_backends())
    report, agree = {}, True
    for name, kind, inputs in NETWORKS:
        given = (
            inputs
            if kind in ("text", "prompt")
            else [str(arguments.data / file) for file in inputs]
        )
        rows = _rows(name, given, backends, quiet=arguments.json)
        report[name] = rows
        same = len({json.dumps(row["answers"]) for row in rows}) == 1
        agree = agree and same
        if not arguments.json:
            _print_table(name, kind, inputs, rows, same)
    if arguments.json:
        print(json.dumps({"networks": report, "answers_agree": agree}, indent=2))
    else:
        print("All backends gave the same answers." if agree else "THE BACKENDS DIFFER.")
    return 0 if agree else 1


def _rows(name: str, inputs: list[str], backends: list[str], quiet: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    reference: np.ndarray | None = None
    for backend in backends:
        if sys.stderr.isatty() and not quiet:
            print(f"\r\033[K{name} on {backend} …", end="", file=sys.stderr, flush=True)
        # The framework's own import is not the network's loading.
        with config.use_backend(backend):
            ops.zeros((1,))
        start = time.perf_counter()
        model = load_preset(name, backend=backend)
        loaded = time.perf_counter()
        answers, numbers = _answer(model, inputs)
        first = time.perf_counter()
        _answer(model, inputs)
        second = time.perf_counter()
        reference = numbers if reference is None else reference
        rows.append(
            {
                "backend": backend,
                "answers": answers,
                "load_s": loaded - start,
                "first_s": first - loaded,
                "run_s": second - first,
                "difference": float(np.abs(numbers - reference).max()),
                "scale": float(np.abs(reference).max()),
            }
        )
    if sys.stderr.isatty() and not quiet:
        print("\r\033[K", end="", file=sys.stderr)
    return rows


def _answer(model: Any, inputs: list[str]) -> tuple[list[str], np.ndarray]:
    """What the model says of the inputs, in words, and the numbers behind it."""
    if model.task == "text_embedder":
        vectors = model.embed(inputs)
        likeness = vectors @ vectors.T
        nearest = np.argsort(-(likeness - 2 * np.eye(len(inputs))), axis=1)[:, 0]
        words = [
            f"text {i + 1} is nearest to text {j + 1} ({likeness[i, j]:.3f})"
            for i, j in enumerate(nearest)
        ]
        return words, vectors
    if model.task == "image_classifier":
        classes = model.classify(inputs, top=1)
        probabilities = np.array([found[0].probability for found in classes])
        return [
            f"{found[0].label} ({found[0].probability:.1%})" for found in classes
        ], probabilities
    if hasattr(model, "read"):  # of texts in pictures: it is made of two nets, and no backbone
        pages = [model.read(path) for path in inputs]
        scores = np.array([line.score for lines in pages for line in lines])
        return [" | ".join(line.text for line in lines) for lines in pages], scores
    if model.task == "causal_lm":
        texts = [text.strip() for text in model.generate(inputs, max_new_tokens=8)]
        scores = model.parity_outputs(inputs[:1])["scores of text 0"]
        return [text.splitlines()[0] for text in texts], ops.convert_to_numpy(scores)
    transcripts = [model.transcribe(path) for path in inputs]
    encoded = ops.convert_to_numpy(model.parity_outputs(inputs[:1])["encoder"])
    return [found.text.strip() for found in transcripts], encoded


def _print_table(
    name: str, kind: str, inputs: list[str], rows: list[dict[str, Any]], same: bool
) -> None:
    print(f"{name} ({kind})")
    if same:
        for text, answer in zip(inputs, rows[0]["answers"], strict=True):
            print(f"  {text}\n    -> {answer}")
    else:
        for row in rows:
            print(f"  {row['backend']}: {row['answers']}")
    base = rows[0]["backend"]
    print(f"  {'backend':12}{'load':>9}{'first run':>12}{'next run':>11}   largest difference")
    for row in rows:
        share = f"{row['difference']:.1e} of {row['scale']:.2g}"
        difference = f"(reference: {base})" if row["backend"] == base else share
        print(
            f"  {row['backend']:12}{row['load_s']:8.2f}s{row['first_s']:11.2f}s"
            f"{row['run_s']:10.2f}s   {difference}"
        )
    print()


if __name__ == "__main__":
    sys.exit(main())
