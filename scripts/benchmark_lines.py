"""The lines of the benchmark: how ours and the peer's work is set up.

`python -m isozoo.scripts.benchmark_lines NAME PAIRS SCRATCH` measures one line and prints JSON:
seconds (or megabytes) of ours and of the peer, pair by pair.
"""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from . import benchmark_boxes as boxes
from . import benchmark_diffusion as diffusion
from . import benchmark_exports as exports
from . import benchmark_graphs as graphs
from . import benchmark_masks as masks
from . import benchmark_nets as nets
from . import benchmark_steps as steps
from . import benchmark_texts as texts

Work = Callable[[], Any]
BERT_BASE = {
    "vocabulary_size": 30522,
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "intermediate_dim": 3072,
}
WHISPER_TINY_EN = {
    "vocabulary_size": 51864,
    "num_layers": 4,
    "num_heads": 6,
    "hidden_dim": 384,
    "intermediate_dim": 1536,
}
TOKENS = 64
SENTENCE = "A sentence to embed."


@dataclass(frozen=True)
class Line:
    """One line: what sets it up, whom it is compared with, and the ratio to hold."""

    peer: str
    hold: float
    setup: Callable[[str], tuple[Work, Work]] | None = None
    measure: Callable[[int, str], dict[str, list[float]]] | None = None
    backend: str = ""
    unit: str = "s"


_PAUSE = 0.05


def by_turns(ours: Work, peer: Work, pairs: int) -> dict[str, list[float]]:
    """Seconds of both, by turns, after two runs each that do not count."""
    for work in (ours, peer, ours, peer):
        work()
    gc.collect()
    gc.disable()
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    for pair in range(pairs):
        order = [("ours", ours), ("peer", peer)]
        for name, work in order if pair % 2 else reversed(order):
            # Threads of the one before (ONNX Runtime's, OpenMP's) wait busily for more work.
            time.sleep(_PAUSE)
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return times


# Processes -----------------------------------------------------------------------------------


