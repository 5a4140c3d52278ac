"""How a model's variables, its data and its layers' outputs lie on the devices of a mesh."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import config
from ..backends import registry
from ..context import entered
from .devices import list_devices
from .layout_map import LayoutMap
from .mesh import DeviceMesh, TensorLayout
from .placing import distribute_tensor, undivided


def distribution() -> Any:
    """Returns the Distribution in use; None if there is none."""
    return config.distribution()


def set_distribution(value: Any) -> None:
    """Sets the Distribution for variables that are made from now on, and for models that run.

    A model's variables are laid out when it trains or predicts, also those that were made before.
    A mesh is for models of the backend on which it was made, and models of others stay as they are;
    where the current backend is another, a warning says so.

    Args:
        value: a Distribution, or None.
    """
    backend = registry.current()
    if value is not None and not value.lays_out(backend):
        warnings.warn(
            f"set_distribution: the mesh was made on the {value.device_mesh.backend.name} backend, "
            f"and the current one is {backend.name}, whose models stay as they are. Make the mesh "
            f"on the backend of the models (isozoo.use_backend).",
            stacklevel=2,
        )
    config.set_distribution(value)


class Distribution:
    """Base of distributions; a subclass says how variables, data and outputs are laid out.

    Args:
        device_mesh: the mesh.
        batch_dim_name: the axis of the mesh along which batches are cut.
        auto_shard_dataset: for several processes, whether each reads the whole batch and keeps its
            part; if False, each reads a part of its own.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset
        self._num_processes, self._process_id = registry.current().process_place()
        self._is_multi_process = self._num_processes > 1

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str | None:
        """The axis of the mesh along which batches are cut."""
        return self._batch_dim_name

    @property
    def num_processes(self) -> int:
        """How many processes work together."""
        return self._num_processes

    @property
    def num_model_replicas(self) -> int:
        """How many whole copies of the model there are; 1 unless a subclass says more."""
        return 1

    @property
    def data_shard_id(self) -> int:
        """The number of the part of a batch that this process reads."""
        replicas = self.num_model_replicas
        if replicas >= self.num_processes:
            return self._process_id
        return self._process_id // (self.num_processes // replicas)

    def get_data_layout(self, data_shape: Any) -> TensorLayout:
        """Returns the layout of an array of a batch: its first axis is cut.

        Args:
            data_shape: the array's shape, with the axis of the batch first.
        """
        axes = [None] * len(data_shape)
        axes[:1] = [self.batch_dim_name]  # pyright: ignore[reportCallIssue, reportArgumentType]
        return TensorLayout(axes, self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Returns the layout of a variable: its own, or whole on each device.

        Args:
            variable: a Variable.
        """
        own = getattr(variable, "layout", None)
        return self._whole(len(variable.shape)) if own is None else own

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Returns the layout of a layer's outputs; None leaves it to the compiler.

        Args:
            path: of the layer, with `/output` behind it.
        """
        return None

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Returns a context in which this distribution is in use."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def distribute_dataset(self, dataset: Any) -> Any:
        """Returns what this process reads of a `tf.data.Dataset` of whole batches.

        `fit` needs no such thing. With one process, or without `auto_shard_dataset`, it is the
        dataset itself.

        Raises:
            ValueError: with several processes, what is no `tf.data.Dataset`, or one without a known
                batch size that the parts divide.
        """
        if not self._is_multi_process or not self.auto_shard_dataset:
            return dataset
        if not hasattr(dataset, "rebatch") or not hasattr(dataset, "element_spec"):
            raise ValueError(
                f"The dataset type {type(dataset)} is not supported for auto-sharding in "
                "multi-process setting."
            )
        parts, number = min(self.num_processes, self.num_model_replicas), self.data_shard_id
        return registry.get("tensorflow").datasets.part_of_batches(dataset, parts, number)

    # What models ask --------------------------------------------------------------------------

    def lays_out(self, backend: Any) -> bool:
        """Returns whether tensors of a backend are laid out: the mesh was made on it."""
        return backend.has_sharded_tensors and backend is self.device_mesh.backend

    def place_variable(self, variable: Any, native: Any) -> Any:
        """Returns a variable's native tensor, laid out.

        Raises:
            ValueError: a layout with other axes than the variable has, or that does not divide it.
        """
        backend = variable.backend
        if not self.lays_out(backend):
            return native
        layout = self._checked_layout(variable)
        with entered(backend=backend):
            return distribute_tensor(native, layout)

    def value_of(self, variable: Any, array: np.ndarray, dtype: str) -> Any:
        """Returns the native tensor of a variable, laid out, made of an array's parts.

        Of the array, which may be a view of a file, only the parts that lie here are read.

        Args:
            variable: without values.
            array: its values.
            dtype: the name of its dtype.

        Raises:
            ValueError: a layout with other axes than the variable has, or that does not divide it.
        """
        backend = variable.backend
        layout = self._checked_layout(variable)
        with entered(backend=backend):
            return backend.value_of_parts(
                variable.shape,
                dtype,
                layout.backend_layout,
                lambda slices: array[slices],
                variable.trainable,
                variable.memory_format,
            )

    def spec_of(self, variable: Any, dtype: Any) -> Any:
        """Returns what a framework's own reader of checkpoints takes for a laid out tensor.

        Args:
            variable: whose layout it has.
            dtype: NumPy's dtype of the values.

        Returns:
            The framework's object; None where there is no such reader.
        """
        backend = variable.backend
        if not self.lays_out(backend):
            return None
        layout = self._checked_layout(variable)
        with entered(backend=backend):
            return backend.spec_of_parts(variable.shape, dtype, layout.backend_layout)

    def _checked_layout(self, variable: Any) -> TensorLayout:
        layout, shape = self.get_variable_layout(variable), tuple(variable.shape)
        if len(layout.axes) != len(shape):
            raise ValueError(
                f"The layout {layout.axes} of the variable {variable.path!r} has "
                f"{len(layout.axes)} axes; its shape is {shape}."
            )
        if not layout.divides(shape):
            raise ValueError(f"The variable {variable.path!r}: {undivided(shape, layout)}")
        return layout

    def place_variables(self, variables: Iterable[Any]) -> None:
        """Lays out all variables that have values, by their paths."""
        for variable in variables:
            if variable.initialized and self.lays_out(variable.backend):
                variable.replace_native(self.place_variable(variable, variable.native))

    def place_data(self, backend: Any, x: Any) -> Any:
        """Returns an array of a batch, laid out; one that cannot be cut is whole on each device."""
        if not self.lays_out(backend):
            return x
        shape = tuple(x.shape)
        layout = self.get_data_layout(shape)
        with entered(backend=backend):
            if self._is_multi_process and not self.auto_shard_dataset:
                return backend.join_parts(x, layout.backend_layout)
            if not layout.divides(shape):
                layout = self._whole(len(shape))
            return backend.distribute(x, layout.backend_layout)

    def place_output(self, x: Any, layout: TensorLayout) -> Any:
        """Returns a layer's output, laid out; what has other axes than the layout stays."""
        owner = registry.owner_of(x)
        if owner is not self.device_mesh.backend or len(x.shape) != len(layout.axes):
            return x
        return distribute_tensor(x, layout)

    @property
    def lays_out_tensors(self) -> bool:
        """Whether outputs of layers have layouts of their own."""
        return False

    def _whole(self, rank: int) -> TensorLayout:
        return TensorLayout([None] * rank, self.device_mesh)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Each device has the whole model and a part of each batch.

    Args:
        device_mesh: a mesh of one axis; of several the first is used, with a warning.
        devices: names of devices, in place of a mesh; all of the backend if both are None.
        auto_shard_dataset: see Distribution.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Any = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            names = np.array(list_devices() if devices is None else devices)
            device_mesh = DeviceMesh(names.shape, ["batch"], names)
        elif not isinstance(device_mesh, DeviceMesh):
            raise ValueError(
                "Expect `mesh` to be an instance of `DeviceMesh`. "
                f"Received: mesh={device_mesh} (of type {type(device_mesh)})"
            )
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)
        if device_mesh.devices.ndim != 1:
            warnings.warn(
                "Expect the input mesh to be 1D, but received "
                f"mesh.devices.ndim={device_mesh.devices.ndim}. The first axis will be used for "
                "data-parallel sharding.",
                stacklevel=2,
            )

    @property
    def num_model_replicas(self) -> int:
        """How many whole copies of the model there are: one on each device."""
        return int(self.device_mesh.devices.size)


