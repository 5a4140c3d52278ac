"""The PyTorch backend."""

# Kernels stand here as plain renames of the framework's functions, where the base has methods.
# pyright: reportAssignmentType=false

from functools import cache
from math import prod

import ml_dtypes
import numpy as np
import torch
from torch.utils._python_dispatch import _disable_current_modes

from ... import dtypes
from ...context import state
from ..base import Backend, native_order, specs
from . import (
    ctc,
    datasets,
    few_bits,
    folding,
    graphs,
    neural,
    placing,
    precision,
    random,
    recurrent,
    unsigned,
    whole_numbers,
    windows,
)
from .arrays import ArrayKernels, in_order, moved, out_of_order
from .bundles import TorchBundles
from .control import TorchControl
from .cpu_graphs import CpuDriver, StepDriver
from .distribution import TorchDistribution, is_lost, is_spread, joined, looked_up, meshes
from .graphs import GraphedFunction
from .image import TorchImages
from .layer import TorchLayer
from .linalg import TorchLinalg
from .logs import unlogged
from .placing import is_recording
from .renames import Renamed
from .signal import TorchSignal
from .transforms import TorchTransforms

_NATIVE = {name: getattr(torch, name) for name in (*dtypes.ALL, *dtypes.STORED)}
_NAMES = {native: name for name, native in _NATIVE.items()}
_HOST = (np.ndarray, np.generic)
# Dtypes that NumPy has from ml_dtypes, and of which torch takes the bits.
_BITS = {"bfloat16": torch.int16, **dict.fromkeys(dtypes.STORED, torch.int8)}


def _reduce(whole, along):
    """A reduction that torch names differently for all axes, one axis and many."""

    def reduce(self, x, axis=None, keepdims=False):
        if axis is None:
            y = whole(x)
            return y.reshape((1,) * x.ndim) if keepdims else y
        # No axes are none, as in NumPy; torch would take all of them.
        return x if axis == () else along(x, axis, keepdims)

    return reduce


def _one_by_one(function):
    """Reduction over several axes by a kernel that takes one."""

    def along(x, axis, keepdims):
        axes = sorted(
            (range(x.ndim)[a] for a in ([axis] if isinstance(axis, int) else axis)), reverse=True
        )
        for a in axes:
            x = function(x, a, keepdims)
        return x

    return along


@moved
def _gathered(x, indices, axis):
    if axis == 0 and x.ndim == 2:
        return looked_up(x, indices)
    flat = x.index_select(axis, indices.reshape(-1))
    return flat.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


_CHANGES = "A variable on the CPU changes within a call on CUDA."


@cache
def _along_axis(x, indices, axis):
    """As torch's take_along_dim, which asks for sizes, so that they are no longer open."""
    others = [(*t.shape[:axis], *t.shape[axis + 1 :]) for t in (x, indices)]
    sizes = torch.broadcast_shapes(*others)
    x, indices = (t.expand(*sizes[:axis], t.shape[axis], *sizes[axis:]) for t in (x, indices))
    # `gather` takes none that count from the end.
    return torch.gather(x, axis, torch.where(indices < 0, indices + x.shape[axis], indices))


def _one_draw(device):
    """What a draw adds to a generator's state, (seed, number of the draw)."""
    with torch.inference_mode(False):
        return torch.arange(2, dtype=torch.int32, device=device)


def _rows_or_none(x, indices):
    """`rows_at` on a device, which would tell of a wrong number long after the call."""
    inside = indices.clamp(0, x.shape[0] - 1)
    y = _gathered(x, inside if inside.dtype in (torch.int32, torch.int64) else inside.long(), 0)
    none = float("nan") if x.is_floating_point() else 0
    return torch.where((inside == indices).unsqueeze(-1), y, none)


