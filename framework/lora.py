"""Low-rank adapters (Hu et al. 2021, arXiv:2106.09685) on any layer, written once outside of them.

    from isozoo import lora

    lora.enable(model, rank=8, train=["classifier"])
    model.compile("adam", loss)
    model.fit(x, y)
    lora.save(model, "adapter.safetensors")

A kernel W that is adapted reads as W + alpha / rank * A B: the layer that uses it, and whatever
compiles or fuses it, sees one kernel. W itself stays as it is; A and B are trained.
"""

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import initializers, ops
from .context import entered
from .core.layer import Layer
from .core.variable import Variable
from .core.views import KeepsViews, View
from .files import write_atomically

_A, _B = "lora_a", "lora_b"
_FORMAT = "isozoo.lora"
# What variables are for (`Variable.memory_format`) that adapters stand on by themselves.
PRODUCTS = ("dense", "columns", "rows")
# Of these the outputs lie along the first axis, so that A is (out, rank) and B (rank, in, …).
_OUTPUTS_FIRST = ("rows", "conv_rows")


class LowRankKernel(View):
    """A kernel with an adapter, in the kernel's place in a layer. Ops take it like a variable.

    Args:
        base: the kernel, (…, out); (out, …) where it lies so.
        a: variable, (…, rank), the kernel's shape up to where `b` goes on.
        b: variable, (rank, …). What meets the outputs is zeros at first.
        scale: alpha / rank.
        names: under which names `a` and `b` are parts of the layer.
    """

    def __init__(
        self, base: Any, a: Variable, b: Variable, scale: float, names: tuple[str, str]
    ) -> None:
        super().__init__(base)
        self.a, self.b, self.scale, self.names = a, b, scale, names

    @property
    def value(self) -> Any:
        """The native tensor W + scale * A B, in the kernel's dtype."""
        rank = self.b.shape[0]
        rows, columns = ops.reshape(self.a, (-1, rank)), ops.reshape(self.b, (rank, -1))
        change = ops.reshape(ops.matmul(rows, columns), self.base.shape)
        return ops.cast(ops.add(self.base, ops.multiply(change, self.scale)), self.base.dtype)

    def __repr__(self) -> str:
        return f"<LowRankKernel of {self.base.path}, rank={self.b.shape[0]}>"


def adapted(model: Layer) -> Iterator[tuple[str, Layer, str, LowRankKernel]]:
    """Yields (path of the kernel, layer, attribute, adapted kernel) of a model, in its order."""
    for path, layer in _layers(model):
        for name, item in _read(layer).items():
            if isinstance(item, LowRankKernel):
                yield f"{path}.{name}" if path else name, layer, name, item


def _read(layer: Layer) -> Mapping[str, Any]:
    """What a layer computes with, by name."""
    return layer.read_weights() if isinstance(layer, KeepsViews) else vars(layer)


def _replace(layer: Layer, name: str, item: Any) -> None:
    """Puts a kernel, or a view of one, where the layer reads it."""
    if not isinstance(layer, KeepsViews):
        vars(layer)[name] = item
    elif isinstance(item, View):
        layer._views[name] = item
    else:
        layer._views.pop(name, None)


def _layers(layer: Layer, path: str = "", seen: set[int] | None = None) -> Any:
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    for name, inner in layer.named_sublayers():
        yield from _layers(inner, f"{path}.{name}" if path else name, seen)


def enable(
    model: Layer,
    rank: int = 8,
    alpha: float | None = None,
    targets: Iterable[str] | None = None,
    train: Iterable[str] = (),
    a_initializer: Any = "he_uniform",
) -> list[str]:
    """Puts adapters on kernels of a model, and freezes all else. Compile the model afterwards.

    Args:
        model: a built model or layer.
        rank: the rank r of the change A B.
        alpha: the change is multiplied by alpha / rank; `rank` if None.
        targets: regular expressions; a kernel whose path one of them is found in is adapted. If
            None, all kernels of dense layers and matrices of graphs are, but those that `train`
            names.
        train: regular expressions; what has a path that one of them is found in trains as it is,
            such as a new head.
        a_initializer: of A; B begins with zeros, so that the model computes the same at first.

    Returns:
        The paths of the adapted kernels.

    Raises:
        ValueError: a rank below 1, a model that has adapters already or is not built, or no kernel
            that fits.
    """
    if not isinstance(rank, int) or rank < 1:
        raise ValueError(f"lora.enable: `rank` must be a positive integer; got {rank!r}.")
    if next(adapted(model), None) is not None:
        raise ValueError(
            f"{model.name} has adapters already: lora.merge(model) or lora.disable(model) first."
        )
    trained = [re.compile(pattern) for pattern in train]
    wanted = None if targets is None else [re.compile(pattern) for pattern in targets]

    def fits(path: str, variable: Variable) -> bool:
        if _any(trained, path) or len(variable.shape) < 2:
            return False
        return _any(wanted, path) if wanted is not None else variable.memory_format in PRODUCTS

    chosen = [
        (f"{path}.{name}" if path else name, layer, name, item)
        for path, layer in _layers(model)
        for name, item in _read(layer).items()
        if isinstance(item, Variable) and fits(f"{path}.{name}" if path else name, item)
    ]
    if not chosen:
        paths = [path for path, v in model.named_variables() if len(v.shape) > 1]
        raise ValueError(
            f"lora.enable: no kernel of {model.name} fits targets={targets and [*targets]}; those "
            f"there are: {paths[:12]}. Build the model first if it has none."
        )
    frozen = []
    for path, variable in model.named_variables():
        if variable.trainable and not _any(trained, path):
            variable.trainable = False
            frozen.append(variable)
    for _, layer, name, kernel in chosen:
        _adapt(layer, name, kernel, rank, (alpha or rank) / rank, a_initializer)
    vars(model)["_frozen_by_lora"] = frozen
    _changed(model)
    return [path for path, *_ in chosen]


