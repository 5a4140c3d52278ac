"""`quantize` of a model that computes a graph from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from ..core.layer import Layer
from ..core.scopes import deferred_initialization
from ..lora import adapted
from ..quantizers.settings import validate_and_resolve_config
from .few_bits import in_few_bits
from .ir import ForeignGraph
from .named_weights import NamedWeights, place_of
from .rewriting.net import OWN


class QuantizableGraph:
    """Mixed into ImportedModel."""

    name: str
    graph: Any
    touch: Any
    weights_by_path: Any
    _tracked: dict[str, Any]
    _add_weights: Any
    _forget: Any

    def quantize(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        mode: Any = None,
        config: Any = None,
        filters: Any = None,
        type_check: bool = True,
        **kwargs: Any,
    ) -> None:
        """Keeps matrices, kernels of convolutions and tables in 8 or 4 bits, and the graph says so.

        "int8": products with matrices are those of vectors rounded to 8 bits, unless the config has
        no `activation_quantizer`. Convolutions, and all products of "int4", compute with floats
        that are made of the levels at each call. A weight W becomes `W.levels`, `W.scale` and
        `W.zero`. Compile the model afterwards.

        Args:
            mode: "int8" or "int4"; that of `config` if None.
            config: an Int8QuantizationConfig or Int4QuantizationConfig; the mode's default if None.
            filters: which weights: a regular expression found in their names, several of which one
                is found, or a function of the name; all if None.
            type_check: taken as `Model.quantize` takes it, and passed over.
            **kwargs: no others; they are an error.

        Raises:
            ValueError: another mode or argument, a model with adapters, or no weight that fits.
        """
        if kwargs:
            raise ValueError(f"{self.name}.quantize does not take {', '.join(map(repr, kwargs))}.")
        config = validate_and_resolve_config(mode, config)
        if config.mode not in ("int8", "int4"):
            raise ValueError(
                f"{self.name}: a graph from outside is quantized by 'int8' or 'int4'; got "
                f"{config.mode!r}."
            )
        if next(adapted(cast(Layer, self)), None) is not None:
            raise ValueError(f"{self.name} has adapters: lora.merge(model) them first.")
        held = self.weights_by_path()
        graph, arrays = in_few_bits(
            self.graph, lambda name: held[name].numpy(), config, lambda n: _is_wanted(n, filters)
        )
        self._become(graph, arrays)

    @property
    def few_bits(self) -> tuple[str, ...]:
        """How weights of few bits are kept, as dtype policies are named; nothing where none are."""
        found = set()
        for node in self.graph.walk():
            about = node.attributes
            if node.domain == OWN and "bits" in about and "dtype" in about:
                block = f"/{about['block_size']}" if "block_size" in about else ""
                found.add(f"int{about['bits']}{block}_from_{about['dtype']}")
        return tuple(sorted(found))

    def _become(self, graph: ForeignGraph, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes another graph, whose weights are new variables, in the order in which a model of it
        has them; those that this graph has, too, keep their values."""
        before = {path: v for path, v in self.weights_by_path().items() if path in graph.weights}
        values = {path: variable.numpy() for path, variable in before.items()}
        for path in self.graph.weights:
            owner, name = place_of(cast(Layer, self), path)
            owner._forget(name)
        for name, part in [*self._tracked.items()]:
            if isinstance(part, NamedWeights):
                self._forget(name)
        others = [*self._tracked]  # a seed, what `compile` gave
        vars(self)["_ir"] = graph
        with deferred_initialization():
            self._add_weights()
        for name in others:
            self._tracked[name] = self._tracked.pop(name)
        held = self.weights_by_path()
        for path in graph.weights:
            variable = held[path]
            variable.assign(arrays[path] if path in arrays else values[path])
            if path in before:
                variable.trainable = before[path].trainable
        self.touch()


def _is_wanted(name: str, filters: Any) -> bool:
    """Whether the filters of `quantize` take a weight in."""
    if filters is None or callable(filters):
        return filters is None or bool(filters(name))
    return any(re.search(one, name) for one in ([filters] if isinstance(filters, str) else filters))
