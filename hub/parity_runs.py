"""The runs that `verify` compares: a backend, the device it is on, and its precision of float32."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ..framework import config
from ..framework.backends.registry import get as get_backend


@dataclass(frozen=True)
class Run:
    """One evaluation of a model.

    Attributes:
        backend: name of the backend.
        device: "cpu", "cuda", "gpu:1" and the like as it was asked for; None for where the backend
            puts things by itself.
        precision: of float32; see `isozoo.config.set_float32_precision`.
    """

    backend: str
    device: str | None
    precision: str

    @property
    def name(self) -> str:
        """What the run is called in reports: "jax", "torch:cuda", "torch:cuda tf32"."""
        place = "" if self.device is None else f":{self.device}"
        return f"{self.backend}{place}" + (
            "" if self.precision == "float32" else f" {self.precision}"
        )

    def copy_of(self, model: Any) -> Any:
        """Returns the model on the run's backend and device; itself where it is there already."""
        if self.device is None:
            return model if model.backend == self.backend else model.to_backend(self.backend)
        copy = model.to_backend(self.backend)
        get_backend(self.backend).move(copy, *_device(self.device))
        return copy

    def context(self) -> AbstractContextManager[None]:
        """Returns a context with the run's precision."""
        return config.use_float32_precision(self.precision)

    def describe(self, model: Any) -> dict[str, str]:
        """Returns what a certificate says of the run, with the device that was used."""
        return {
            "name": self.name,
            "backend": self.backend,
            "device": get_backend(self.backend).device_name(model.first_native()),
            "float32_precision": self.precision,
            **_few_bits(model),
        }


def _few_bits(model: Any) -> dict[str, str]:
    """The dtype policies of layers whose weights have few bits; nothing where none have."""
    layers = model._flatten_layers()
    quantized = (layer for layer in layers if layer.quantization_mode is not None)
    found = {layer.dtype_policy.name for layer in quantized if layer.variables}
    for layer in layers:  # of graphs, which say it themselves
        found |= {*getattr(layer, "few_bits", ())}
    named = sorted(found)
    return {"weights": ", ".join(named)} if named else {}


def _device(name: str) -> tuple[str, int | None]:
    kind, _, index = name.partition(":")
    if index and not index.isdigit():
        raise ValueError(f"A device is named like 'cpu', 'gpu' or 'cuda:1'; got {name!r}.")
    return kind, int(index) if index else None


def runs_of(backends: Iterable[str] | None, precisions: Iterable[str]) -> list[Run]:
    """Returns the runs of all backends (with devices, as "torch:cuda") in all precisions.

    Raises:
        ValueError: an unknown precision.
        TypeError: `backends` are no names.
    """
    names = list(backends) if backends is not None else list(config.available_backends())
    if isinstance(backends, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(
            "`backends` takes names, such as ['jax', 'torch']; got "
            f"{type(backends).__name__}. What the model is run on is `inputs`."
        )
    wanted = [config.checked_float32_precision(name) for name in precisions]
    made = []
    for name in names:
        backend, _, device = name.partition(":")
        made += [Run(backend, device or None, precision) for precision in wanted]
    return made
