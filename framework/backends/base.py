"""The contract of a backend, and the kernels that are derived from its primitives.

Kernels get tensors of this backend, already promoted to a common dtype by the op that calls them;
axes are as the caller gave them. Names are those of the public ops.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from .. import dtypes
from . import registry
from .derived.arithmetic import Arithmetic
from .derived.arrays import Arrays
from .derived.control import Control
from .derived.image import Images
from .derived.linalg import Linalg
from .derived.neural import Neural
from .derived.picking import Picking
from .derived.random import Random
from .derived.signal import Signal
from .derived.transforms import Transforms
from .pads import explicit_pads as explicit_pads
from .pads import same_pads as same_pads
from .spread_parts import Part


class Backend(
    Arithmetic, Arrays, Images, Neural, Picking, Random, Linalg, Signal, Control, Transforms, ABC
):
    """Base of all backends. The contract (`backends.contract`) is what a subclass gives."""

    name: str
    tensor_types: tuple[type, ...] = ()
    float_types: frozenset = frozenset()  # native dtype objects, floating and complex
    # Those of `dtypes.STORED`, where the framework would compute in them. (In an empty tuple one
    # looks for nothing, and hashes nothing.)
    stored_types: frozenset | tuple = ()
    layer_base: type | None = None  # mixed into the class of a layer created on this backend
    differentiable = True
    compiles = False  # whether inference is compiled anew for each set of input shapes
    symbolic = False
    hosts = False  # whether its tensors are NumPy's arrays
    has_text = False  # whether there are tensors of text
    # The class of its own kernels on text, which have the names of `layers.preprocessing`'s on the
    # host; called with the name of what uses them.
    text_kernels: Any = None
    # The module that makes datasets of the framework's own, if it has such; see `utils`.
    datasets: Any = None
    functional = False  # whether a program is a function of its variables' values, as in JAX
    bundles = False  # whether it computes with many tensors as one, see `torch.bundles`
    full_backend: Any = None  # of the sparse side of a backend: the backend

    # Conversion -------------------------------------------------------------------------------

    @abstractmethod
    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        """`x` (native, NumPy, scalar or nested list) as a native tensor, in `dtype` if given."""

    @abstractmethod
    def dtype(self, x: Any) -> str:
        """The name of a native tensor's dtype."""

    def shape(self, x: Any) -> tuple:
        """The shape; ints, and where a graph does not know a dimension, a scalar tensor."""
        return tuple(x.shape)

    def static_shape(self, x: Any) -> tuple[int | None, ...]:
        """The shape as far as it is known without running anything."""
        return tuple(x.shape)

    def owner(self, cls: type) -> Any:
        """What owns tensors of type `cls`: this backend, its sparse side, or None."""
        return self if issubclass(cls, self.tensor_types) else None

    def is_sparse(self, x: Any) -> bool:
        """Whether `x` stores its non-zero elements only; see `backends.sparse`."""
        return False

    def densify(self, x: Any) -> Any:
        """`x` with all its elements stored."""
        return x

    def is_unrelated_error(self, error: Exception) -> bool:
        """Whether an error is none of an op's arguments: it then reaches the caller as it is."""
        return isinstance(error, MemoryError)

    def activate(self) -> Any:
        """Make this backend current for the thread; returns what was current before."""
        before = registry.state.backend
        registry.state.backend = self
        return before

    # Weights ----------------------------------------------------------------------------------

    @abstractmethod
    def make_value(self, array: Any, dtype: str, trainable: bool, memory_format: str | None) -> Any:
        """The native box (or tensor) that holds a variable, made from `array`.

        `memory_format` names what the tensor is ("dense", "conv", "depthwise" or None), so that the
        backend may store it in the order that its kernels like; its logical shape stays.
        """

    def set_value(self, box: Any, value: Any) -> Any:
        """Put a native tensor into `box`; returns the box that now holds it."""
        return value

    def eagerly(self) -> AbstractContextManager:
        """A context in which tensors are real, even while something is being traced."""
        return nullcontext()

    def read(self, box: Any) -> Any:
        """The tensor that a box holds."""
        return box

    def is_traced_constant(self, held: Any, read: Any) -> bool:
        """Whether `read`, made of what a variable has `held`, is a constant of a traced program."""
        return False

    def is_tracing(self, x: Any) -> bool:
        """Whether a tensor exists only while a program is traced."""
        return False

    def peeked(self, x: Any, function: Callable[[np.ndarray], None]) -> None:
        """Calls a function, such as a check, with the values of a tensor where `peek` gives them.

        It is called again wherever a recording of the call is replayed.
        """
        found = self.peek(x)
        if found is not None:
            function(np.asarray(found))

    def peek(self, x: Any) -> Any:
        """The values of a tensor as a NumPy array, where the host has them; else None."""
        return None

    def set_trainable(self, native: Any, trainable: bool) -> Any:
        """Tell the framework whether a variable's tensor trains; returns the tensor to keep."""
        return native

    def placeholder(self, shape: Any, dtype: str) -> Any:
        """A tensor that stands for one without values while shapes are inferred."""
        return self.zeros(shape, dtype)

    def has_accelerators(self) -> bool:
        """Whether the backend may have tensors on several devices, and refuses to mix them."""
        return False

    def device_of(self, x: Any) -> Any:
        """Where a tensor lies, if that is not the CPU; else None."""
        return None

    def place(self, x: Any, device: Any) -> Any:
        """`x` on a device that a layer's `_native_device` gave."""
        return x

    def move(self, layer: Any, kind: str, index: int | None) -> None:
        """Puts a layer's weights on a device, for good. ValueError for one that there is not."""
        raise ValueError(f"The layers of the {self.name} backend cannot be moved to {kind!r}.")

    def device_name(self, native: Any) -> str:
        """The name of the device on which a variable's tensor lies."""
        return "cpu"

    # Export -----------------------------------------------------------------------------------

    def exporter(self) -> Any:
        """The module that writes models in the framework's own formats."""
        raise ValueError(f"The {self.name} backend has no format of its own to export to.")

    def function_for_tensorflow(self, fn: Any, specs: list[Any], kwargs: dict[str, Any]) -> Any:
        """A function of this backend's tensors as one of TensorFlow's."""
        raise ValueError(
            f"A function of {self.name}'s tensors cannot be traced into a SavedModel: give a layer "
            "or a method of one, which is copied to TensorFlow, or write the function over "
            "TensorFlow's tensors under `isozoo.use_backend('tensorflow')`."
        )

    # Several devices --------------------------------------------------------------------------

    # Whether a tensor may lie on several devices, by the hooks below.
    has_sharded_tensors: bool = False

    def device_names(self, kind: str | None) -> list[str]:
        """The names of the devices of a kind ("cpu:0"); of the best kind if None."""
        if kind not in (None, "cpu"):
            raise ValueError(f"The {self.name} backend has no devices of the kind {kind!r}.")
        return ["cpu:0"]

    def process_place(self) -> tuple[int, int]:
        """How many processes work together, and the number of this one."""
        return 1, 0

    def join_processes(self, addresses: str | None, count: int | None, number: int | None) -> None:
        """Join this process with others."""
        raise ValueError(self.no_distribution("initialize"))

    def native_mesh(self, devices: Any, axis_names: tuple[str, ...]) -> Any:
        """The framework's mesh of devices, given by name."""
        raise ValueError(self.no_distribution("DeviceMesh.backend_mesh"))

    def native_layout(self, mesh: Any, axes: tuple[str | None, ...]) -> Any:
        """The framework's layout of a tensor whose axes are cut along those of a mesh."""
        raise ValueError(self.no_distribution("TensorLayout.backend_layout"))

    def distribute(self, x: Any, layout: Any) -> Any:
        """A tensor, or an array that all processes have, laid out."""
        raise ValueError(self.no_distribution("distribute_tensor"))

    def value_of_parts(
        self,
        shape: Any,
        dtype: str,
        layout: Any,
        read: Callable[[Any], Any],
        trainable: bool,
        memory_format: str | None,
    ) -> Any:
        """The box of a variable, laid out, whose parts `read(slices)` gives as NumPy's arrays.

        Only the parts that this process holds are read. The last two are as for `make_value`.
        """
        raise ValueError(self.no_distribution("Variable.assign"))

    def parts_of(self, x: Any) -> list[Part]:
        """The parts in which a tensor lies, each once; the same list in every process."""
        shape = tuple(x.shape)
        return [Part((0,) * len(shape), shape, (0,), {0: lambda: self.to_numpy(x)})]

    def exchanged(self, text: str) -> list[str]:
        """What each process gives, by their numbers; each gives at most 1,000 bytes.

        All processes call it, and none goes on before the last has come.
        """
        return [text]

    def spec_of_parts(self, shape: Any, dtype: Any, layout: Any) -> Any:
        """What the framework's reader of checkpoints takes for a tensor, laid out; None if none."""
        return None

    def join_parts(self, x: Any, layout: Any) -> Any:
        """The tensor, laid out, of which each process has a part."""
        raise ValueError(self.no_distribution("distribute_tensor"))

    def no_distribution(self, what: str) -> str:
        """Why something of `isozoo.distribution` is not done, and what to do instead."""
        return (
            f"{what}: the {self.name} backend has no such hook of several devices. "
            "isozoo.distribution lays out tensors on the jax backend, on torch over processes and "
            "on tensorflow over the devices of one process."
        )

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __reduce__(self) -> Any:
        return registry.get, (self.name,)

    # Programs ---------------------------------------------------------------------------------

    def unrecorded(self) -> AbstractContextManager:
        """A context in which nothing is recorded for gradients, and variables may be changed."""
        return nullcontext()

    def compiles_steps(self) -> bool:
        """Whether steps go through the strongest compiler where the user leaves it open."""
        return self.has_accelerators()

    def inference(self) -> AbstractContextManager:
        """A context in which no gradients are wanted, and kernels may be chosen for that."""
        return nullcontext()

    def inference_function(self, target: Any) -> Callable[..., Any]:
        """`f(*args, **kwargs)`: the outputs of a `MethodTarget`, compiled, without gradients."""
        return target

    def advance(self, box: Any) -> Any:
        """The key that the state of a generator of seeds gives, which goes on by one draw.

        None where the state is to be read and assigned like any other variable.
        """
        return None

    def in_data_pipeline(self) -> bool:
        """Whether what is being traced is a function of the framework's own data pipelines."""
        return False

    @abstractmethod
    def abstract(self, function: Callable[..., Any], given: Sequence["Spec"]) -> Any:
        """Shapes and dtypes of `function(*tensors)` for inputs of the Specs `given`.

        Nothing is computed where the backend can trace. Returns a nested structure of
        `Spec(shape, dtype)` in place of tensors.
        """


class Spec:
    """The shape and the dtype of a tensor that does not exist, and whether it is sparse."""

    __slots__ = ("dtype", "shape", "sparse")

    def __init__(self, shape: Iterable[Any], dtype: str, sparse: bool = False) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.sparse = sparse

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"Spec(shape={self.shape}, dtype={self.dtype!r})"


def specs(backend: Any, out: Any) -> Any:
    """`out`, nested, with a Spec in the place of each tensor or number."""
    if out is None:
        return None
    if isinstance(out, dict):
        return {key: specs(backend, value) for key, value in out.items()}
    if isinstance(out, list | tuple):
        parts = [specs(backend, value) for value in out]
        return type(out)(*parts) if hasattr(out, "_fields") else type(out)(parts)
    if isinstance(out, bool | int | float | complex):
        return Spec((), dtypes.result_type(type(out)))
    owner = registry.owner_of(out)
    backend = backend if isinstance(owner, registry.Kind) else owner
    return Spec(backend.static_shape(out), backend.dtype(out), backend.is_sparse(out))


def native_order(x: Any) -> Any:
    """A NumPy array with its bytes in the order of this machine, as the frameworks want them."""
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
