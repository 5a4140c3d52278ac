"""How fast we are on a GPU, beside whatever peers are installed, and whether the numbers hold.

    python -m isozoo.scripts.benchmark_gpu            # about four minutes on one GPU
    python -m isozoo.scripts.benchmark_gpu --small    # seconds, on a CPU too: to find slips

Networks are those of the lines, with random weights; nothing is fetched. Ours and the peer run by
turns, and the ratio printed is the median of the pairs' ratios, ours over peer (below 1 we are
faster). Behind it stands the line to hold. Each framework has a process of its own. A peer that is
not installed, and a line that fails, are named and passed over.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Work = Callable[[], Any]
BERT = {
    "vocabulary_size": 30522,
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "intermediate_dim": 3072,
}
SMALL_BERT = {
    "vocabulary_size": 100,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 32,
    "intermediate_dim": 64,
}
FRAMEWORKS = ("torch", "jax")


class Bench:
    """Prints lines: pairs of works timed by turns until `until`."""

    def __init__(self, small: bool, wait: Work, until: float) -> None:
        self.small, self.wait, self.until = small, wait, until
        self.random = np.random.default_rng(0)

    def line(self, name: str, hold: float, setup: Callable[[], tuple[Work, Work]]) -> None:
        """Prints one line; a line that cannot be measured says why."""
        if time.monotonic() > self.until:
            print(f"{name:44}  left out: the time is over", flush=True)
            return
        try:
            ours, peer = setup()
            found = self._pairs(ours, peer)
        except Exception as error:
            print(f"{name:44}  {type(error).__name__}: {str(error)[:120]}", flush=True)
            return
        mine, theirs = (1e3 * statistics.median(t) for t in zip(*found, strict=True))
        ratio = statistics.median(a / b for a, b in found)
        print(f"{name:44}{mine:10.3f}{theirs:10.3f}{ratio:8.2f}{hold:7.2f}", flush=True)

    def _pairs(self, ours: Work, peer: Work) -> list[tuple[float, float]]:
        # Recordings and compilations come after some calls; they do not count.
        for _ in range(2 if self.small else 6):
            ours()
            peer()
        self.wait()
        found = []
        for number in range(2 if self.small else 12):
            order = (ours, peer) if number % 2 else (peer, ours)
            times = {id(work): self._timed(work) for work in order}
            found.append((times[id(ours)], times[id(peer)]))
        return found

    def _timed(self, work: Work) -> float:
        start = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - start


def main(argv: list[str] | None = None) -> int:
    """Runs the lines of all installed frameworks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="small sizes, few pairs")
    parser.add_argument("--only", choices=FRAMEWORKS, help="one framework's lines")
    parser.add_argument("--seconds", type=float, default=240, help="no line begins after that")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.here:
        (_torch_lines if arguments.only == "torch" else _jax_lines)(
            arguments.small, time.monotonic() + arguments.seconds
        )
        return 0
    chosen = [arguments.only] if arguments.only else list(FRAMEWORKS)
    installed = [name for name in chosen if importlib.util.find_spec(name) is not None]
    print(f"{'line':44}{'ours ms':>10}{'peer ms':>10}{'ratio':>8}{'hold':>7}")
    failed = 0
    for name in installed:
        command = [sys.executable, "-m", "isozoo.scripts.benchmark_gpu", "--here", "--only", name]
        command += ["--seconds", str(arguments.seconds / len(installed))]
        command += ["--small"] if arguments.small else []
        environment = {
            **os.environ,
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "KERAS_BACKEND": name,
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_VERBOSITY": "error",
        }
        failed |= subprocess.run(command, env=environment, check=False).returncode
    return failed


# torch ------------------------------------------------------------------------------------------


def _torch_lines(small: bool, until: float) -> None:
    import torch

    from ..framework.config import use_backend

    device = "cuda" if torch.cuda.is_available() else "cpu"
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    name = torch.cuda.get_device_name() if device == "cuda" else "the CPU"
    print(f"torch {torch.__version__} on {name}")
    bench = Bench(small, wait, until)
    with use_backend("torch"):
        _torch_draws(bench, device)
        if importlib.util.find_spec("transformers") is None:
            print("transformers is not installed: no networks of torch are compared")
        else:
            _torch_bert(bench, device)
            _torch_resnet(bench, device)
            _torch_training(bench, device)
            _torch_writing(bench, device)
        _certificate(f"torch:{device}", small)