class ModelParallel(Distribution):
    """Variables are cut along axes of the mesh, as a map of layouts says; batches along another.

    Args:
        layout_map: path -> layout; a variable that it does not name is whole on each device.
        batch_dim_name: the axis of the mesh along which batches are cut; its first one if None.
        auto_shard_dataset: see Distribution.
        device_mesh: ignored, as in Keras: the mesh is that of the map.

    Raises:
        ValueError: no LayoutMap; more processes than copies of the model, and no multiple of them.
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        device_mesh: Any = None,
    ) -> None:
        if layout_map is None:
            raise ValueError("You must specify a layout_map argument.")
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(
                "Argument `layout_map` must be a `LayoutMap` instance. "
                f"Received: layout_map={layout_map}"
            )
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self._layout_map = layout_map
        replicas = self.num_model_replicas
        if self.num_processes > replicas and self.num_processes % replicas:
            raise ValueError(
                "If `num_processes` is greater than `num_model_replicas`, `num_processes` must be "
                "divisible by `num_model_replicas`. Got "
                f"num_processes={self.num_processes}, num_model_replicas={replicas}."
            )

    @property
    def num_model_replicas(self) -> int:
        """How many whole copies of the model there are: the devices along the batch's axis."""
        names = list(self.device_mesh.axis_names)
        return self.device_mesh.shape[names.index(self.batch_dim_name or names[0])]

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Returns a variable's own layout, else that of its path, else whole on each device."""
        own = getattr(variable, "layout", None)
        found = self._layout_map[variable.path] if own is None else own
        return self._whole(len(variable.shape)) if found is None else found

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Returns the map's layout of a path."""
        return self._layout_map[path]

    @property
    def lays_out_tensors(self) -> bool:
        """Whether outputs of layers have layouts of their own."""
        return any(key.endswith("output") for key in self._layout_map)
