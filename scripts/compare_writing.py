"""One model, every framework, the same words: what a language model writes after 100 prompts.

    python -m isozoo.scripts.compare_writing                       # needs weights.txt
    python -m isozoo.scripts.compare_writing --backends numpy torch --tokens 8

The prompts come from a small grammar. Each is written on from by the likeliest tokens, on every
backend, and the texts are compared with those of the first. Where two differ, the scores of the
first token in which they do tell whether it was a tie: the gap between the two tokens is printed in
units of float32 rounding of the largest score. Exit code 1 for a difference.
"""

import argparse
import itertools
import sys
import time
from typing import Any

import numpy as np
from tqdm import tqdm

_SUBJECTS = ("The capital of France", "My old neighbour", "Every good teacher", "The little robot",
             "A list of three fruits", "The meaning of the word 'zoo'", "Water", "Her first book",
             "The function add(a, b)", "Winter in the north")  # fmt: skip
_VERBS = ("is", "was once", "will never be", "can be described as", "began with", "means that",
          "returns", "was found near", "should always", "and")  # fmt: skip


def prompts() -> list[str]:
    """Returns the grammar's 100 sentences, each without its end."""
    return [f"{subject} {verb}" for subject, verb in itertools.product(_SUBJECTS, _VERBS)]


def main(argv: list[str] | None = None) -> int:
    """Print a line for each backend; 1 where texts differ."""
    from ..framework.config import available_backends
    from ..hub import load_preset

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="smollm2_135m_instruct", help="a preset or a folder")
    parser.add_argument("--backends", nargs="+", default=available_backends())
    parser.add_argument("--tokens", type=int, default=12, help="written after each prompt")
    parser.add_argument("--prompts", type=int, default=100, help="how many of them")
    parser.add_argument("--batch", type=int, default=20, help="prompts that go in together")
    arguments = parser.parse_args(argv)
    chosen = prompts()[: arguments.prompts]
    first: list[list[int]] = []
    model: Any = None
    differing = 0
    print(f"{'backend':14}{'texts':>8}{'equal':>8}{'seconds':>10}", flush=True)
    for backend in arguments.backends:
        model = load_preset(arguments.model, backend=backend)
        start = time.perf_counter()
        found = _written(model, chosen, arguments.tokens, arguments.batch, backend)
        seconds = time.perf_counter() - start
        first = first or found
        wrong = [i for i, (a, b) in enumerate(zip(first, found, strict=True)) if a != b]
        differing += len(wrong)
        equal = len(found) - len(wrong)
        print(f"{backend:14}{len(found):8}{equal:8}{seconds:10.1f}", flush=True)
        for number in wrong:
            print(
                f"  {chosen[number]!r}: {_gap(model, chosen[number], first[number], found[number])}"
            )
    return 1 if differing else 0


def _written(model: Any, texts: list[str], tokens: int, batch: int, name: str) -> list[list[int]]:
    rows: list[list[int]] = []
    for start in tqdm(range(0, len(texts), batch), name, leave=False, disable=None):
        part = model.generate(texts[start : start + batch], tokens, details=True)
        rows += [found.tokens for found in part]
    return rows


def _gap(model: Any, prompt: str, one: list[int], other: list[int]) -> str:
    """How far apart the scores of the two tokens are in which two texts first differ."""
    from ..framework import ops

    place = next(
        (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )
    if place >= min(len(one), len(other)):
        return f"one ends after {place} tokens"
    ids = [*model.preprocessor.tokenizer.encode(prompt), *one[:place]]
    scores = np.asarray(ops.convert_to_numpy(model(np.array([ids], np.int32))))[0, -1]
    unit = float(np.spacing(np.float32(np.abs(scores).max())))
    gap = abs(float(scores[one[place]]) - float(scores[other[place]])) / unit
    return f"token {place + 1} differs, by {gap:.0f} roundings of the largest score"


if __name__ == "__main__":
    sys.exit(main())