def _torch_draws(bench: Bench, device: str) -> None:
    import torch

    from ..framework import random

    shape = (64, 128, 15 if bench.small else 1500)
    seed = random.SeedGenerator(1)
    seed.state.replace_native(seed.state.native.to(device))
    x = torch.randn(shape, device=device)
    count = f"{x.numel() / 1e6:.1f} M"
    from ..framework.context import entered

    def on_device(draw: Callable[[], Any]) -> Work:
        def run():
            with entered(device=None if device == "cpu" else torch.device(device)):
                return draw()

        return run

    bench.line(
        f"dropout of {count}, torch",
        1.2,
        lambda: (
            on_device(lambda: random.dropout(x, 0.1, seed=seed)),
            lambda: torch.nn.functional.dropout(x, 0.1),
        ),
    )
    bench.line(
        f"uniform of {count}, torch",
        1.2,
        lambda: (
            on_device(lambda: random.uniform(shape, seed=seed)),
            lambda: torch.rand(shape, device=device),
        ),
    )
    bench.line(
        f"normal of {count}, torch",
        1.2,
        lambda: (
            on_device(lambda: random.normal(shape, seed=seed)),
            lambda: torch.randn(shape, device=device),
        ),
    )


def _berts(bench: Bench, device: str, dtype: str) -> tuple[Any, Any]:
    """Ours and transformers' BERT of one size, on a device."""
    import torch
    import transformers

    from .. import nlp

    size = SMALL_BERT if bench.small else BERT
    ours = nlp.BertBackbone(**size, dtype=dtype).to(device)
    config = transformers.BertConfig(
        vocab_size=size["vocabulary_size"],
        num_hidden_layers=size["num_layers"],
        num_attention_heads=size["num_heads"],
        hidden_size=size["hidden_dim"],
        intermediate_size=size["intermediate_dim"],
    )
    peer = transformers.BertModel(config).to(device).to(getattr(torch, dtype))
    return ours, peer.eval()


def _torch_bert(bench: Bench, device: str) -> None:
    import torch

    for dtype, rows, length, replayed, hold in (
        ("bfloat16", 8, 128, False, 1.0),
        ("float32", 1, 16, False, 1.0),
        ("bfloat16", 1, 16, True, 0.3),
        ("bfloat16", 8, 128, True, 1.0),
    ):

        def setup(dtype=dtype, rows=rows, length=length, replayed=replayed):
            ours, peer = _berts(bench, device, dtype)
            ids = torch.from_numpy(bench.random.integers(0, 99, (rows, length))).to(device)
            mask = torch.ones_like(ids)
            given = {"token_ids": ids, "padding_mask": mask}

            def theirs():
                with torch.inference_mode():
                    return peer(ids, attention_mask=mask)

            def eager():
                with torch.inference_mode():
                    return ours(given)

            return (lambda: ours.infer(given)) if replayed else eager, theirs

        how = "infer" if replayed else "eager"
        bench.line(f"BERT-base {dtype} {rows}x{length}, torch {how}", hold, setup)
    bench.line(
        "BERT-base training step 16x128, dropout 0.1, torch", 1.05, lambda: _step(bench, device)
    )


def _step(bench: Bench, device: str) -> tuple[Work, Work]:
    """A training step of BERT in float32: forward, backward, AdamW."""
    import torch

    ours, peer = _berts(bench, device, "float32")
    peer.train()
    shape = (2, 8) if bench.small else (16, 128)
    ids = torch.from_numpy(bench.random.integers(0, 99, shape)).to(device)
    steps = [torch.optim.AdamW(model.parameters(), lr=1e-5) for model in (ours, peer)]

    def run(optimizer: Any, outputs: Callable[[], Any]) -> Work:
        def work():
            optimizer.zero_grad()
            outputs().square().mean().backward()
            optimizer.step()

        return work

    return (
        run(steps[0], lambda: ours({"token_ids": ids}, training=True)["pooled_output"]),
        run(steps[1], lambda: peer(ids).pooler_output),
    )


def _torch_resnet(bench: Bench, device: str) -> None:
    import torch
    import transformers

    from .. import applications

    side = 64 if bench.small else 224
    for rows, replayed, hold in ((1, False, 1.0), (32, False, 1.0), (1, True, 0.3)):
        rows = 1 if bench.small else rows

        def setup(rows=rows, replayed=replayed):
            ours = applications.ResNetImageClassifier().to(device)
            config = transformers.ResNetConfig(num_labels=1000)
            peer = transformers.ResNetForImageClassification(config).eval().to(device)
            peer = peer.to(memory_format=torch.channels_last)
            x = torch.randn(rows, side, side, 3, device=device)
            pixels = x.permute(0, 3, 1, 2)

            def theirs():
                with torch.inference_mode():
                    return peer(pixels).logits

            def eager():
                with torch.inference_mode():
                    return ours(x)

            return (lambda: ours.infer(x)) if replayed else eager, theirs

        how = "infer" if replayed else "eager"
        bench.line(f"ResNet-50 float32 batch {rows}, torch {how}", hold, setup)


def _torch_training(bench: Bench, device: str) -> None:
    """Steps of `train_on_batch` of BERT-base, beside a loop written by hand."""
    from .benchmark_steps import bert_by_hand

    depth, rows = (1, 2) if bench.small else (12, 16)
    for dtype in ("float32", "mixed_bfloat16"):
        bench.line(
            f"train_on_batch BERT-base {dtype} {rows}x128",
            1.05,
            lambda dtype=dtype: bert_by_hand(depth, "", device, dtype, rows),
        )


