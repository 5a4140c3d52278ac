"""Proof that every backend computes the same: errors against a float64 run, and decisions.

The reference is the same model in float64 on NumPy. The error of an output is the root mean square
of its deviation from the reference, over that of the reference itself, in units of float32 rounding
(2^-24, half a unit in the last place). Beside it stands the largest deviation, over the largest
magnitude. The verdict goes by the first: a single element where the mathematics itself is
ill-conditioned (the norm of a nearly constant row) can make the largest deviation of one backend
ten times that of another without any of them being wrong.

No backend may be worse than four times the best. Where one is, its error is held against the plain
evaluation: the model in float32 with the terms of matrix products added one after the other. That
error follows from the lengths of the sums and the condition of the model at these inputs, and is
the same on every CPU; no backend may be worse than four times it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..framework.backends.registry import get as get_backend
from ..framework.core.scopes import observed
from ..framework.core.symbolic import flatten, map_structure
from ..framework.models import Model
from ..framework.ops import convert_to_numpy
from .parity_inputs import drawn_inputs, inputs_hash, sample_of
from .parity_runs import runs_of

ROUNDING = 2.0**-24
TOLERATED = 4.0  # no backend's error may be above this many times the best one's
# Below two roundings an error is luck: the last operation and storing its result make one each.
NOISE = 2.0
REFERENCE = "float64"


@dataclass
class Measured:
    """The error of one output or layer on each backend, in units of float32 rounding.

    `errors` are root mean squares, `largest` the largest deviations; see the module.
    """

    name: str
    shape: tuple[int, ...]
    errors: dict[str, float]
    largest: dict[str, float]
    plain: float | None = None

    @property
    def ratio(self) -> float:
        """The worst backend's error over the best one's, errors below `NOISE` counted as it."""
        counted = [max(error, NOISE) for error in self.errors.values()]
        return max(counted) / min(counted) if counted else 1.0

    @property
    def ok(self) -> bool:
        """Whether the worst error is within `TOLERATED` times the best, or the plain evaluation's.

        The second counts where sums are long or cancel: what a CPU's matrix kernels make of such
        a sum may be better than the plain order by luck, on one backend alone.
        """
        worst = max([*self.errors.values(), 0.0])
        return self.ratio <= TOLERATED or (
            self.plain is not None and worst <= TOLERATED * max(self.plain, NOISE)
        )


@dataclass
class Report:
    """What `verify` found.

    Attributes:
        model: name of what was verified.
        backends: the runs compared: backends, with device and precision where they were asked for.
        runs: backend, device and precision of float32 of each.
        outputs: errors of the model's outputs.
        layers: errors of what each layer gave, in order of the calls.
        decisions: backend (and "float64") -> what the model decided: labels, rankings, transcripts.
        files: name -> sha256 of the preset's files; empty for a model that was built.
        inputs_sha256: a hash of the inputs.
        reference: output -> root mean square and some elements of the float64 run.
    """

    model: str
    backends: list[str]
    runs: list[dict[str, str]] = field(default_factory=list)
    outputs: list[Measured] = field(default_factory=list)
    layers: list[Measured] = field(default_factory=list)
    decisions: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    inputs_sha256: str = ""
    reference: dict[str, list[float]] = field(default_factory=dict)

    @property
    def decisions_agree(self) -> bool:
        """Whether all backends and the float64 run decided the same."""
        return len({repr(d) for d in self.decisions.values()}) <= 1

    @property
    def ok(self) -> bool:
        """Whether errors and decisions keep what the project promises."""
        return self.decisions_agree and all(m.ok for m in self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data, for JSON."""
        return {
            "model": self.model,
            "backends": self.backends,
            "runs": self.runs,
            "unit": "2^-24; errors: rms deviation from float64 over the rms of the reference, "
            "largest: largest deviation over the largest magnitude",
            "outputs": [{**asdict(m), "ratio": m.ratio, "ok": m.ok} for m in self.outputs],
            "layers": [{**asdict(m), "ratio": m.ratio} for m in self.layers],
            "decisions": self.decisions,
            "decisions_agree": self.decisions_agree,
            "ok": self.ok,
        }

    def table(self, layers: bool = True) -> str:
        """Returns the report as text: a row for each output and, if asked, for each layer."""
        width = max([len(m.name) for m in (*self.outputs, *self.layers)] + [8])
        head = f"{'':{width}}  " + "".join(f"{b:>18}" for b in self.backends) + "   worst/best"
        lines = [
            f"{self.model}: error against float64 in float32 roundings (2^-24), rms (largest)",
            head,
        ]
        groups: list[tuple[str, Iterable[Measured]]] = [("outputs", self.outputs)]
        if layers and self.layers:
            groups.append(("layers", self.layers))
        for title, rows in groups:
            lines.append(title)
            for m in rows:
                cells = "".join(
                    f"{m.errors[b]:9.2f}{_bracketed(m.largest[b])}" for b in self.backends
                )
                plain = "" if m.plain is None else f"   plain evaluation {m.plain:.2f}"
                lines.append(f"{m.name:{width}}  {cells}   {m.ratio:10.2f}{plain}")
        for run in self.runs:
            weights = f", weights {run['weights']}" if "weights" in run else ""
            lines.append(f"{run['name']}: on {run['device']}, {run['float32_precision']}{weights}")
        lines.append(f"decisions: {'equal' if self.decisions_agree else 'DIFFERENT'}")
        if not self.decisions_agree:
            lines += [f"  {name}: {decided}" for name, decided in self.decisions.items()]
        lines.append("ok" if self.ok else "NOT OK")
        return "\n".join(lines)


