"""Runs a foreign graph: nodes in order, values by name, each let go of after its last use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..backends import registry as backends
from ..ops import convert_to_tensor
from ..ops.flat import running
from . import formulas
from .alike import check_dtypes
from .calls import MOST_ON_HOST, Call, Narrow
from .errors import GraphError, UnknownOperatorError
from .ir import ForeignGraph, Node
from .registry import RULES, Rule
from .rules import load_rules


class Step(NamedTuple):
    """A node that is ready to run: its rule, and the names of values that nobody needs after it."""

    node: Node
    rule: Rule
    freed: tuple[str, ...]


def rule_of(node: Node) -> Rule | None:
    """Returns the rule of a node's operator; None if there is none."""
    load_rules()
    return RULES.get((node.domain, node.op))


def check_operators(graph: ForeignGraph) -> None:
    """Raises UnknownOperatorError, which names all operators that have no rule, and their nodes."""
    missing: dict[tuple[str, str], list[str]] = {}
    for number, node in enumerate(graph.walk()):
        if rule_of(node) is None:
            place = node.name or next((name for name in node.outputs if name), f"#{number}")
            missing.setdefault((node.domain, node.op), []).append(place)
    if missing:
        raise UnknownOperatorError(missing)


class Program:
    """The steps of a graph, and those of the graphs inside its nodes when they are asked for."""

    def __init__(self, graph: ForeignGraph, kept: Sequence[str] = ()) -> None:
        """
        Args:
            graph: what is run.
            kept: names of values that are wanted beside the outputs.
        """
        check_operators(graph)
        self.graph = graph
        self.checked = graph.origin == "torch"
        self._inner: dict[int, Program] = {}
        last: dict[str, int] = {}
        for number, node in enumerate(graph.nodes):
            for name in (*node.inputs, *node.outputs):
                last[name] = number
            for _, inner in node.graphs():
                for name in inner.free_names():
                    last[name] = number
        for name in (*(value.name for value in graph.outputs), *kept, ""):
            last.pop(name, None)
        made_here = {value.name for value in graph.inputs}
        made_here |= {name for node in graph.nodes for name in node.outputs}
        freed: dict[int, list[str]] = {}
        for name, number in last.items():
            if name in made_here:  # what is around the graph is not its own to let go of
                freed.setdefault(number, []).append(name)
        self.steps = []
        for number, node in enumerate(graph.nodes):
            found = rule_of(node)
            assert found is not None
            self.steps.append(Step(node, found, tuple(freed.get(number, ()))))

    def inner(self, graph: ForeignGraph) -> Program:
        """Returns the program of a graph inside."""
        found = self._inner.get(id(graph))
        if found is None:
            found = self._inner[id(graph)] = Program(graph)
        return found