def _child(program: str, *arguments: str) -> float:
    """The number that a program, run by a fresh Python, prints last."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return float(done.stdout.strip().splitlines()[-1])


_IMPORT = "import time; s = time.perf_counter(); import {0}; print(time.perf_counter() - s)"


def _imports(pairs: int, scratch: str) -> dict[str, list[float]]:
    return by_turns_of_children(
        partial(_child, _IMPORT.format("isozoo")), partial(_child, _IMPORT.format("numpy")), pairs
    )


def by_turns_of_children(
    ours: Callable[[], float], peer: Callable[[], float], pairs: int
) -> dict[str, list[float]]:
    """Like `by_turns`, for works that measure themselves."""
    ours(), peer()
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(pairs):
        times["ours"].append(ours())
        times["peer"].append(peer())
    return times


_OUR_EMBEDDING = """
import isozoo, sys
model = isozoo.from_preset("all_minilm_l6_v2", backend="torch")
print(model.embed([sys.argv[1]]).shape[1])
"""
_THEIR_EMBEDDING = """
import sys, torch
from transformers import AutoModel, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
model = AutoModel.from_pretrained(sys.argv[2])
with torch.inference_mode():
    batch = tokenizer([sys.argv[1]], padding=True, truncation=True, return_tensors="pt")
    x, mask = model(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
    x = torch.nn.functional.normalize((x * mask).sum(1) / mask.sum(1))
print(x.shape[1])
"""


def _first_embedding(pairs: int, scratch: str) -> dict[str, list[float]]:
    from ..hub import fetch_preset

    folder = str(fetch_preset("all_minilm_l6_v2").paths["config.json"].parent)

    def timed(program: str, *arguments: str) -> float:
        start = time.perf_counter()
        _child(program, *arguments)
        return time.perf_counter() - start

    return by_turns_of_children(
        partial(timed, _OUR_EMBEDDING, SENTENCE),
        partial(timed, _THEIR_EMBEDDING, SENTENCE, folder),
        min(pairs, 7),
    )


_MEMORY = """
def resident(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) * 1024
"""
_OUR_LOAD = (
    """
import sys, time, isozoo, torch
isozoo.config.set_backend("torch"); isozoo.ops.zeros((1,)); isozoo.list_presets()
import safetensors, isozoo.nlp.bert.backbone, isozoo.hub.weights
"""
    + _MEMORY
    + """
before = resident("VmRSS:")
start = time.perf_counter()
model = isozoo.nlp.BertBackbone.from_preset(sys.argv[1])
took = time.perf_counter() - start
touched = sum(float(p.detach().sum()) for p in model.parameters())
size = sum(p.numel() * p.element_size() for p in model.parameters())
print(took if sys.argv[2] == "time" else (resident("VmHWM:") - before) / size)
"""
)
_THEIR_LOAD = (
    """
import sys, time, torch
from transformers import BertModel
"""
    + _MEMORY
    + """
before = resident("VmRSS:")
start = time.perf_counter()
model = BertModel.from_pretrained(sys.argv[1])
took = time.perf_counter() - start
touched = sum(float(p.detach().sum()) for p in model.parameters())
size = sum(p.numel() * p.element_size() for p in model.parameters())
print(took if sys.argv[2] == "time" else (resident("VmHWM:") - before) / size)
"""
)


def _bert_folder(scratch: str) -> str:
    """A BERT of base size with random weights, saved as Hugging Face saves it."""
    folder = Path(scratch) / "bert-base"
    if not folder.exists():
        import transformers

        transformers.BertModel(transformers.BertConfig()).save_pretrained(folder)
    return str(folder)


def _load(what: str, pairs: int, scratch: str) -> dict[str, list[float]]:
    folder = _bert_folder(scratch)
    return by_turns_of_children(
        partial(_child, _OUR_LOAD, folder, what),
        partial(_child, _THEIR_LOAD, folder, what),
        min(pairs, 7),
    )


def _load_memory(pairs: int, scratch: str) -> dict[str, list[float]]:
    """Ours over the size of the weights themselves: the peer of this line is the number 1."""
    folder = _bert_folder(scratch)
    shares = [_child(_OUR_LOAD, folder, "memory") for _ in range(3)]
    return {"ours": shares, "peer": [1.0] * len(shares)}


def _graph_memory(pairs: int, scratch: str) -> dict[str, list[float]]:
    """Of a graph read on torch, over the size of its weights: the peer is the number 1."""
    path = str(graphs.large_file(scratch))
    shares = [_child(graphs.MEMORY, path) for _ in range(3)]
    return {"ours": shares, "peer": [1.0] * len(shares)}


# BERT ----------------------------------------------------------------------------------------


def _token_ids(batch: int, length: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1000, 30000, (batch, length))


def _bert_torch(batch: int, length: int, scratch: str) -> tuple[Work, Work]:
    import torch
    import transformers

    from .. import nlp
    from ..framework.config import use_backend

    ids = _token_ids(batch, length)
    with use_backend("torch"):
        ours = nlp.BertBackbone(**BERT_BASE)
    peer = transformers.BertModel(transformers.BertConfig()).eval()
    tokens = torch.from_numpy(ids)
    mask = torch.ones_like(tokens)

    def theirs():
        with torch.inference_mode():
            return peer(tokens, attention_mask=mask)

    inputs = {"token_ids": tokens, "segment_ids": torch.zeros_like(tokens), "padding_mask": mask}
    return lambda: ours.infer(inputs), theirs


def _bert_keras(backend: str, batch: int, length: int, scratch: str) -> tuple[Work, Work]:
    import keras_hub

    from .. import nlp
    from ..framework.config import use_backend

    with use_backend(backend):
        ours = nlp.BertBackbone(**BERT_BASE)
    peer = keras_hub.models.BertBackbone(**BERT_BASE)
    ids = _token_ids(batch, length).astype("int32")
    inputs = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": 0 * ids + 1}
    return lambda: ours.predict_on_batch(inputs), lambda: peer.predict_on_batch(inputs)


# ResNet --------------------------------------------------------------------------------------


def _images(batch: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(batch, 224, 224, 3)).astype("float32")


def _resnet_torch(batch: int, scratch: str) -> tuple[Work, Work]:
    import torch
    import transformers

    from .. import applications
    from ..framework.config import use_backend

    with use_backend("torch"):
        ours = applications.ResNetImageClassifier()
    config = transformers.ResNetConfig(num_labels=1000)
    peer = transformers.ResNetForImageClassification(config).eval()
    last = torch.from_numpy(_images(batch))
    first = last.permute(0, 3, 1, 2).contiguous()

    def theirs():
        with torch.inference_mode():
            return peer(first).logits

    return lambda: ours.infer(last), theirs


def _resnet_keras(backend: str, batch: int, scratch: str) -> tuple[Work, Work]:
    import keras

    from .. import applications
    from ..applications.resnet.family import KERAS_FORM
    from ..framework.config import use_backend

    with use_backend(backend):
        ours = applications.ResNetImageClassifier(**KERAS_FORM)
    peer = keras.applications.ResNet50(weights=None)
    images = _images(batch)
    return lambda: ours.predict_on_batch(images), lambda: peer.predict_on_batch(images)


# Whisper -------------------------------------------------------------------------------------


def _whisper_pair(scratch: str) -> tuple[Any, Any]:
    """Ours and transformers' Whisper tiny.en on torch, with the same trained weights."""
    import transformers

    from ..hub import export, load_preset
    from ..nlp.whisper.weight_map import huggingface

    ours = load_preset("whisper_tiny_en", backend="torch")
    config = transformers.WhisperConfig(
        vocab_size=51864, d_model=384, encoder_layers=4, decoder_layers=4,
        encoder_attention_heads=6, decoder_attention_heads=6, encoder_ffn_dim=1536,
        decoder_ffn_dim=1536, bos_token_id=50256, eos_token_id=50256, pad_token_id=50256,
        decoder_start_token_id=50257, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    folder = Path(scratch) / "whisper"
    config.save_pretrained(folder)
    weights = ours.backbone.weights_by_path()
    export(weights, huggingface(), folder / "model.safetensors", metadata={"format": "pt"})
    peer = transformers.WhisperForConditionalGeneration.from_pretrained(folder)
    return ours, peer.eval()


def _features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, 3000, 80)).astype("float32")


