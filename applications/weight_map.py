"""Rows of weight maps that image models share."""

from __future__ import annotations

from ..hub.weight_map import Row


def torch_norm(theirs: str, ours: str) -> list[Row]:
    """Returns the rows of one `torch.nn.BatchNorm2d`; its count of batches is dropped."""
    return [
        Row(f"{theirs}.weight", f"{ours}.gamma"),
        Row(f"{theirs}.bias", f"{ours}.beta"),
        Row(f"{theirs}.running_mean", f"{ours}.moving_mean"),
        Row(f"{theirs}.running_var", f"{ours}.moving_variance"),
        Row(f"{theirs}.num_batches_tracked", None),
    ]