class Run:
    """One evaluation of a program.

    Args:
        program: what runs.
        backend: where it runs.
        values: name -> constant, weight or input.
        dtypes: dtype in the graph -> dtype in which the model computes it, where they differ.
        training: whether the model trains.
        model: what `state` is asked of: whoever keeps what operators change from call to call.
    """

    def __init__(
        self,
        program: Program,
        backend: Any,
        values: Mapping[str, Any],
        dtypes: Mapping[str, str] | None = None,
        training: bool = False,
        model: Any = None,
    ) -> None:
        self.program, self.backend = program, backend
        self.values = dict(values)
        self.dtypes = dtypes or {}
        self.training, self.model = training, model

    def outputs(self) -> list[Any]:
        """Returns the outputs of the graph, in its order."""
        for step in self.program.steps:
            self._do(step)
        self.program.checked = True  # dtypes are the same at each call
        return [self.look_up(value.name) for value in self.program.graph.outputs]

    def nested(self, graph: ForeignGraph, inputs: Sequence[Any]) -> list[Any]:
        """Returns the outputs of a graph inside, which sees the values around it."""
        if len(inputs) > len(graph.inputs):
            raise GraphError(
                f"the graph {graph.name!r} takes {len(graph.inputs)} inputs; it gets {len(inputs)}"
            )
        program = self.program.inner(graph)
        run = Run(program, self.backend, self.values, self.dtypes, self.training, self.model)
        for value, x in zip(graph.inputs, inputs, strict=False):
            run.values[value.name] = np.asarray(x) if isinstance(x, np.generic) else x
        return run.outputs()

    def look_up(self, name: str) -> Any:
        """Returns a value by name; None for the name "". GraphError if there is none."""
        if not name:
            return None
        try:
            return self.values[name]
        except KeyError:
            raise GraphError(f"no node and no input gives the value {name!r}") from None

    def assign(self, name: str, value: Any) -> None:
        """Replaces a weight of the model, such as a running mean."""
        if self.model is not None:
            self.model.assign_weight(name, value)

    def trains(self, names: Sequence[str]) -> bool:
        """Tells whether training changes any of the weights; without names, whether any at all."""
        return self.model is None or self.model.trains_weights(names)

    def draw(self, call: Call, shape: Any) -> Any:
        """Returns draws from [0, 1). GraphError where no model is there to remember the last."""
        if self.model is None:
            raise call.wrong("it draws at random, which a graph alone cannot")
        return self.model.draw_uniform(shape)

    def _do(self, step: Step) -> None:
        node = step.node
        inputs = [self.look_up(name) for name in node.inputs]
        call = Call(node, self)
        try:
            if not self.program.checked:
                check_dtypes(call, inputs)
            found = self._computed(call, step.rule, inputs)
        except GraphError:
            raise
        except (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError) as error:
            raise call.wrong(f"{_first_line(error)} (inputs: {described(inputs)})") from error
        if not isinstance(found, tuple):
            found = (found,)
        for name, value in zip(node.outputs, found, strict=False):
            if name:
                self.values[name] = np.asarray(value) if isinstance(value, np.generic) else value
        for name in step.freed:
            self.values.pop(name, None)

    def _computed(self, call: Call, rule: Rule, inputs: list[Any]) -> Any:
        """What a rule gives: computed on the host where all numbers are known there."""
        if any(formulas.is_formula(x) for x in inputs) and not rule.numbers:
            found = formulas.computed(call, inputs)
            if found is not NotImplemented:
                return found
            inputs = [formulas.as_tensor(x) if formulas.is_formula(x) else x for x in inputs]
        count = None if rule.count is None else rule.count(call, *inputs)
        call.limit(count)
        if rule.moves and not rule.absorbs and isinstance(inputs[0], Narrow):
            return _moved(call, rule, inputs)
        if self._on_host(rule, inputs, count):
            with running(backends.get("numpy")):
                return rule.function(call, *inputs)
        return rule.function(call, *inputs)

    def _on_host(self, rule: Rule, inputs: list[Any], count: int | None) -> bool:
        if self.backend.hosts or not rule.pure or (count or 0) > MOST_ON_HOST:
            return False
        known = [x for x in inputs if x is not None]
        if not all(type(x) is np.ndarray and x.size <= MOST_ON_HOST for x in known):
            return False
        return bool(known) or rule.count is not None


def _moved(call: Call, rule: Rule, inputs: list[Any]) -> Any:
    """Elements of a narrow dtype, moved as those that stand for them."""
    dtype = inputs[0].dtype
    plain = [x.values if isinstance(x, Narrow) else x for x in inputs]
    found = rule.function(call, *plain)
    if isinstance(found, tuple):
        return tuple(Narrow(x, dtype) for x in found)
    return Narrow(found, dtype)


def described(inputs: Sequence[Any]) -> str:
    """Returns dtypes and shapes of values, for messages."""
    return ", ".join(_described(x) for x in inputs[:8])


def _described(x: Any) -> str:
    if x is None:
        return "none"
    if isinstance(x, list):
        return f"a sequence of {len(x)}"
    if isinstance(x, Narrow):
        return f"{x.dtype} {list(x.values.shape)}"
    return f"{str(getattr(x, 'dtype', type(x).__name__)).removeprefix('torch.')} {_sizes(x)}"


def _sizes(x: Any) -> str:
    try:
        return str([n if isinstance(n, int) else "?" for n in x.shape])
    except (TypeError, ValueError, AttributeError):
        return "[?]"


def _first_line(error: Exception) -> str:
    text = str(error).strip().split("\n", 1)[0]
    return text if len(text) <= 300 else f"{text[:300]}…"


def native(x: Any) -> Any:
    """Returns a value as the outside gets it: tensors for arrays of the host.

    Text stays an array, a sequence a list; narrow numbers stay an array of ml_dtypes' where the
    host has them, else they come in the dtype that stands for them.
    """
    if isinstance(x, list | tuple) and not isinstance(x, Narrow):
        return [native(part) for part in x]
    if isinstance(x, Narrow):
        return native(x.values)
    if formulas.is_formula(x):
        return formulas.as_tensor(x)
    if isinstance(x, np.ndarray) and x.dtype.kind not in "UT":
        return convert_to_tensor(x)
    return x