def _torch_writing(bench: Bench, device: str) -> None:
    """64 tokens of a Llama of 135 million weights, and whether they are transformers'."""
    import tempfile

    from .benchmark_texts import PROMPT, SMOLLM2, TOKENS, generate

    small = {"vocab_size": 99, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    sizes = {**SMOLLM2, **small, "num_attention_heads": 4, "num_key_value_heads": 2}
    sizes = sizes if bench.small else SMOLLM2
    for rows in (1, 8):
        with tempfile.TemporaryDirectory() as scratch:

            def setup(rows=rows, scratch=scratch):
                ours, theirs = generate(rows, scratch, device=device, sizes=sizes)
                same = sum(map(list.__eq__, ours(), theirs().tolist()))
                print(f"  {same} of {rows} texts are transformers'", flush=True)
                return ours, theirs

            bench.line(f"{TOKENS} tokens after {PROMPT}, batch {rows}, float32", 0.5, setup)


# JAX --------------------------------------------------------------------------------------------


def _jax_lines(small: bool, until: float) -> None:
    import jax

    from ..framework.config import use_backend

    print(f"jax {jax.__version__} on {jax.devices()[0]}")
    bench = Bench(small, lambda: None, until)
    with use_backend("jax"):
        if importlib.util.find_spec("keras") is None:
            print("Keras is not installed: no networks of JAX are compared")
        else:
            rows = 1 if small else 32
            bench.line(
                f"ResNet-50 v1 float32 batch {rows}, jax", 1.0, lambda: _jax_resnet(bench, rows)
            )
        _certificate("jax", small)


def _jax_resnet(bench: Bench, rows: int) -> tuple[Work, Work]:
    """Ours against Keras's, both compiled, at the same precision."""
    import jax
    import keras

    from .. import applications
    from ..applications.resnet.family import KERAS_FORM

    side = 64 if bench.small else 224
    x = jax.numpy.asarray(bench.random.normal(size=(rows, side, side, 3)).astype("float32"))
    ours = applications.ResNetImageClassifier(**KERAS_FORM)
    peer = keras.applications.ResNet50(weights=None, input_shape=(side, side, 3), pooling=None)
    weights = [[v.value for v in variables] for variables in _variables(peer)]
    call = jax.jit(lambda t, n, x: peer.stateless_call(t, n, x, training=False)[0])

    def theirs():
        with jax.default_matmul_precision("highest"):
            return jax.block_until_ready(call(*weights, x))

    return lambda: jax.block_until_ready(ours.infer(x)), theirs


def _variables(model: Any) -> tuple[list[Any], list[Any]]:
    return model.trainable_variables, model.non_trainable_variables


# The numbers ------------------------------------------------------------------------------------


def _certificate(run: str, small: bool) -> None:
    """Prints what `verify` finds of networks with fresh weights in each precision."""
    from ..framework.config import use_backend
    from ..hub.parity import verify

    for make in (_convolutions, _bert, _resnet, _efficientnet):
        with use_backend("numpy"):
            net, inputs = make(small)
        try:
            report = verify(
                net,
                backends=[run, "numpy"],
                inputs=inputs,
                layers=False,
                precisions=["float32", "bfloat16_3x", "tf32"],
            )
            lines = report.table(layers=False).splitlines()
            print("\n".join(line for line in lines if " on " not in line), flush=True)
        except Exception as error:
            print(f"verify on {run}: {type(error).__name__}: {error}", flush=True)


def _convolutions(small: bool) -> tuple[Any, Any]:
    from ..framework import layers, models

    net = models.Sequential(
        [
            layers.Input((16, 16, 8)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.DepthwiseConv2D(3),
            layers.Conv2D(16, 1),
            layers.Flatten(),
            layers.Dense(64 if small else 512, activation="gelu"),
            layers.Dense(10),
        ]
    )
    return net, np.random.default_rng(1).normal(size=(4, 16, 16, 8)).astype(np.float32)


def _bert(small: bool) -> tuple[Any, Any]:
    from .. import nlp

    size = SMALL_BERT if small else BERT
    ids = np.random.default_rng(1).integers(0, size["vocabulary_size"], (2, 32))
    return nlp.BertBackbone(**size), {"token_ids": ids, "padding_mask": np.ones_like(ids)}


def _resnet(small: bool) -> tuple[Any, Any]:
    from .. import applications

    return applications.ResNetBackbone(), _images(32 if small else 96)


def _efficientnet(small: bool) -> tuple[Any, Any]:
    from .. import applications

    return applications.EfficientNetLiteBackbone(), _images(32 if small else 96)


def _images(side: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(1, side, side, 3)).astype(np.float32)


if __name__ == "__main__":
    sys.exit(main())