def _any(patterns: list[re.Pattern[str]], path: str) -> bool:
    return any(pattern.search(path) for pattern in patterns)


def _adapt(
    layer: Layer, name: str, kernel: Variable, rank: int, scale: float, initializer: Any
) -> None:
    device = kernel.backend.device_of(kernel.native)
    turned = kernel.memory_format in _OUTPUTS_FIRST
    inputs = kernel.shape[1:] if turned else kernel.shape[:-1]
    dtype = kernel.dtype
    with entered(backend=kernel.backend, device=device, deferred=False):
        # Drawn as a matrix: the initializer's fan is the number of the kernel's inputs.
        first = initializers.get(initializer)((math.prod(inputs), rank), dtype)
        first, zeros = np.asarray(ops.convert_to_numpy(first)), initializers.get("zeros")
        if turned:
            a = Variable(zeros, (kernel.shape[0], rank), dtype, name=f"{name}_{_A}")
            b = Variable(first.T.reshape(rank, *inputs), (rank, *inputs), dtype)
        else:
            a = Variable(first.reshape(*inputs, rank), (*inputs, rank), dtype, name=f"{name}_{_A}")
            b = Variable(zeros, (rank, kernel.shape[-1]), dtype)
        b.name = f"{name}_{_B}"
    put_on(layer, name, (f"{name}_{_A}", f"{name}_{_B}"), a, b, scale)


def put_on(
    layer: Layer, name: str, names: tuple[str, str], a: Variable, b: Variable, scale: float
) -> None:
    """Puts an adapter on a layer's kernel.

    Args:
        layer: the layer.
        name: its attribute with the kernel, or the name under which it is registered.
        names: under which names A and B become parts of the layer.
        a: A, (…, rank).
        b: B, (rank, …).
        scale: alpha / rank.
    """
    for part, variable in zip(names, (a, b), strict=True):
        if vars(layer).get(part) is not variable:
            layer.register(part, variable)
    # The kernel stays the layer's part; what the layer computes with is this.
    _replace(layer, name, LowRankKernel(_read(layer)[name], a, b, scale, names))


def _changed(model: Any) -> None:
    """Have compiled programs made anew: they read other variables now."""
    for _, layer in _layers(model):
        layer.touch()
    model.touch()


def _remove(model: Any) -> None:
    for _, layer, name, kernel in list(adapted(model)):
        _replace(layer, name, kernel.base)
        for part in kernel.names:
            layer._forget(part)
            vars(layer).pop(part, None)
        forget = getattr(layer, "forget_adapter", None)  # a layer that had put it on itself
        if forget is not None:
            forget()
    for variable in vars(model).pop("_frozen_by_lora", ()):
        variable.trainable = True
    _changed(model)


def disable(model: Layer) -> None:
    """Takes the adapters off; the model computes as before, and trains what it trained before."""
    _remove(model)


def merge(model: Layer) -> None:
    """Adds the adapters' changes to the kernels, and takes the adapters off.

    Raises:
        ValueError: the model has no adapters.
    """
    found = list(adapted(model))
    if not found:
        raise ValueError(f"{model.name} has no adapters to merge.")
    for *_, kernel in found:
        kernel.base.assign(kernel.numpy())
    _remove(model)