class TorchBackend(
    Renamed,
    ArrayKernels,
    TorchBundles,
    TorchControl,
    TorchDistribution,
    TorchImages,
    TorchTransforms,
    TorchLinalg,
    TorchSignal,
    Backend,
):
    """Kernels on `torch.Tensor`, on the device of their inputs."""

    name = "torch"
    datasets = datasets
    tensor_types = (torch.Tensor, torch.nn.Parameter)
    float_types = frozenset(_NATIVE[name] for name in (*dtypes.FLOATS, *dtypes.COMPLEX))
    layer_base = TorchLayer

    def is_unrelated_error(self, error):
        if torch.compiler.is_compiling():  # which shows the error itself, and traces nothing else
            return True
        home = type(error).__module__
        tracing = home.startswith(("torch._dynamo", "torch.fx", "torch._subclasses"))
        lost = joined() and is_lost(error)
        return tracing or lost or isinstance(error, torch.OutOfMemoryError)

    # Conversion

    def asarray(self, x, dtype=None):
        native = None if dtype is None else _NATIVE[dtype]
        if isinstance(x, torch.Tensor):
            return x if native is None else x.to(native)
        if isinstance(x, _HOST):  # torch.compile cannot trace a union of NumPy's types
            if torch.compiler.is_compiling():  # which knows little of arrays
                return torch.as_tensor(x, dtype=native, device=state.device)
            x = native_order(np.asarray(x))
            if x.dtype.name in _BITS:
                bits = np.array(x).view(f"i{x.dtype.itemsize}")
                x = torch.from_numpy(bits).view(_NATIVE[x.dtype.name])
            elif not x.flags.writeable or any(s < 0 for s in x.strides):
                x = torch.from_numpy(x.copy())
            else:
                x = torch.from_numpy(x)
            return placing.sent(x, state.device or torch.get_default_device(), native)
        if isinstance(x, list | tuple) and any(isinstance(v, torch.Tensor) for v in x):
            x = torch.stack([self.asarray(v) for v in x])
            return x if native is None else x.to(native)
        if state.device is None:
            return torch.tensor(x, dtype=native)
        if isinstance(x, list | tuple):
            return placing.sent(torch.tensor(x, dtype=native), state.device)
        return placing.number(x, native, state.device)

    def to_numpy(self, x):
        x = x.detach()
        x = x.full_tensor() if is_spread(x) else x
        x = x if x.device.type == "cpu" else x.cpu()
        name = _NAMES[x.dtype]
        if name in _BITS:
            return x.contiguous().view(_BITS[name]).numpy().view(getattr(ml_dtypes, name))
        return x.resolve_conj().resolve_neg().numpy()

    def dtype(self, x):
        return _NAMES[x.dtype]

    def cast(self, x, dtype):
        return x.to(_NATIVE[dtype])

    # Arrays

    def zeros(self, shape, dtype):
        return torch.zeros(shape, dtype=_NATIVE[dtype], device=state.device)

    def full(self, shape, value, dtype):
        return torch.full(shape, value, dtype=_NATIVE[dtype], device=state.device)

    def full_like(self, x, value, dtype):
        return torch.full_like(x, value, dtype=_NATIVE[dtype])

    def arange(self, start, stop, step, dtype):
        if dtype in ("uint16", "uint32", "uint64"):  # torch has no such kernel
            return torch.arange(start, stop, step, device=state.device).to(_NATIVE[dtype])
        return torch.arange(start, stop, step, dtype=_NATIVE[dtype], device=state.device)

    def eye(self, rows, columns, k, dtype):
        ones = torch.ones(max(rows, columns), dtype=_NATIVE[dtype], device=state.device)
        return (
            torch.diag(ones, k)[:rows, :columns]
            if k == 0
            else self._shifted_eye(rows, columns, k, dtype)
        )

    def _shifted_eye(self, rows, columns, k, dtype):
        i, j = (torch.arange(n, device=state.device) for n in (rows, columns))
        return (j - i[:, None] == k).to(_NATIVE[dtype])

    def transpose(self, x, axes=None):
        return x.permute(tuple(range(x.ndim - 1, -1, -1)) if axes is None else axes)

    @unsigned.by_value
    def flip(self, x, axis=None):
        axes = tuple(range(x.ndim)) if axis is None else axis
        return torch.flip(x, (axes,) if isinstance(axes, int) else axes)

    def repeat(self, x, repeats, axis=None):
        if isinstance(repeats, int):
            return torch.repeat_interleave(x, repeats, axis)
        # Known to the host, the size of the result need not be read back from a device.
        size = sum(int(n) for n in repeats) if isinstance(repeats, list | tuple) else None
        repeats = placing.beside(repeats, x)
        if repeats.is_floating_point():  # of an empty list
            repeats = repeats.long()
        return torch.repeat_interleave(x, repeats, axis, output_size=size)

    def roll(self, x, shift, axis=None):
        return torch.roll(x, shift) if axis is None else torch.roll(x, shift, axis)

    def split(self, x, sections, axis):
        if isinstance(sections, int):
            if x.shape[axis] % sections:
                raise ValueError("array split does not result in an equal division")
        return list(torch.tensor_split(x, sections, axis))

    def pad(self, x, pads, mode, value):
        return neural.pad(x, pads, mode, value)

    def take(self, x, indices, axis):
        if axis is None:
            x, axis = x.reshape(-1), 0
        if isinstance(indices, int):
            return x.select(axis, indices)
        if indices.dtype not in (torch.int32, torch.int64):
            indices = indices.long()
        # torch refuses negative indices. On CPU it says so, and most calls have none; elsewhere
        # the refusal would come too late; and of several processes one alone might see it.
        if x.device.type == "cpu" and not torch.compiler.is_compiling() and not is_spread(x):
            try:
                return _gathered(x, indices, axis % x.ndim)
            except (IndexError, RuntimeError):
                if not bool((indices < 0).any()):
                    raise
        return _gathered(
            x, torch.where(indices < 0, indices + x.shape[axis], indices), axis % x.ndim
        )

    def rows_at(self, x, indices):
        if torch.compiler.is_compiling():
            return super().rows_at(x, indices)
        if x.device.type != "cpu":
            return _rows_or_none(x, indices)
        if indices.dtype not in (torch.int32, torch.int64):
            indices = indices.long()
        return _gathered(x, indices, 0)

    @unsigned.by_value
    def take_along_axis(self, x, indices, axis):
        if torch.compiler.is_compiling():
            return _along_axis(x, indices.long(), axis % x.ndim)
        return torch.take_along_dim(x, indices.long(), axis)

    def sort(self, x, axis):
        return self._sorted(x, axis, False)[0]

    def argsort(self, x, axis):
        return self._sorted(x, axis, False)[1].to(torch.int32)

    def top_k(self, x, k, sorted):
        # torch.topk leaves the order of equal values open; a stable sort does not.
        values, places = self._sorted(x, -1, True)
        return values[..., :k], places[..., :k].to(torch.int32)

    def _sorted(self, x, axis, descending):
        if x.dtype not in unsigned.WIDER:
            return torch.sort(x, dim=axis, descending=descending, stable=True)
        found = torch.sort(in_order(x), dim=axis, descending=descending, stable=True)
        return out_of_order(found.values, x.dtype), found.indices

    def hypot(self, x1, x2):
        if not (x1.requires_grad or x2.requires_grad):
            return torch.hypot(x1, x2)
        # At the origin, where torch's derivative is NaN, it is 0.
        none = (x1 == 0) & (x2 == 0)
        return torch.where(none, 0, torch.hypot(torch.where(none, 1, x1), x2))

    @unsigned.by_value
    def cumsum(self, x, axis):
        return torch.cumsum(x, axis, dtype=x.dtype)

    @unsigned.by_value
    def cumprod(self, x, axis):
        return torch.cumprod(x, axis, dtype=x.dtype)

    def squeeze(self, x, axis=None):
        if axis is None:
            return torch.squeeze(x)
        for a in (axis,) if isinstance(axis, int) else axis:
            if x.shape[a] != 1:  # torch would leave the axis in place
                raise ValueError(f"squeeze: axis {a} of shape {tuple(x.shape)} is not of size 1.")
        return torch.squeeze(x, axis)

    def expand_dims(self, x, axis):
        return x.unsqueeze(axis) if isinstance(axis, int) else super().expand_dims(x, axis)

    # Elementwise: operators, since they take Python scalars on either side

    @unsigned.by_order
    def maximum(self, x1, x2):
        return self._extremum(torch.maximum, x1, x2)

    @unsigned.by_order
    def minimum(self, x1, x2):
        return self._extremum(torch.minimum, x1, x2)

    def _extremum(self, function, x1, x2):
        if not isinstance(x1, torch.Tensor):
            x1 = placing.number(x1, x2.dtype, x2.device)
        elif not isinstance(x2, torch.Tensor):
            x2 = placing.number(x2, x1.dtype, x1.device)
        return function(x1, x2)

    @unsigned.by_order
    def clip(self, x, x_min, x_max):
        if isinstance(x_min, torch.Tensor) or isinstance(x_max, torch.Tensor):
            return self.minimum(self.maximum(x, x_min), x_max)
        return torch.clamp(x, x_min, x_max)

    @unsigned.by_value
    def logical_and(self, x1, x2):
        return torch.logical_and(x1, placing.beside(x2, x1))

    @unsigned.by_value
    def logical_or(self, x1, x2):
        return torch.logical_or(x1, placing.beside(x2, x1))

    def sign(self, x):
        if x.dtype in unsigned.WIDER:
            return (x != 0).to(x.dtype)
        y = torch.sgn(x)
        return torch.where(torch.isnan(x), x, y) if x.dtype in self.float_types else y

    def round(self, x, decimals=0):
        return torch.round(x, decimals=decimals) if x.dtype.is_floating_point else x

    # Reductions

    sum = unsigned.by_value(
        _reduce(
            lambda x: torch.sum(x, dtype=x.dtype),
            lambda x, axis, keep: torch.sum(x, axis, keep, dtype=x.dtype),
        )
    )
    mean = _reduce(torch.mean, torch.mean)
    max = unsigned.by_order_along(_reduce(torch.max, torch.amax))
    min = unsigned.by_order_along(_reduce(torch.min, torch.amin))
    all = _reduce(torch.all, torch.all)
    any = _reduce(torch.any, torch.any)
    prod = unsigned.by_value(
        _reduce(
            lambda x: torch.prod(x, dtype=x.dtype),
            _one_by_one(lambda x, axis, keep: torch.prod(x, axis, keep, dtype=x.dtype)),
        )
    )

    @unsigned.by_order_along
    def argmax(self, x, axis=None, keepdims=False):
        return self._first(torch.max, torch.argmax, x, axis, keepdims)

    @unsigned.by_order_along
    def argmin(self, x, axis=None, keepdims=False):
        return self._first(torch.min, torch.argmin, x, axis, keepdims)

    def _first(self, both, place, x, axis, keepdims):
        """The first place of an extreme, by torch's kernel of value and place (`both`).

        On 2 cores it took 0.3 to 0.6 of the time of the kernel that gives the place alone
        (8,400 rows of 80 float32: 0.7 ms for 1.3), which compilers and exporters know better.
        """
        x = x.to(torch.uint8) if x.dtype == torch.bool else x
        if axis is None:
            y = self._first(both, place, x.reshape(-1), 0, False)
            return y.reshape((1,) * x.ndim) if keepdims else y
        if torch.compiler.is_compiling():
            return place(x, axis, keepdims).to(torch.int32)
        return both(x.detach(), axis, keepdims)[1].to(torch.int32)

    # Products

    @unsigned.by_value_and_boolean
    def matmul(self, x1, x2):
        if x1.is_cuda and not (x1.is_floating_point() or x1.is_complex()):
            return whole_numbers.matmul(x1, x2)
        if not precision.watched:
            return torch.matmul(x1, x2)
        return precision.product(torch.matmul, x1, x2)

    @unsigned.by_value_and_boolean
    def einsum(self, subscripts, *operands):
        dtype = operands[0].dtype
        if not (dtype.is_floating_point or dtype.is_complex):
            # torch sums integers in int64, and multiplies no sum with what is narrower.
            operands = [x.to(torch.int64) for x in operands]
            if operands[0].is_cuda:  # which has no products of integers
                y = torch.einsum(subscripts, *(x.cpu() for x in operands))
                return y.to(operands[0].device, dtype)
            return torch.einsum(subscripts, *operands).to(dtype)
        return precision.product(lambda *x: torch.einsum(subscripts, *x), *operands)

    # Neural-network kernels

    dense = staticmethod(neural.dense)
    quantized_dense = staticmethod(few_bits.quantized_dense)
    conv = biased_conv = staticmethod(folding.conv)
    conv_transpose = windows.conv_transpose
    ctc_loss = ctc.ctc_loss
    adaptive_pool = windows.adaptive_pool
    fold = windows.fold
    unfold = windows.unfold
    across_replicas = windows.across_replicas
    depthwise_conv = staticmethod(neural.depthwise_conv)
    pool = staticmethod(neural.pool)
    hard_sigmoid = staticmethod(neural.hard_sigmoid)
    hard_silu = staticmethod(neural.hard_silu)
    attention = staticmethod(neural.attention)
    has_flash_attention = True
    batch_normalization = staticmethod(neural.batch_normalization)
    batch_normalized = staticmethod(neural.batch_normalized)
    conv_batch_norm = folding.conv_batch_norm
    dense_block = folding.dense_block
    random_words = staticmethod(random.random_words)
    random_uniform = staticmethod(random.random_uniform)
    random_normal = staticmethod(random.random_normal)
    random_dropout = staticmethod(random.random_dropout)

    def leaky_relu(self, x, negative_slope):
        return torch.nn.functional.leaky_relu(x, negative_slope)

    def gelu(self, x, approximate):
        return torch.nn.functional.gelu(x, approximate="tanh" if approximate else "none")

    def layer_normalization(self, x, gamma, beta, axis, epsilon):
        sizes = neural.last_sizes(x, axis)
        if sizes is None or not neural.fits(gamma, x, sizes) or not neural.fits(beta, x, sizes):
            return super().layer_normalization(x, gamma, beta, axis, epsilon)
        return torch.nn.functional.layer_norm(x, sizes, gamma, beta, epsilon)

    def group_normalization(self, x, gamma, beta, groups, epsilon):
        x, gamma, beta, back = self._widened(x, gamma, beta)
        return back(neural.group_normalization(x, gamma, beta, groups, epsilon))

    def rms_normalization(self, x, gamma, axis, epsilon):
        sizes = neural.last_sizes(x, axis)
        if sizes is None or is_spread(x) or not neural.fits(gamma, x, sizes):
            return super().rms_normalization(x, gamma, axis, epsilon)
        return torch.nn.functional.rms_norm(x, sizes, gamma, epsilon)

    def cached_attention(self, query, key, value, keys, values, position, bias, mask, scale):
        fast = query.shape[1] == 1 and not torch.compiler.is_compiling()
        if not (fast and torch.is_inference_mode_enabled()):
            return super().cached_attention(
                query, key, value, keys, values, position, bias, mask, scale
            )
        return neural.one_token(query, key, value, keys, values, position, bias, mask, scale)

    def turn_halves(self, x, cos, sin):
        return x * cos + torch.roll(x, x.shape[-1] // 2, -1) * sin

    lstm = staticmethod(recurrent.lstm)
    gru = staticmethod(recurrent.gru)

    def logsumexp(self, x, axis=None, keepdims=False):
        axis = tuple(range(x.ndim)) if axis is None else axis
        return torch.logsumexp(x, axis, keepdims)

    # Weights and programs

    def make_value(self, array, dtype, trainable, memory_format):
        # A copy, which can be written to: PyTorch warns of arrays that cannot.
        return self._boxed(self.asarray(np.array(array), dtype), trainable, memory_format)

    def adopt_value(self, array, dtype, trainable, memory_format):
        return self._boxed(self.asarray(array, dtype), trainable, memory_format)

    def _boxed(self, tensor, trainable, memory_format):
        tensor = neural.arrange(tensor, memory_format)
        if trainable and tensor.dtype in self.float_types:
            return torch.nn.Parameter(tensor)
        return tensor

    def eagerly(self):
        return _disable_current_modes()

    def set_value(self, box, value):
        if box.device.type == "cpu" and is_recording():
            # A recording would change it now, and never again.
            raise RuntimeError(_CHANGES)
        placing.note_change(_CHANGES)
        with torch.no_grad():
            box.copy_(value)
        return box

    def abstract(self, function, given):
        from torch._subclasses.fake_tensor import FakeTensorMode

        with unlogged(FakeTensorMode.__module__):
            return self._traced(function, given, FakeTensorMode(allow_non_fake_inputs=True))

    def _traced(self, function, given, mode):
        with mode, torch.no_grad():
            inputs = [torch.empty(spec.shape, dtype=_NATIVE[spec.dtype]) for spec in given]
            return specs(self, function(*inputs))

    def device(self, kind, index):
        kind = "cuda" if kind == "gpu" else kind
        if kind == "cuda" and (index or 0) >= torch.cuda.device_count():
            raise ValueError(
                f"There is no device {kind}:{index or 0}; torch sees "
                f"{torch.cuda.device_count()} GPUs."
            )
        return torch.device(kind if index is None else f"{kind}:{index}")

    def seed(self, seed):
        torch.manual_seed(seed)

    def advance(self, box):
        if not (random.ordinary(box) or placing.is_noted_step()):
            return None
        if box.device.type == "cpu" and is_recording():
            raise RuntimeError(_CHANGES)
        placing.note_change(_CHANGES)
        key = box.clone()  # whole numbers, of which nothing is recorded
        box.add_(_one_draw(box.device))
        return key

    def set_trainable(self, native, trainable):
        if isinstance(native, torch.nn.Parameter):
            return native.requires_grad_(trainable)
        return torch.nn.Parameter(native) if trainable and native.is_floating_point() else native

    def placeholder(self, shape, dtype):
        return torch.empty(shape, dtype=_NATIVE[dtype], device=state.device)

    def exporter(self):
        from . import exporting

        return exporting

    def program_of(self, module, args, kwargs, dynamic_shapes):
        """The program of a `torch.nn.Module` as data; see `exported`."""
        from .exported import exported

        return exported(module, args, kwargs, dynamic_shapes)

    def move(self, layer, kind, index):
        layer.to(self.device(kind, index))

    def device_name(self, native):
        return "cpu" if native is None else str(native.device)

    def compiles_steps(self):
        return False  # torch.compile takes a minute, and is there when it is asked for

    def has_accelerators(self):
        return torch.accelerator.is_available()

    def peek(self, x):
        plain = type(x) is torch.Tensor and x.device.type == "cpu"
        if not plain or torch.compiler.is_compiling() or placing.is_noted():
            return None
        try:
            return x.detach().numpy()
        except RuntimeError:  # a batch of torch.func
            return None

    def peeked(self, x, function):
        if placing.is_noted_step() and x.device.type == "cpu":
            placing.on_host(lambda x: function(x.detach().numpy()), x)
        else:
            super().peeked(x, function)

    def device_of(self, x):
        return None if x.device.type == "cpu" else x.device

    def place(self, x, device):
        return x.to(device)

    def inference(self):
        return torch.inference_mode()

    def unrecorded(self):
        return torch.no_grad()

    def recorded_step(self, function, variables, model, changed):
        weights = lambda: [v.native for v in variables]  # noqa: E731
        drivers = (graphs.CudaDriver(), StepDriver())
        graphed = GraphedFunction(function, weights, drivers, hooked=model._native_hooked)

        def run(batches):
            if changed():
                graphed.forget()
            return graphed(batches)

        return run

    def inference_function(self, target):
        hooked = getattr(target.model, "_native_hooked", lambda: False)
        drivers = (graphs.CudaDriver(), CpuDriver()) if target.records_on_cpus else None
        graphed = GraphedFunction(
            target,
            lambda: [v.native for v in target.variables],
            drivers,
            consumed=target.consumed,
            hooked=lambda: state.observer is not None or hooked(),
        )

        def infer(*args, **kwargs):
            if meshes and any(is_spread(v.native) for v in target.variables):
                with torch.no_grad():  # DTensors know no inference mode
                    return target(*args, **kwargs)
            with torch.inference_mode():
                return graphed(*args, **kwargs)

        return infer

    def size(self, x):
        return prod(x.shape)
