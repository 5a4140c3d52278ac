"""Lines of the benchmark for object detectors: one picture of 640x640.

Beside ultralytics' network we give boxes and scores, as it does; beside ONNX Runtime, which runs
our call, logits.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]
SIZE = 640
# The original (AGPL-3.0) where it is installed; else our own network as an ONNX graph.
ORIGINAL = importlib.util.find_spec("ultralytics") is not None
PEER, HOLD = ("ultralytics, fused", 1.0) if ORIGINAL else ("onnxruntime", 1.3)


def _ours(backend: str) -> Any:
    from ..cv import ObjectDetectorPreprocessor, YOLOv8ObjectDetector
    from ..framework.config import use_backend

    with use_backend(backend):
        model = YOLOv8ObjectDetector()
    model.preprocessor = ObjectDetectorPreprocessor(SIZE)
    return model


def _images() -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(1, SIZE, SIZE, 3)).astype("float32")


def yolov8n(scratch: str) -> tuple[Work, Work]:
    """Ours on torch beside the original's code, or beside onnxruntime."""
    import torch

    ours, images = _ours("torch"), _images()
    last = torch.from_numpy(images)
    if ORIGINAL:
        propose = ours.compiled_method("propose")
        from ultralytics.nn.tasks import DetectionModel  # pyright: ignore[reportMissingImports]

        peer = DetectionModel("yolov8n.yaml", verbose=False).eval().fuse(verbose=False)
        first = last.permute(0, 3, 1, 2).contiguous()

        def theirs() -> Any:
            with torch.inference_mode():
                return peer(first)[0]

        return lambda: propose(last), theirs
    import onnxruntime

    path = Path(scratch) / "yolov8n.onnx"
    ours.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: images}
    return lambda: ours.infer(last), lambda: session.run(None, inputs)


def yolov8n_beside_torch(backend: str, scratch: str) -> tuple[Work, Work]:
    """Ours on a backend beside ours on torch."""
    import torch

    images = _images()
    mine, peer = (_ours(name).compiled_method("propose") for name in (backend, "torch"))
    last = torch.from_numpy(images)
    # What is computed is waited for where it is read.
    return lambda: np.asarray(mine(images)[1]), lambda: peer(last)[1].numpy()
