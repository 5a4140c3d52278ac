"""One case: the same call on every backend, eager, compiled, symbolic and differentiated."""

import traceback
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np

from ...framework import config, dtypes, ops, random
from ...framework.core.symbolic import KerasTensor
from . import judging
from .draws import Draw, name_of
from .rows import (
    TABLE,
    Call,
    Fixed,
    Row,
    arrays,
    emptied,
    expected,
    filled,
    flat,
    replaced,
    result_dtypes,
    unfixed,
)

MODES = ("eager", "compiled", "symbolic", "gradient")
_place: dict[str, str | None] = {"device": None}


def place_on(device: str | None) -> None:
    """Has the tensors of torch made on a device from now on; on the CPU if None."""
    _place["device"] = device


@dataclass
class Outcome:
    """What a call gave on one backend in one mode: results, or an error."""

    backend: str
    mode: str
    results: list[np.ndarray] | None = None
    error: Exception | None = None

    @property
    def refused(self) -> bool:
        """Whether the call ended in the error that explains what was wrong."""
        return isinstance(self.error, ops.InvalidArgumentError)

    @property
    def unexplained(self) -> bool:
        """Whether the error is one of a framework, or passes one on without an explanation."""
        return not self.refused or "The backend said" in str(self.error)


def function_of(op: str) -> Callable[..., Any]:
    """The public op of a name such as "add", "image.resize", "random.normal"."""
    home, _, name = op.rpartition(".")
    return getattr(random, name) if home == "random" else attrgetter(op)(ops)


