"""How many short texts become vectors in a second, beside sentence-transformers on torch.

    pip install sentence-transformers
    python -m isozoo.scripts.measure_embedding                     # needs weights.txt
    python -m isozoo.scripts.measure_embedding --count 2000 --backends torch jax

The texts are sentences of the language reference that comes with every Python, up to 200
characters, the same for both. The peer reads the folder that the model is written to. Rounds go by
turns, and the ratio is the median of the rounds', ours over the peer's time (below 1 we are
faster). The vectors are compared: the largest difference of two is printed.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def sentences(count: int) -> list[str]:
    """Returns so many sentences of 20 to 200 characters; after the last the first come again."""
    from pydoc_data.topics import topics

    whole = " ".join(topics[name] for name in sorted(topics))
    found = [re.sub(r"\s+", " ", part).strip() for part in re.split(r"(?<=[.:])\s", whole)]
    chosen = [text for text in found if 20 <= len(text) <= 200]
    return [chosen[i % len(chosen)] for i in range(count)]


def main(argv: list[str] | None = None) -> int:
    """Print a line for each backend."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="all_minilm_l6_v2", help="a preset or a folder")
    parser.add_argument("--backends", nargs="+", default=["torch"])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args(argv)
    from sentence_transformers import SentenceTransformer

    from ..hub import load_preset

    texts = sentences(arguments.count)
    print(f"{len(texts)} texts, {sum(map(len, texts)) / len(texts):.0f} characters in the mean")
    print(f"{'backend':12}{'ours/s':>10}{'peer/s':>10}{'ratio':>8}{'difference':>12}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        load_preset(arguments.model, backend="numpy").save_to_preset(folder)
        peer = SentenceTransformer(folder, device="cpu")

        def theirs() -> Any:
            return peer.encode(texts, batch_size=arguments.batch, show_progress_bar=None)

        for backend in arguments.backends:
            model = load_preset(folder, backend=backend)

            def ours(model: Any = model) -> Any:
                return model.embed(texts, arguments.batch)

            away = float(np.abs(model.embed(texts[:64]) - peer.encode(texts[:64])).max())
            pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(arguments.rounds)]
            ratio = statistics.median(a / b for a, b in pairs)
            rates = (len(texts) / statistics.median(times) for times in zip(*pairs, strict=True))
            mine, other = rates
            print(f"{backend:12}{mine:10.0f}{other:10.0f}{ratio:8.2f}{away:12.1e}", flush=True)
    return 0


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
