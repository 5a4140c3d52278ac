"""Lines of the benchmark for ONNX files as models, beside onnxruntime with two threads."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]
THREADS, PEER, HOLD = 2, "onnxruntime", 1.3
# Name of the line -> the preset's file and the shape of its input, or what is exported.
OCR = {
    "PP-OCR detector 480x640": ("detector.onnx", (1, 3, 480, 640)),
    "PP-OCR recognizer 48x320": ("recognizer.onnx", (1, 3, 48, 320)),
}
NETS = {"ViT-S 224 as ONNX": 224, "YOLOv8n 640 as ONNX": 640}
LINES = (*OCR, *NETS)
FILE_BYTES, READ_LIMIT, MEMORY_LIMIT = 100_000_000, 3.0, 1.2


def _file(line: str, batch: int, scratch: str) -> tuple[Path, np.ndarray]:
    """The path of an ONNX file, and an input of it."""
    random = np.random.default_rng(0)
    if line in OCR:
        from ..hub import fetch_preset

        name, shape = OCR[line]
        path = fetch_preset("ppocr_v6_small").paths[name]
        return path, random.standard_normal((batch, *shape[1:])).astype("float32")
    size = NETS[line]
    path = Path(scratch) / f"{size}.onnx"
    if not path.exists():
        from ..framework.config import use_backend

        with use_backend("torch"):
            model = _made(line)
        model.export(path, format="onnx", verbose=False)
    return path, random.uniform(size=(batch, size, size, 3)).astype("float32")


def _made(line: str) -> Any:
    if "YOLO" in line:
        from ..cv import ObjectDetectorPreprocessor, YOLOv8ObjectDetector

        model = YOLOv8ObjectDetector()
        model.preprocessor = ObjectDetectorPreprocessor(NETS[line])
        return model
    from ..applications import ImageClassifierPreprocessor, ViTImageClassifier

    model = ViTImageClassifier(hidden_dim=384, num_heads=6, intermediate_dim=1536)
    model.preprocessor = ImageClassifierPreprocessor((NETS[line], NETS[line]))
    return model


def setup(line: str, backend: str, batch: int, scratch: str) -> tuple[Work, Work]:
    """Returns an imported graph's compiled call beside onnxruntime's."""
    import onnxruntime

    from ..hub import from_onnx

    path, x = _file(line, batch, scratch)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = THREADS, 4
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    inputs, model = {session.get_inputs()[0].name: x}, from_onnx(path, backend)

    def ours() -> Any:  # what is computed is waited for where it is read
        found = model.infer(x)
        return [np.asarray(y) for y in (found.values() if isinstance(found, dict) else [found])]

    return ours, lambda: session.run(None, inputs)


def large_file(scratch: str) -> Path:
    """A file of 100 MB: 25 products."""
    import onnx
    from onnx import helper, numpy_helper

    path = Path(scratch) / "large.onnx"
    if not path.exists():
        random = np.random.default_rng(0)
        tensors = [
            numpy_helper.from_array(random.standard_normal((1000, 1000), "float32"), f"w{n}")
            for n in range(FILE_BYTES // 4_000_000)
        ]
        names = ["x", *(f"y{n}" for n in range(len(tensors)))]
        nodes = [
            helper.make_node("MatMul", [names[n], f"w{n}"], [names[n + 1]])
            for n in range(len(tensors))
        ]
        values = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 1000])
            for name in (names[0], names[-1])
        ]
        graph = helper.make_graph(nodes, "large", values[:1], values[1:], tensors)
        opsets = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def reading(pairs: int, scratch: str) -> dict[str, list[float]]:
    """Returns seconds of importing a file of 100 MB on torch; the peer is the limit."""
    from ..hub import from_onnx

    path, times = large_file(scratch), []
    for _ in range(min(pairs, 5) + 1):
        start = time.perf_counter()
        from_onnx(path, "torch")
        times.append(time.perf_counter() - start)
    return {"ours": times[1:], "peer": [READ_LIMIT] * (len(times) - 1)}


MEMORY = """
import sys, isozoo, onnx, torch
from isozoo.framework.graphs import interpreter
isozoo.config.set_backend("torch"); isozoo.ops.zeros((1,)); interpreter.load_rules()
import isozoo.hub.graphs, google.protobuf
def resident(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) * 1024
before = resident("VmRSS:")
model = isozoo.from_onnx(sys.argv[1])
size = sum(p.numel() * p.element_size() for p in model.parameters())
print((resident("VmHWM:") - before) / size)
"""