def save(model: Layer, path: str | os.PathLike[str]) -> Path:
    """Writes the adapters, and whatever else trains, to a small safetensors file.

    The file appears whole or not at all.

    Args:
        model: a model with adapters.
        path: the file, ending in `.safetensors`.

    Raises:
        ValueError: the model has no adapters, or the name ends otherwise.
        OSError: the folder cannot be written.
    """
    from safetensors.numpy import save as as_bytes

    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"lora.save: a name ending in .safetensors is expected; got {path}.")
    found = list(adapted(model))
    if not found:
        raise ValueError(f"{model.name} has no adapters to save: lora.enable(model) first.")
    scales = {name: kernel.scale for name, _, _, kernel in found}
    held = dict(_trained(model))
    for name, _, _, kernel in found:
        held |= {f"{name}_{_A}": kernel.a, f"{name}_{_B}": kernel.b}
    tensors = {p: np.ascontiguousarray(v.numpy()) for p, v in held.items()}
    metadata = {"format": _FORMAT, "scales": json.dumps(scales)}
    write_atomically(path, as_bytes(tensors, metadata))
    return path


def trained_besides(model: Layer) -> Iterator[str]:
    """Yields the paths of the variables that train and are no adapter's."""
    yield from _trained(model)


def _trained(model: Layer) -> dict[str, Variable]:
    """The variables that train and are no adapter's, by path."""
    parts = {id(v) for *_, kernel in adapted(model) for v in (kernel.a, kernel.b)}
    return {p: v for p, v in model.named_variables() if v.trainable and id(v) not in parts}


def load(model: Layer, path: str | os.PathLike[str]) -> list[str]:
    """Reads what `save` wrote into a model, which gets the adapters if it has none.

    Args:
        model: a model of the architecture that the adapters were trained on, with its own weights.
        path: the file.

    Returns:
        The paths of the adapted kernels.

    Raises:
        ValueError: the file is no such file, or does not fit the model: then nothing is changed.
    """
    path = Path(path)
    scales, tensors = _read_file(path)
    return put(model, scales, tensors, path)


def put(
    model: Layer,
    scales: Mapping[str, float],
    tensors: Mapping[str, np.ndarray],
    path: str | os.PathLike[str],
) -> list[str]:
    """Puts adapters on a model, in the place of those that it has.

    Args:
        model: a model of the architecture that they were trained on.
        scales: path of a kernel -> by what its change is multiplied.
        tensors: "KERNEL_lora_a", (…, rank), and "KERNEL_lora_b", (rank, …), of each, and the
            values of what else was trained, by path.
        path: what errors call them.

    Returns:
        The paths of the adapted kernels.

    Raises:
        ValueError: they do not fit the model: then nothing is changed.
    """
    shapes = {p: tuple(v.shape) for p, v in model.named_variables()}
    problems = []
    for kernel, scale in scales.items():
        a, b = (tensors.get(f"{kernel}_{part}") for part in (_A, _B))
        want = shapes.get(kernel)
        if a is None or b is None or not isinstance(scale, int | float):
            problems.append(f"{kernel}: its adapter is not whole")
        elif want is None:
            problems.append(f"{kernel}: the model has no such kernel")
        elif a.ndim < 2 or (*a.shape[:-1], *b.shape[1:]) != want or a.shape[-1] != b.shape[0]:
            problems.append(f"{kernel}: A {a.shape} and B {b.shape} do not make {want}")
    own = {f"{kernel}_{part}" for kernel in scales for part in (_A, _B)}
    for name, array in tensors.items():
        if name not in own and shapes.get(name) != array.shape:
            problems.append(f"{name} {array.shape}: the model has {shapes.get(name, 'none')}")
    if len({tensors[f"{kernel}_{_B}"].shape[0] for kernel in scales if not problems}) > 1:
        problems.append("its adapters have several ranks")
    if problems or not scales:
        raise ValueError(
            f"{path}: these adapters are not for {model.name}: {'; '.join(problems[:8]) or 'none'}."
        )
    if next(adapted(model), None) is not None:
        disable(model)
    rest = [f"^{re.escape(name)}$" for name in tensors if name not in own]
    rank = next(tensors[f"{kernel}_{_B}"].shape[0] for kernel in scales)
    targets = [f"^{re.escape(kernel)}$" for kernel in scales]
    enable(model, rank, targets=targets, train=rest)
    held = {name: kernel for name, _, _, kernel in adapted(model)}
    for name, scale in scales.items():
        kernel = held[name]
        kernel.scale = float(scale)
        kernel.a.assign(tensors[f"{name}_{_A}"])
        kernel.b.assign(tensors[f"{name}_{_B}"])
    variables = dict(model.named_variables())
    for name, array in tensors.items():
        if name not in own:
            variables[name].assign(array)
    return [*scales]


def _read_file(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError("it holds no adapters of isozoo")
            scales = json.loads(metadata.get("scales", ""))
            if not isinstance(scales, dict):
                raise ValueError("its scales are no table")
            return scales, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: adapters cannot be read: {error}") from error
