"""The benchmark's lines of exported models: ours, and the program of the format with its file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]

# Format -> (the program, the name of the file, the ratio to hold). What runs the same operators is
# not to be quicker than we are; engines of their own may be.
FORMATS = {
    "torch": ("torch.export's program", "model.pt2", 1.0),
    "aoti": ("AOTInductor's package", "model.pt2", 1.3),
    "tf_saved_model": ("TensorFlow's SavedModel", "saved", 1.0),
    "stablehlo": ("JAX's program", "model.bin", 1.0),
    "litert": ("LiteRT", "model.tflite", 1.3),
    "onnx": ("onnxruntime", "model.onnx", 1.3),
    "openvino": ("OpenVINO", "model.xml", 1.5),
}
MODELS = ("MiniLM 8x64", "MobileNetV2 x8")


def _minilm(backend: str) -> tuple[Any, dict[str, np.ndarray]]:
    from ..framework.config import use_backend
    from ..nlp import BertTextEmbedder

    with use_backend(backend):
        model = BertTextEmbedder(
            vocabulary_size=30522,
            num_layers=6,
            num_heads=12,
            hidden_dim=384,
            intermediate_dim=1536,
            pooler=False,
        )
    ids = np.random.default_rng(0).integers(1, 30522, (8, 64)).astype("int32")
    return model, {"token_ids": ids, "padding_mask": np.ones_like(ids)}


def _mobilenet(backend: str) -> tuple[Any, dict[str, np.ndarray]]:
    from ..applications import MobileNetV2
    from ..framework.config import use_backend

    with use_backend(backend):
        model = MobileNetV2(weights=None)
    images = np.random.default_rng(0).normal(size=(8, 224, 224, 3)).astype("float32")
    return model, {"": images}


def setup(format: str, name: str, scratch: str) -> tuple[Work, Work]:
    """Returns our compiled call on the format's backend, and the program's call of the file."""
    from ..framework.exporting.formats import backend_of
    from ..framework.nested import map_structure
    from ..framework.ops import convert_to_numpy

    make = _minilm if name.startswith("MiniLM") else _mobilenet
    model, given = make(backend_of(format))
    folder = Path(scratch, f"{format}-{name.split()[0]}")
    folder.mkdir()
    path = folder / FORMATS[format][1]
    model.export(path, format=format, verbose=False)
    from .exported_runtimes import RUNTIMES, by_name

    program = RUNTIMES[format](str(path))
    inputs = given.get("", given)

    def ours() -> Any:
        return map_structure(convert_to_numpy, model.infer(inputs))

    return ours, lambda: by_name(program(given))
