"""Where YOLOv8's weights lie in published files."""

from __future__ import annotations

from dataclasses import replace

from ...applications.weight_map import torch_norm
from ...hub.transforms import conv2d, reshape
from ...hub.weight_map import Row, WeightMap
from .head import BINS

# Number of a module in ultralytics' files -> our path, by the kind of the module.
_CONVS = {
    0: "stem",
    **{2 * i + 1: f"stages.{i}.conv" for i in range(4)},
    16: "up_convs.0",
    19: "up_convs.1",
}
_BLOCKS = {
    **{2 * i + 2: f"stages.{i}.block" for i in range(4)},
    12: "down_blocks.0",
    15: "down_blocks.1",
    18: "up_blocks.0",
    21: "up_blocks.1",
}
_POOL, HEAD = 9, 22
FIRST_KEY, LAST_KEY = "model.0.conv.weight", f"model.{HEAD}.cv3.2.2.weight"


def _conv(theirs: str, ours: str) -> list[Row]:
    return [
        Row(f"{theirs}.conv.weight", f"{ours}.conv.kernel", conv2d),
        *torch_norm(f"{theirs}.bn", f"{ours}.norm"),
    ]


def ultralytics() -> WeightMap:
    """Builds the table for ultralytics' names, in safetensors and in pickled modules."""
    rows: list[Row] = []
    for number, ours in _CONVS.items():
        rows += _conv(f"{number}", ours)
    for number, ours in {**_BLOCKS, _POOL: "pool"}.items():
        rows += [*_conv(f"{number}.cv1", f"{ours}.enter"), *_conv(f"{number}.cv2", f"{ours}.leave")]
    for number, ours in _BLOCKS.items():
        for theirs, name in (("cv1", "first"), ("cv2", "second")):
            rows += _conv(f"{number}.m.{{i}}.{theirs}", f"{ours}.bottlenecks.{{i}}.{name}")
    head: list[Row] = []
    for theirs, name in (("cv2", "boxes"), ("cv3", "scores")):
        place, ours = f"{HEAD}.{theirs}.{{i}}", f"predictor.{name}.{{i}}"
        for index in range(2):
            head += _conv(f"{place}.{index}", f"{ours}.convs.{index}")
        head += [
            Row(f"{place}.2.weight", f"{ours}.output_conv.kernel", conv2d),
            Row(f"{place}.2.bias", f"{ours}.output_conv.bias"),
        ]
    bins = reshape((1, BINS, 1, 1), (BINS,))
    head.append(Row(f"{HEAD}.dfl.conv.weight", "predictor.distances", bins))
    # A backbone has none of these.
    rows += [replace(row, optional=True, head=True) if row.ours else row for row in head]
    return WeightMap(*rows, prefixes=("model.", "model.model.", ""))