def verify(
    model_or_preset: Any,
    backends: Iterable[str] | None = None,
    inputs: Any = None,
    *,
    layers: bool = True,
    precisions: Iterable[str] = ("float32",),
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> Report:
    """Runs a model on every backend and in float64, and compares outputs, layers and decisions.

    Args:
        model_or_preset: a built model, or what `from_preset` takes.
        backends: names, with a device behind a colon where it is not the backend's own choice
            ("torch:cuda", "jax:gpu:1"); all that are installed when None.
        inputs: what the model takes from users (texts, images, sounds), or for a model that is no
            `Task` the arguments of its call. When None the task's own samples, or for a model of
            symbolic inputs of floats, all of whose sizes but the first are known, uniform draws.
        layers: whether to compare each layer's output too.
        precisions: of float32; each has a run of its own on each backend. One that is shorter than
            float32 is compared too, and so will hardly pass.
        progress: called with the name of each run before it starts.
        **options: passed to `load_preset`.

    Raises:
        ValueError: the model has no samples of its own and no inputs were given; an unknown
            precision; a device that there is not; a model without weights.
        TypeError: `backends` are no names.
    """
    runs = runs_of(backends, precisions)
    names = [run.name for run in runs]
    model, title, files = model_or_preset, "", {}
    if not isinstance(model, Model):
        from .loading import load_preset

        title = str(model_or_preset)
        files = _hashes(model_or_preset, options)
        # Read where nothing is compiled; each backend then gets a copy.
        model = load_preset(model_or_preset, backend="numpy", **options)
    subject = _subject(model, inputs)
    tell = progress or (lambda text: None)
    tell(REFERENCE)
    reference = model.to_backend("numpy", dtype="float64")
    expected, expected_layers = _run(subject, reference, layers)
    report = Report(title or model.name, names, files=files)
    report.inputs_sha256 = inputs_hash(subject.inputs)
    report.reference = sample_of(expected)
    report.decisions[REFERENCE] = subject.decide(reference)
    found: dict[str, dict[str, tuple[float, float]]] = {}
    found_layers: dict[str, dict[str, tuple[float, float]]] = {}
    for run in runs:
        tell(run.name)
        copy = run.copy_of(model)
        with run.context():
            outputs, seen = _run(subject, copy, layers)
            report.decisions[run.name] = subject.decide(copy, report.decisions[REFERENCE])
        report.runs.append(run.describe(copy))
        found[run.name] = _errors(outputs, expected)
        found_layers[run.name] = _errors(seen, expected_layers)
    report.outputs = _rows(expected, found)
    report.layers = _rows(expected_layers, found_layers)
    if any(not measured.ok for measured in report.outputs):
        tell("plain evaluation")
        plain, _ = _run(subject, _plainly(model), False)
        errors = _errors(plain, expected)
        for measured in report.outputs:
            measured.plain = errors[measured.name][0]
    return report


def _hashes(preset: Any, options: dict[str, Any]) -> dict[str, str]:
    """Name -> sha256 of a preset's files."""
    from .cache import Cache
    from .loading import fetch_preset

    known = {key: options[key] for key in ("folder", "offline", "progress") if key in options}
    paths = fetch_preset(preset, **known).paths
    return {name: Cache().digests(path).sha256 for name, path in paths.items()}


def _plainly(model: Model) -> Any:
    """The model on NumPy, with the terms of matrix products added one after the other."""
    from ..framework.backends.numpy.plain import BACKEND
    from ..framework.core.copying import transfer

    return transfer(model, BACKEND)


def rounding_errors(x: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Returns (root mean square, largest) deviation relative to the reference's, in float32
    roundings.

    Infinite when the shapes differ or `x` is not finite where the reference is.
    """
    if x.shape != reference.shape:
        return float("inf"), float("inf")
    if x.size == 0:
        return 0.0, 0.0
    deviation = np.abs(x.astype(np.float64) - reference)
    if not np.isfinite(deviation).all():
        return float("inf"), float("inf")
    size = np.abs(reference)
    rms = np.sqrt(np.mean(deviation**2)), np.sqrt(np.mean(size**2))
    return _roundings(*rms), _roundings(deviation.max(), size.max())


def _roundings(deviation: float, scale: float) -> float:
    if not deviation:
        return 0.0
    return float(deviation / (scale * ROUNDING)) if scale else float("inf")


def _errors(
    outputs: dict[str, np.ndarray], expected: dict[str, np.ndarray]
) -> dict[str, tuple[float, float]]:
    return {key: rounding_errors(outputs[key], expected[key]) for key in expected if key in outputs}


def _rows(
    expected: dict[str, np.ndarray], found: dict[str, dict[str, tuple[float, float]]]
) -> list[Measured]:
    rows = []
    for key, value in expected.items():
        if all(key in errors for errors in found.values()):
            rms, largest = ({b: errors[key][i] for b, errors in found.items()} for i in (0, 1))
            rows.append(Measured(key, tuple(value.shape), rms, largest))
    return rows


def _bracketed(value: float) -> str:
    return f"{f'({value:.1f})':>9}"


class _Subject:
    """How to run a model for comparison: by its own samples if it is a task, else by its call."""

    def __init__(self, inputs: Any) -> None:
        self.inputs = inputs

    def outputs(self, model: Any) -> dict[str, Any]:
        return _named("output", model(*self.inputs))

    def decide(self, model: Any, reference: Any = None) -> Any:
        decided = [np.asarray(convert_to_numpy(x)) for x in flatten(model(*self.inputs))]
        return [x.argmax(-1).tolist() if x.ndim else float(x) for x in decided]


class _TaskSubject(_Subject):
    def outputs(self, model: Any) -> dict[str, Any]:
        return model.parity_outputs(self.inputs)

    def decide(self, model: Any, reference: Any = None) -> Any:
        decision = model.decide(self.inputs)
        adapter = getattr(model, "parity_adapter", None)
        if reference is None or adapter is None:
            return decision
        return adapter(model).matched(decision, reference)


def _subject(model: Any, inputs: Any) -> _Subject:
    if hasattr(model, "parity_outputs") and hasattr(model, "decide"):
        return _TaskSubject(model.sample_inputs() if inputs is None else inputs)
    if not model.built:
        raise ValueError(
            f"{model.name} has no weights yet, and each copy would draw its own: call it on some "
            "data first."
        )
    if inputs is None and (inputs := drawn_inputs(model)) is None:
        raise ValueError(
            f"{type(model).__name__} has no samples of its own: give `inputs`, the arguments of "
            "its call as NumPy arrays."
        )
    return _Subject(inputs if isinstance(inputs, tuple) else (inputs,))


def _named(name: str, outputs: Any) -> dict[str, Any]:
    """Nested outputs as one flat table."""
    if isinstance(outputs, dict):
        pairs = outputs.items()
    elif isinstance(outputs, list | tuple):
        pairs = enumerate(outputs)
    else:
        return {name: outputs}
    found: dict[str, Any] = {}
    for key, value in pairs:
        found.update(_named(str(key) if name == "output" else f"{name}.{key}", value))
    return found


def _run(subject: _Subject, model: Any, layers: bool) -> tuple[dict, dict]:
    """The outputs, and what each layer gave: name -> NumPy array."""
    seen: dict[str, np.ndarray] = {}
    paths = _paths(model)
    counts: dict[str, int] = {}

    def tap(layer: Any, outputs: Any) -> None:
        path = paths.get(id(layer))
        if not path:
            return
        calls = counts[path] = counts.get(path, 0) + 1
        for key, value in _named("output", outputs).items():
            array = _float_array(value)
            if array is not None:
                suffix = "" if key == "output" else f".{key}"
                seen[f"{path}{suffix}" + (f" #{calls}" if calls > 1 else "")] = array

    # As users infer: with the kernels that a backend takes when no gradient is wanted.
    with get_backend(model.backend).inference(), observed(tap) if layers else nullcontext():
        outputs = subject.outputs(model)
        arrays = map_structure(lambda x: np.asarray(convert_to_numpy(x)), outputs)
    return _named("output", arrays), seen


def _float_array(value: Any) -> np.ndarray | None:
    try:
        array = np.array(convert_to_numpy(value))
    except (TypeError, ValueError):
        return None
    return array if array.dtype.kind == "f" else None


def _paths(layer: Any, prefix: str = "") -> dict[int, str]:
    found = {id(layer): prefix.rstrip(".")}
    for name, child in layer.named_sublayers():
        found.update(_paths(child, f"{prefix}{name}."))
    return found
