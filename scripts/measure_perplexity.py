"""How much a language model loses with fewer bits: the perplexity of a real text.

    python -m isozoo.scripts.measure_perplexity                       # needs weights.txt
    python -m isozoo.scripts.measure_perplexity --backend jax --bytes 10000 --no-peer

The text is the language reference that comes with every Python (`pydoc_data.topics`), or that of
`--text`. It is cut into windows of 512 tokens, which are judged each by itself; the perplexity is
exp of the mean negative log-probability of all tokens but the first of each window. The peer is
transformers with the same weights as floats.
"""

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

WINDOW = 512
KINDS = ("float32", "bfloat16", "int8", "int8-weights", "int4", "int4-32")


def main(argv: list[str] | None = None) -> int:
    """Print a line for each kind of weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="smollm2_135m_instruct", help="a preset or a folder")
    parser.add_argument("--text", type=Path, help="a text file in the place of Python's reference")
    parser.add_argument("--bytes", type=int, default=50_000, help="how much of it")
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--no-peer", action="store_true", help="leave transformers out")
    arguments = parser.parse_args(argv)
    from ..hub import load_preset

    text = _text(arguments.text, arguments.bytes)
    print(f"{len(text.encode())} bytes, windows of {WINDOW} tokens, {arguments.backend}")
    print(f"{'weights':34}{'perplexity':>12}{'to float32':>12}{'MB':>8}{'seconds':>10}", flush=True)
    first: float | None = None

    def row(name: str, megabytes: float, scores: Callable[[np.ndarray], Any]) -> None:
        nonlocal first
        start = time.perf_counter()
        found = perplexity(scores, ids, name)
        first = found if first is None else first
        seconds = time.perf_counter() - start
        print(
            f"{name:34}{found:12.4f}{found / first - 1:+12.3%}{megabytes:8.0f}{seconds:10.1f}",
            flush=True,
        )

    for kind in arguments.kinds:
        dtype = kind if kind == "bfloat16" else "float32"
        model = load_preset(arguments.model, backend=arguments.backend, dtype=dtype)
        ids = np.array(model.preprocessor.tokenizer.encode(text), np.int32)
        if kind.startswith("int"):
            _quantize(model, kind)
        row(kind, _megabytes(model), model.infer)
        del model
    if not arguments.no_peer:
        with tempfile.TemporaryDirectory() as folder:
            scores, megabytes = _peer(arguments.model, folder)
            row("float32, transformers", megabytes, scores)
    return 0


def perplexity(scores: Callable[[np.ndarray], Any], ids: np.ndarray, name: str) -> float:
    """Returns exp of the mean negative log-probability of tokens, window by window.

    Args:
        scores: int32 (1, length) -> scores before softmax (1, length, vocabulary).
        ids: the tokens of the text.
        name: what the progress bar says.
    """
    from ..framework import ops

    starts = range(0, len(ids) - 1, WINDOW)
    total, count = 0.0, 0
    for start in tqdm(starts, name, leave=False, disable=None):
        part = ids[start : start + WINDOW]
        if len(part) < 2:
            break
        found = np.asarray(ops.convert_to_numpy(scores(part[None])), np.float32)[0, :-1]
        best = found.max(axis=1)
        norm = best + np.log(np.exp(found - best[:, None]).sum(axis=1, dtype=np.float64))
        total += float((norm - found[np.arange(len(part) - 1), part[1:]]).sum())
        count += len(part) - 1
    return math.exp(total / count)


def _text(path: Path | None, size: int) -> str:
    """The first `size` bytes of a text; a character that they cut is left out."""
    if path is None:
        from pydoc_data.topics import topics

        whole = "\n\n".join(topics[name] for name in sorted(topics))
    else:
        whole = path.read_text(encoding="utf-8")
    return whole.encode()[:size].decode(errors="ignore")


def _quantize(model: Any, kind: str) -> None:
    """Quantizes a model: by the default of its kind, the weights alone, or in blocks of 32."""
    from ..framework.quantizers import Int4QuantizationConfig, Int8QuantizationConfig

    if kind == "int8-weights":
        model.quantize(config=Int8QuantizationConfig(activation_quantizer=None))
    elif kind == "int4-32":
        model.quantize(config=Int4QuantizationConfig(block_size=32))
    else:
        model.quantize(kind)


def _megabytes(model: Any) -> float:
    """What the variables of a model take."""
    return sum(v.numpy().nbytes for v in model.variables) / 1e6


def _peer(name: str, folder: str) -> tuple[Callable[[np.ndarray], Any], float]:
    """transformers' model of the same weights, as a function of tokens; and its size in MB."""
    import torch
    import transformers

    from ..hub import load_preset

    load_preset(name, backend="numpy").save_to_preset(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()

    def scores(ids: np.ndarray) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(ids).long()).logits.numpy()

    return scores, sum(p.numel() * p.element_size() for p in model.parameters()) / 1e6


if __name__ == "__main__":
    sys.exit(main())