class Trial:
    """The case of a number: its row, its call, and what is found to be wrong with it."""

    def __init__(self, op: str, seed: int, case: int, backends: tuple[str, ...]) -> None:
        self.op, self.seed, self.case = op, seed, case
        self.draw = Draw(seed, case, zlib.crc32(op.encode()))
        self.row: Row = self.draw.pick(*TABLE[op])
        self.call = self.row.make(self.draw)
        self.backends = tuple(name for name in backends if name in self.row.backends)
        self.found: list[str] = []
        self.refused = False
        self.ran = 0

    def run(self, modes: tuple[str, ...] = MODES) -> list[str]:
        """What is wrong, a line each; errors of the table and of the judge are findings, too."""
        try:
            self._run(modes)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
            self.found.append(f"fuzz_ops itself, {where}: {type(error).__name__}: {error}")
        return self.found

    def _run(self, modes: tuple[str, ...]) -> None:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            mixed = self.draw.chance(0.3)
            layout = self.draw.pick("plain", "plain", "transposed", "strided")
            native = [not mixed or i == 0 or self.draw.chance(0.5) for i in range(99)]
            # What is drawn here does not hang on which modes and backends were asked for.
            second = self.draw.pick("jax", "torch", "tensorflow", "tensorflow open")
            third = self.draw.pick(*("numpy", "torch", "jax", "tensorflow"))
            key = self.draw.whole(0, 2**31)
            eager = [self._eager(name, layout, native) for name in self.backends]
            self._judge(eager)
            if "compiled" in modes and not self.refused:
                self._compiled(second)
            if "symbolic" in modes and self.row.symbolic and third in self.backends:
                self._symbolic(third, eager, Draw(key))
            if "gradient" in modes and self.row.gradient and not self.refused:
                self._gradient(Draw(key))

    # Running

    def _attempt(self, backend: str, mode: str, run: Callable[[], Any]) -> Outcome:
        self.ran += 1
        try:
            with config.use_backend(backend):
                found = flat(_plain(run()))
                results = [_to_numpy(x) for x in found]
                elsewhere = [x for x in found if backend == "torch" and _lies_elsewhere(x)]
        except Exception as error:
            return Outcome(backend, mode, error=error)
        outcome = Outcome(backend, mode, results)
        if elsewhere and arrays(self.call):
            self._say(outcome, f"a result on {elsewhere[0].device}")
        return outcome

    def _apply(self, values: list[Any]) -> Any:
        return self._call_of(replaced(self.call, values))

    def _call_of(self, call: Call) -> Any:
        kwargs = {k: unfixed(v) for k, v in call.kwargs.items()}
        function = self.row.function or function_of(self.op)
        return function(*map(unfixed, call.args), **kwargs)

    def _eager(self, backend: str, layout: str, native: list[bool]) -> Outcome:
        def run() -> Any:
            values = [
                _on_device(_tensor(x, backend, layout), backend) if as_tensor else x
                for x, as_tensor in zip(arrays(self.call), native, strict=False)
            ]
            return self._apply(values)

        return self._attempt(backend, "eager", run)

    def _compiled(self, choice: str) -> None:
        backend, _, opened = choice.partition(" ")
        if backend not in self.backends or backend not in self.row.compiled:
            return
        if opened and not self.row.open:
            return
        values = arrays(self.call)
        if not values:
            return
        others = flat([*self.call.args, *self.call.kwargs.values()])
        if backend == "torch" and any(isinstance(x, np.generic | Fixed) for x in others):
            return  # torch.compile takes NumPy's numbers and arrays for tensors of its own kind

        def run() -> Any:
            tensors = [_on_device(ops.convert_to_tensor(x), backend) for x in values]
            # Without the arrays themselves, which a compiler would see as constants.
            whole = partial(_filled_in, self._call_of, emptied(self.call))
            return compiled(whole, backend, tensors, opened)

        self._judge([self._attempt(backend, f"compiled {opened}".strip(), run)])

    # Judging

    def _say(self, outcome: Outcome, what: str) -> None:
        self.found.append(f"{outcome.backend}, {outcome.mode}: {what}")

    def _judge(self, outcomes: list[Outcome]) -> None:
        crashed = [o for o in outcomes if o.error is not None and o.unexplained]
        for outcome in crashed:
            self._say(outcome, _in_words(outcome.error))
        refused = [o for o in outcomes if o.refused and not o.unexplained]
        if refused and len(refused) == len(outcomes):
            if outcomes[0].mode == "eager":
                self.refused = True
            else:
                self._say(outcomes[0], f"refuses what is taken eagerly: {refused[0].error}")
            return
        for outcome in refused:
            self._say(outcome, f"alone refuses it: {outcome.error}")
        gave = [o for o in outcomes if o.results is not None]
        if not gave:
            return
        want = self._wanted(gave)
        rules = result_dtypes(self.row, self.call, len(want))
        sizes = judging.size_of(self.row, self.call, want)
        coarse = max(
            (name_of(x) for x in arrays(self.call) if name_of(x) in judging.ROUNDINGS),
            key=judging.ROUNDINGS.__getitem__,
            default="",
        )
        coarse = coarse if self.row.size != "each" else ""
        for outcome in gave:
            self._compare(outcome, want, rules, sizes, coarse)

    def _wanted(self, gave: list[Outcome]) -> list[np.ndarray]:
        if not hasattr(self, "_want"):
            made = expected(self.row, self.call)
            if made is None:  # all against the first
                made = [_wide(x) for x in gave[0].results or []]
            self._want = made
        return self._want

    def _compare(self, outcome, want, rules, sizes, coarse) -> None:
        results = outcome.results
        if len(results) != len(want):
            self._say(outcome, f"{len(results)} results, expected {len(want)}")
            return
        for i, (have, wanted, rule, size) in enumerate(
            zip(results, want, rules, sizes, strict=True)
        ):
            which = f"result {i}: " if len(want) > 1 else ""
            name = name_of(have)
            if rule is not None and name != rule:
                self._say(outcome, f"{which}dtype {name}, expected {rule}")
                continue
            error = judging.mismatch(have, wanted, size, self.row.error, coarse)
            if error:
                self._say(outcome, which + error)

    def _symbolic(self, backend: str, eager: list[Outcome], draw: Draw) -> None:
        values = arrays(self.call)
        if not values:
            return
        real = next(o for o in eager if o.backend == backend)
        if real.results is None and not real.refused:
            return
        chosen = [draw.chance(0.7) for _ in values]
        chosen[draw.whole(0, len(values) - 1)] = True
        symbols: list[Any] = []
        for x, symbolic in zip(values, chosen, strict=True):
            # An axis of size 1 broadcasts, and an unknown one is taken for any other.
            shape = [None if n > 1 and draw.chance(0.3) else n for n in x.shape]
            symbols.append(KerasTensor(shape, name_of(x)) if symbolic else x)
        outcome = Outcome(backend, "symbolic")
        try:
            with config.use_backend(backend):
                made = flat(_plain(self._apply(symbols)))
        except Exception as error:
            if not real.refused or not isinstance(error, ops.InvalidArgumentError):
                self._say(outcome, f"{_listed(symbols)}: {_in_words(error)}")
            return
        if real.results is None:
            if not self.row.by_value:
                self._say(outcome, f"{_listed(symbols)} is taken, and refused at the call")
            return
        for symbol, have in zip(made, real.results, strict=False):
            if not hasattr(symbol, "shape"):
                continue
            fits = len(symbol.shape) == have.ndim and all(
                m in (None, n) for m, n in zip(symbol.shape, have.shape, strict=True)
            )
            if not fits or dtypes.standardize(symbol.dtype) != name_of(have):
                self._say(
                    outcome,
                    f"{_listed(symbols)} gives {symbol.dtype} {symbol.shape}, the call "
                    f"{name_of(have)} {have.shape}",
                )

    # Gradients

    def _gradient(self, draw: Draw) -> None:
        if self.row.smooth is not None:
            self.call = self.row.smooth(draw)
        values = [
            x.astype(np.float64) if name_of(x) in dtypes.FLOATS else x for x in arrays(self.call)
        ]
        # Beside numbers beyond these bounds the slope by a small one is lost in the differences.
        if not all((np.abs(x) < 1e12).all() for x in values if x.dtype.kind in "fc"):
            return
        self.call = replaced(self.call, values)
        places = judging.differentiated(self.row, self.call)
        try:
            made = expected(self.row, self.call)
        except Exception:
            return
        if made is None or not places or not any(y.size for y in made):
            return
        weights = [draw.random.normal(size=y.shape) for y in made if y.dtype.kind == "f"]

        def reference(moved: list[np.ndarray]) -> float:
            results = expected(self.row, replaced(self.call, moved)) or []
            results = [y for y in results if y.dtype.kind == "f"]
            return float(sum((w * y).sum() for w, y in zip(weights, results, strict=True)))

        def loss(*xs: Any) -> Any:
            given = list(values)
            for place, x in zip(places, xs, strict=True):
                given[place] = x
            results = [x for x in flat(_plain(self._apply(given))) if "float" in ops.dtype(x)]
            parts = [ops.sum(ops.multiply(y, w)) for y, w in zip(results, weights, strict=True)]
            return sum(parts[1:], parts[0])

        wanted = self._slopes(reference, values, places, draw)
        if not wanted:
            return
        for backend in self.backends:
            if backend != "numpy":
                self._against(backend, loss, [values[p] for p in places], places, wanted)

    def _slopes(self, reference, values, places, draw) -> dict:
        free = [(p, i) for p in places for i in np.ndindex(values[p].shape)]
        if len(free) > 16:
            free = [free[int(i)] for i in draw.random.permutation(len(free))[:16]]
        try:
            return dict(zip(free, judging.slopes(reference, values, free), strict=True))
        except Exception:
            return {}

    def _against(self, backend, loss, values, places, wanted) -> None:
        outcome = self._attempt(
            backend,
            "gradient",
            lambda: list(
                ops.grad(loss, tuple(range(len(values))))(
                    *(_on_device(ops.convert_to_tensor(x), backend) for x in values)
                )
            ),
        )
        if outcome.results is None:
            self._say(outcome, _in_words(outcome.error))
            return
        made = dict(zip(places, outcome.results, strict=True))
        size = max((abs(s[2]) for s in wanted.values() if np.isfinite(s[2])), default=0.0)
        for (place, index), slope in wanted.items():
            error = judging.wrong_slope(
                float(made[place][index]), *slope, size * 1e-3, self.row.kinks
            )
            if error:
                self._say(outcome, f"by tensor {place} at {index}: {error}")
                return