def _whisper_encoder(scratch: str) -> tuple[Work, Work]:
    import torch

    ours, peer = _whisper_pair(scratch)
    last = torch.from_numpy(_features())
    first = last.permute(0, 2, 1).contiguous()
    encode = ours.backbone.compiled_method("encoder")

    def theirs():
        with torch.inference_mode():
            return peer.model.encoder(first)

    return lambda: encode(last), theirs


def _whisper_tokens(scratch: str) -> tuple[Work, Work]:
    import torch

    ours, peer = _whisper_pair(scratch)
    last = torch.from_numpy(_features())
    first = last.permute(0, 2, 1).contiguous()

    def theirs():
        with torch.inference_mode():
            return peer.generate(first, max_new_tokens=TOKENS, min_new_tokens=TOKENS)

    def decode():
        step = ours.begin(last.numpy())
        tokens = np.array([[50257]])
        for _ in range(TOKENS):
            tokens = step(tokens).argmax(-1)[:, None]

    return decode, theirs


def _whisper_keras(backend: str, scratch: str) -> tuple[Work, Work]:
    import keras_hub

    from .. import nlp
    from ..framework.config import use_backend

    with use_backend(backend):
        ours = nlp.WhisperBackbone(**WHISPER_TINY_EN)
    peer = keras_hub.models.WhisperBackbone(**WHISPER_TINY_EN)
    ids = np.random.default_rng(0).integers(0, 50000, (1, TOKENS)).astype("int32")
    features = _features()
    inputs = {"encoder_features": features, "decoder_token_ids": ids}
    theirs = {**inputs, "decoder_padding_mask": 0 * ids + 1}
    return lambda: ours.predict_on_batch(inputs), lambda: peer.predict_on_batch(theirs)


