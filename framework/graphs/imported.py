"""A foreign graph as a model: its weights are variables under the names of their origin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import dtype_policies, dtypes
from ..configs import deserialize
from ..core.layer import Layer
from ..core.variable import Variable
from ..core.views import KeepsViews
from ..models import Model
from ..ops import cast
from ..random import SeedGenerator, uniform
from .calls import Narrow
from .deciding import call_for_numbers
from .errors import GraphError
from .fitting import fitting, names_of
from .interpreter import Program, Run, native
from .ir import ForeignGraph, Node, Weight, numpy_dtype
from .kernels import kernels
from .named_weights import NamedWeights, views_of
from .narrow import carrier_of, from_carrier, is_narrow, narrow_array
from .quantizing import QuantizableGraph
from .rewriting import rewritten

_SEEDS = "seed_generator"


class ImportedModel(QuantizableGraph, KeepsViews, Model):
    """A model that computes a graph from outside, such as one that an ONNX file describes.

    It is called with one tensor, with several in the order of the graph's inputs, or with a dict
    by their names; one output comes as a tensor, several as a dict by name.

    Args:
        graph: the graph, or what `ForeignGraph.to_json` gives of one.
        name: its name; made from the class's name if None.
        **kwargs: see Layer. A `dtype` is that of the weights that are of the graph's own float
            dtype, and of what is computed with them.

    Raises:
        GraphError: the graph cannot be run; UnknownOperatorError where operators have no rule.
    """

    _ir: ForeignGraph
    _base: str
    autocast = False  # the graph says in which dtype it takes its inputs
    records_on_cpus = True  # between small kernels the interpreter takes its time

    def __init__(self, graph: Any, name: str | None = None, **kwargs: Any) -> None:
        if not isinstance(graph, ForeignGraph):
            graph = ForeignGraph.from_json(graph)
        base = _base_dtype(graph)
        kwargs.setdefault("dtype", base)
        kwargs["autocast"] = False
        super().__init__(name=name, **kwargs)
        program = Program(graph)
        vars(self).update(_ir=graph, _base=base, _views={})
        self._cache["program", ()] = program
        self._add_weights()
        if any(node.op in _DRAWS for node in graph.walk()):
            self.register(_SEEDS, SeedGenerator())
        self.built = True

    def _add_weights(self) -> None:
        """Makes a variable for each weight of the graph, without values where that is deferred."""
        weights, kinds = self.graph.weights, kernels(self.graph)
        parts = {p[:n] for p in weights for n, c in enumerate(p) if c == "."}
        for path, weight in weights.items():
            self._keep(path, self._variable(path, weight, kinds.get(path)), path in parts)

    def _variable(self, path: str, weight: Weight, kind: str | None) -> Variable:
        dtype = carrier_of(weight.dtype)
        if weight.dtype == self._base:
            dtype = self.variable_dtype
        floats = dtype in dtypes.FLOATS and len(weight.shape) > 1
        return self.add_weight(
            weight.shape,
            "glorot_uniform" if floats else "zeros",
            dtype,
            weight.trainable and dtype in dtypes.FLOATS,
            name=path.replace("/", "_"),  # its path has the slashes, which a name cannot have
            memory_format=kind,
        )

    def _keep(self, path: str, variable: Variable, begins_others: bool) -> None:
        """Registers a weight under its name; names with dots are those of parts of parts.

        On torch a module's own weights have no dots in their names, or no state would load.
        """
        *above, name = path.split(".")
        owner: Layer = self
        if all((*above, name)) and not begins_others:
            for part in above:
                held = owner._tracked.get(part)
                if held is None:
                    held = NamedWeights()
                    owner.register(part, held)
                if not isinstance(held, NamedWeights):
                    owner, name = self, path  # a weight has the name of a part of another's
                    break
                owner = held
        else:
            name = path
        owner.register(name, variable)

    def _held(self) -> dict[str, Any]:
        """The weights by their names, or what stands in their places."""
        found = self._cache.get("held")
        if found is None:
            found = self._cache["held"] = {**self.weights_by_path(), **views_of(self)}
        return found

    @property
    def graph(self) -> ForeignGraph:
        """The graph, as data."""
        return self._ir

    def load_arrays(self, arrays: Mapping[str, np.ndarray], release: bool = False) -> None:
        """Assigns the weights, given by name in the graph's own dtypes.

        Args:
            arrays: name -> array.
            release: whether each is taken out of `arrays`, a dict, once it is assigned, so that
                what a framework copies is not held twice.

        Raises:
            GraphError: a weight is missing.
            ValueError: one of another shape.
        """
        for path, weight in self.graph.weights.items():
            if path not in arrays:
                raise GraphError(f"the weight {path!r} of the graph has no values")
            array = arrays.pop(path) if release and isinstance(arrays, dict) else arrays[path]
            self._held()[path].assign(narrow_array(array, weight.dtype))

    # Calls ------------------------------------------------------------------------------------

    def call(self, inputs: Any, *others: Any, training: bool = False) -> Any:
        """Computes the graph.

        Args:
            inputs: a tensor, or a dict by the names of the graph's inputs, or a list of them.
            *others: further inputs, in the graph's order.
            training: whether the statistics of batches are used, and units dropped.

        Raises:
            GraphError: inputs that the graph does not have, or that do not fit it.
        """
        return self._outputs(self._run(inputs, others, training, ()))

    def call_fixed(self, inputs: Any, fixed: Mapping[str, np.ndarray]) -> Any:
        """Computes the graph with numbers of the host for some inputs; see `FixedCall`.

        Args:
            inputs: the others, in a dict by their names.
            fixed: name -> array, in the dtype of the graph.
        """
        return self._outputs(self._run(inputs, (), False, (), fixed))

    def _outputs(self, run: Run) -> Any:
        outputs = [native(x) for x in run.outputs()]
        named = [value.name for value in self.graph.outputs]
        return outputs[0] if len(outputs) == 1 else dict(zip(named, outputs, strict=True))

    def _run_compiled(
        self, method: Any, args: tuple, kwargs: dict[str, Any], consumed: tuple[int, ...] = ()
    ) -> Any:
        if method is None and self._backend.compiles and args and not kwargs:
            method, args = call_for_numbers(self, args)
        return super()._run_compiled(method, args, kwargs, consumed)

    def _native_input(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):  # of numbers of a few bits those that stand for them
            x = narrow_array(x, x.dtype.name)
        return super()._native_input(x)

    def features(self, inputs: Any, at: str | Iterable[str]) -> Any:
        """Returns values inside the graph by their names, computed by the uncompiled call.

        Args:
            inputs: as in a call, several in a list or dict.
            at: one name, whose value is returned, or several, for a dict.

        Raises:
            GraphError: the graph has no value of a name.
        """
        names = (at,) if isinstance(at, str) else tuple(at)
        known = {name for node in self.graph.nodes for name in node.outputs}
        known |= {value.name for value in self.graph.inputs}
        for name in names:
            if name not in known:
                raise GraphError(f"the graph has no value {name!r}; see model.summary()")
        found = self.run_inside(self._features, (inputs, names), {})
        return found[0] if isinstance(at, str) else dict(zip(names, found, strict=True))

    def _features(self, inputs: Any, names: tuple[str, ...]) -> list[Any]:
        run = self._run(inputs, (), False, names)
        run.outputs()
        return [native(run.values[name]) for name in names]

    def _run(
        self,
        inputs: Any,
        others: Any,
        training: bool,
        kept: tuple[str, ...],
        fixed: Mapping[str, np.ndarray] | None = None,
    ) -> Run:
        # Values inside are those of the file, and training changes statistics.
        key = ("program", kept) if kept or training else ("program", "inference")
        program = self._cache.get(key)
        if program is None:
            graph = self.graph if kept or training else rewritten(self.graph)
            program = self._cache[key] = Program(graph, kept)
        kinds = self._dtypes()
        values = {**self._constants(), **self._given(inputs, others, kinds, fixed or {})}
        for path, weight in self.graph.weights.items():
            values[path] = self._weight(path, weight)
        return Run(program, self._backend, values, kinds, training, self)

    def _weight(self, path: str, weight: Weight) -> Any:
        value = self._held()[path]
        if is_narrow(weight.dtype):
            return from_carrier(value.value, weight.dtype)
        return self._backend.read(value.value) if isinstance(value, Variable) else value.value

    def _dtypes(self) -> dict[str, str]:
        """Dtype in the graph -> dtype in which the model computes it."""
        compute = self._policy.compute_dtype
        return {} if compute == self._base else {self._base: compute}

    def _constants(self) -> dict[str, Any]:
        found = self._cache.get("constants")
        if found is None:
            kinds = self._dtypes()
            found = self._cache["constants"] = {
                name: _constant(array, kinds) for name, array in self.graph.constants.items()
            }
        return found

    def by_name(self, inputs: Any, others: Any) -> dict[str, Any]:
        """Returns what a call is given, by the names of the inputs. GraphError for others."""
        wanted = self.graph.inputs
        if isinstance(inputs, Mapping) and not others:
            unknown = [name for name in inputs if name not in {value.name for value in wanted}]
            if unknown:
                raise GraphError(
                    f"{self.name} has no input {unknown[0]!r}; it has {names_of(wanted)}"
                )
            return dict(inputs)
        several = isinstance(inputs, list | tuple) and not others
        lone = len(wanted) == 1 and wanted[0].kind == "sequence"
        parts = [*inputs] if several and not lone else [inputs, *others]
        if len(parts) > len(wanted):
            raise GraphError(
                f"{self.name} takes {len(wanted)} inputs, {names_of(wanted)}; it got {len(parts)}"
            )
        return {value.name: x for value, x in zip(wanted, parts, strict=False)}

    def _given(
        self,
        inputs: Any,
        others: Any,
        kinds: Mapping[str, str],
        fixed: Mapping[str, np.ndarray],
    ) -> dict[str, Any]:
        """The inputs by name, in the graph's dtypes."""
        wanted = [value for value in self.graph.inputs if value.name not in fixed]
        given = self.by_name(inputs, others)
        missing = [v.name for v in wanted if given.get(v.name) is None and v.kind != "optional"]
        if missing:
            raise GraphError(
                f"{self.name} lacks the input {missing[0]!r}; it has {names_of(self.graph.inputs)}"
            )
        found = {v.name: fitting(self, v, given.get(v.name), kinds) for v in wanted}
        return {**found, **fixed}

    # What operators ask of the model ----------------------------------------------------------

    def assign_weight(self, path: str, value: Any) -> None:
        """Replaces the values of a weight, such as a running mean; of a constant, does nothing."""
        held = self._held().get(path)
        if isinstance(held, Variable):
            held.assign(cast(value, held.dtype))

    def trains_weights(self, names: Iterable[str]) -> bool:
        """Tells whether training changes any of the weights; of no names, the model's `trainable`.

        What is no weight of the model, such as a result of a node, counts as one that trains.
        """
        held = [self._held()[name] if name in self.graph.weights else None for name in names]
        if not held:
            return bool(self.trainable)
        return any(x is None or (isinstance(x, Variable) and x.trainable) for x in held)

    def draw_uniform(self, shape: Any) -> Any:
        """Returns draws from [0, 1), other ones at each call."""
        return uniform(tuple(shape), seed=self._tracked[_SEEDS])

    # Configs ----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the graph as plain values, with the model's name and dtype."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self.dtype_policy),
            "graph": self.graph.to_json(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Makes a model from what `get_config` gives."""
        given = {name: deserialize(x) for name, x in config.items() if name != "graph"}
        return cls(graph=ForeignGraph.from_json(config.get("graph")), **given)

    def export_signature(self) -> list[Any] | None:
        """Returns the specification of the input, or of several in a dict by their names.

        None where the graph does not tell ranks and dtypes. Sizes that it leaves free are open.
        """
        from ..core.input_spec import InputSpec

        specs = {}
        for value in self.graph.inputs:
            if value.dtype is None or value.shape is None or value.kind != "tensor":
                return None
            dtype = self._dtypes().get(value.dtype, value.dtype)
            shape = tuple(n if isinstance(n, int) else None for n in value.shape)
            specs[value.name] = InputSpec(dtype, shape, name=value.name)
        return [*specs.values()] if len(specs) == 1 else [specs]

    # Tables -----------------------------------------------------------------------------------

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Prints the nodes of the graph: operator, outputs, and the weights that each takes.

        Args:
            *args: taken as `Model.summary` takes them, and passed over.
            **kwargs: `print_fn`, which takes the text in the place of standard output.
        """
        tell = kwargs.get("print_fn") or print
        tell("\n".join(_table(self.name, self.graph, self.count_params())))


# What draws at random.
_DRAWS = frozenset(
    "Dropout Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform "
    "RandomUniformLike dropout rand".split()
)


def _base_dtype(graph: ForeignGraph) -> str:
    """The float dtype that most numbers of the weights have, else that of the inputs."""
    counts: dict[str, int] = {}
    for weight in graph.weights.values():
        if weight.dtype in dtypes.FLOATS:
            counts[weight.dtype] = counts.get(weight.dtype, 0) + math.prod(weight.shape)
    for value in graph.inputs:
        if not counts and value.dtype in dtypes.FLOATS:
            return value.dtype
    return max(counts, key=lambda name: counts[name]) if counts else "float32"


def _constant(array: np.ndarray, kinds: Mapping[str, str]) -> Any:
    name = array.dtype.name
    if is_narrow(name):
        return Narrow(narrow_array(array, name), name)
    if name in kinds:
        return np.asarray(array, numpy_dtype(kinds[name]))
    return array


def _table(name: str, graph: ForeignGraph, count: int) -> list[str]:
    rows = [("node", "operator", "gives", "weights")]
    for node in graph.nodes:
        rows.append(_row(node, graph))
    widths = [min(max(len(row[n]) for row in rows), 60) for n in range(4)]
    lines = [f"Model: {name!r}"]
    lines += [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    shown = ", ".join(f"{v.name} {list(v.shape or ())} {v.dtype}" for v in graph.inputs)
    return [*lines, f"Inputs: {shown}", f"Parameters: {count:,}"]


def _row(node: Node, graph: ForeignGraph) -> tuple[str, str, str, str]:
    held = [f"{n} {list(graph.weights[n].shape)}" for n in node.inputs if n in graph.weights]
    outputs = ", ".join(name for name in node.outputs if name)
    return node.name, node.title.partition(" ")[0], outputs, ", ".join(held)