def _filled_in(function: Callable[..., Any], blank: Call, *tensors: Any) -> Any:
    return _plain(function(filled(blank, list(tensors))))


def compiled(function: Callable[..., Any], backend: str, tensors: list[Any], opened: str) -> Any:
    """`function(*tensors)` as a program of the framework."""
    if backend == "jax":
        import jax

        return jax.jit(function)(*tensors)
    if backend == "torch":
        import torch

        torch.compiler.reset()
        return torch.compile(function, backend="aot_eager", fullgraph=True, dynamic=False)(*tensors)
    import tensorflow as tf

    given = [tf.TensorSpec([None] * len(x.shape), x.dtype) for x in tensors] if opened else None
    return tf.function(function, input_signature=given, autograph=False)(*tensors)


def _plain(out: Any) -> Any:
    """Results, named tuples and dicts among them, as lists."""
    if isinstance(out, dict):
        return [_plain(v) for v in out.values()]
    return [_plain(v) for v in out] if isinstance(out, list | tuple) else out


def _to_numpy(x: Any) -> np.ndarray:
    if isinstance(x, bool | int | float | str | np.ndarray | np.generic):
        return np.asarray(x)
    return ops.convert_to_numpy(x)


def _wide(x: np.ndarray) -> np.ndarray:
    name = name_of(x)
    return x.astype(np.float64) if name in dtypes.FLOATS else x


def _on_device(x: Any, backend: str) -> Any:
    device = _place["device"]
    return x.to(device) if backend == "torch" and device is not None else x


def _lies_elsewhere(x: Any) -> bool:
    device = _place["device"]
    here = getattr(getattr(x, "device", None), "type", device)  # NumPy's arrays have a name there
    return device is not None and here != device


def _tensor(x: np.ndarray, backend: str, layout: str) -> Any:
    """An array as a tensor; on torch and NumPy also one whose elements do not lie in order."""
    if layout == "plain" or x.ndim == 0 or backend not in ("torch", "numpy"):
        return ops.convert_to_tensor(x)
    if layout == "transposed":
        made = ops.convert_to_tensor(np.ascontiguousarray(x.T))
        return made.T if backend == "numpy" else made.permute(*range(x.ndim)[::-1])
    wide = np.repeat(x, 2, axis=-1)
    return ops.convert_to_tensor(np.ascontiguousarray(wide))[..., ::2]


def _listed(symbols: list[Any]) -> str:
    return ", ".join(
        f"{x.dtype}{tuple(x.shape)}" + ("" if isinstance(x, KerasTensor) else " of NumPy")
        for x in symbols
    )


def _in_words(error: Exception | None) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    said = lines[0]
    if "The backend said" in str(error):
        said = "..." + str(error)[str(error).index("The backend said") :].splitlines()[0]
    return f"{type(error).__name__}: {said[:240]}"