def _lines() -> dict[str, Line]:
    hub, keras, torch = "KerasHub, predict_on_batch", "Keras, predict_on_batch", "transformers"
    lines = {
        "import": Line("import numpy", 2.0, measure=_imports),
        "first MiniLM embedding, torch": Line(torch, 0.6, measure=_first_embedding),
        "load BERT-base, torch": Line(torch, 0.7, measure=partial(_load, "time")),
        "load BERT-base, memory, torch": Line(
            "the weights' size", 1.15, measure=_load_memory, unit="times"
        ),
    }
    for batch, length in ((1, 16), (8, 128)):
        name = f"BERT-base {batch}x{length}"
        lines[f"{name}, torch"] = Line(torch, 1.0, partial(_bert_torch, batch, length))
        for b in ("jax", "tensorflow"):
            setup = partial(_bert_keras, b, batch, length)
            lines[f"{name}, {b}"] = Line(hub, 1.0, setup, backend=b)
    for batch in (1, 8):
        lines[f"ResNet-50 x{batch}, torch"] = Line(torch, 1.0, partial(_resnet_torch, batch))
        for b in ("jax", "tensorflow"):
            setup = partial(_resnet_keras, b, batch)
            lines[f"ResNet-50 x{batch}, {b}"] = Line(keras, 1.0, setup, backend=b)
    for net in nets.NETS:
        for b in ("torch", "jax", "tensorflow"):
            for batch in nets.BATCHES:
                setup = partial(nets.setup, net, b, batch)
                of_keras = b if nets.keras_runs(net, b) else ""
                lines[f"net {net} x{batch}, {b}"] = Line(
                    nets.peer_name(net, b), 1.0, setup, backend=of_keras
                )
        lines[f"net {net}, build"] = Line("one second", 1.0, measure=partial(nets.building, net))
    lines["YOLOv8n 640, torch"] = Line(boxes.PEER, boxes.HOLD, boxes.yolov8n)
    for b in ("jax", "tensorflow"):
        setup = partial(boxes.yolov8n_beside_torch, b)
        lines[f"YOLOv8n 640, {b}"] = Line("ours on torch", 1.2, setup, backend=b)
    lines["Whisper encoder 30 s, torch"] = Line(torch, 1.0, _whisper_encoder)
    lines[f"Whisper {TOKENS} tokens, torch"] = Line(torch, 1.0, _whisper_tokens)
    for b in ("jax", "tensorflow"):
        lines[f"Whisper 30 s + {TOKENS}, {b}"] = Line(
            hub, 1.0, partial(_whisper_keras, b), backend=b
        )
    lines["sam_vit_base encoder, torch"] = Line(torch, 1.0, masks.encoder_torch)
    lines["sam_vit_base decoder, torch"] = Line(torch, 1.0, masks.decoder_torch)
    for b in ("jax", "tensorflow"):
        setup = partial(masks.encoder_keras, b)
        lines[f"sam_vit_base encoder, {b}"] = Line(hub, 1.0, setup, backend=b)
    for batch in (1, 8):
        setup = partial(texts.generate, batch)
        lines[f"generate {texts.TOKENS} tokens x{batch}, torch"] = Line(torch, 1.0, setup)
        setup = partial(texts.generate, batch, int8=True)
        lines[f"generate {texts.TOKENS} tokens x{batch}, int8, torch"] = Line(torch, 0.5, setup)
    for width in diffusion.WIDTHS:
        name = f"sd unet 64x64{width}"
        lines[f"{name}, torch"] = Line("diffusers", 1.0, partial(diffusion.unet_torch, width))
        for b in ("jax", "tensorflow"):
            setup = partial(diffusion.unet_elsewhere, b, width)
            lines[f"{name}, {b}"] = Line("ours on torch", 1.2, setup)
    lines["CLIP ViT-B/32 images x8, torch"] = Line(torch, 1.0, diffusion.clip_images)
    for name in graphs.LINES:
        for b in ("torch", "jax"):
            for batch in (1, 8) if name in graphs.NETS else (1,):
                lines[f"{name} x{batch}, {b}"] = Line(
                    graphs.PEER, graphs.HOLD, partial(graphs.setup, name, b, batch)
                )
    for format, (peer, _, hold) in exports.FORMATS.items():
        for name in exports.MODELS:
            setup = partial(exports.setup, format, name)
            lines[f"export {format}, {name}"] = Line(peer, hold, setup)
    lines["import ONNX of 100 MB"] = Line("three seconds", 1.0, measure=graphs.reading)
    lines["import ONNX of 100 MB, memory"] = Line(
        "the weights' size", graphs.MEMORY_LIMIT, measure=_graph_memory, unit="times"
    )
    fit, step, hand = "Keras, fit", "Keras, train_on_batch", "a loop in torch"
    for b, fast, slow in (("jax", 0.67, 1.0), ("tensorflow", 0.67, 1.0), ("torch", 0.5, 0.8)):
        lines[f"train MLP, 200 steps, {b}"] = Line(fit, fast, partial(steps.mlp, b), backend=b)
        lines[f"train ResNet-50 x8, {b}"] = Line(step, slow, partial(steps.resnet, b), backend=b)
        lines[f"train BERT 4 layers 8x128, {b}"] = Line(
            step, slow, partial(steps.bert, b, 4), backend=b
        )
    lines["train MLP, 200 steps, by hand"] = Line(hand, 1.05, steps.mlp_by_hand)
    lines["train ResNet-50 x8, by hand"] = Line(hand, 1.05, steps.resnet_by_hand)
    lines["train BERT 4 layers, by hand"] = Line(hand, 1.05, partial(steps.bert_by_hand, 4))
    return lines


LINES = _lines()


def main(argv: list[str]) -> int:
    """Measure one line and print it as JSON."""
    name, pairs, scratch = argv
    line = LINES[name]
    if line.measure is not None:
        result = line.measure(int(pairs), scratch)
    else:
        assert line.setup is not None
        result = by_turns(*line.setup(scratch), int(pairs))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
