"""A grid of devices with names for its axes, and how a tensor lies on it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backends import registry
from .devices import list_devices


class DeviceMesh:
    """Devices in a grid, whose axes have names.

    Args:
        shape: how many devices stand along each axis.
        axis_names: a name for each axis, such as ["batch", "model"].
        devices: names of devices ("cpu:0"), as many as the shape has places; all of the current
            backend if None.

    Attributes:
        devices: NumPy array of names, of that shape.
        backend: the backend that was current, whose models the mesh is for.

    Raises:
        ValueError: an empty shape, other numbers of names than of axes, or of devices than of
            places.
    """

    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None
    ) -> None:
        if not shape or not axis_names:
            raise ValueError(
                "Shape and axis_names cannot be empty. Received: "
                f"shape={shape}, axis_names={axis_names}"
            )
        if len(shape) != len(axis_names):
            raise ValueError(
                "Shape and axis_names should have same size. Received: "
                f"shape={shape}, axis_names={axis_names}"
            )
        devices = np.array(list_devices() if devices is None else devices)
        if np.prod(shape) != devices.size:
            raise ValueError(
                "Shape does not match the number of devices. Received: "
                f"shape={shape}; devices.shape={devices.shape}"
            )
        self._shape, self._axis_names = shape, axis_names
        self.backend: Any = registry.current()
        self.devices: np.ndarray = devices.reshape(shape)
        self._native: dict[str, Any] = {}

    @property
    def shape(self) -> Sequence[int]:
        """How many devices stand along each axis."""
        return self._shape

    @property
    def axis_names(self) -> Sequence[str]:
        """The names of the axes."""
        return self._axis_names

    @property
    def backend_mesh(self) -> Any:
        """The mesh as the current backend's framework has it (`jax.sharding.Mesh`,
        `torch.distributed.DeviceMesh`, `dtensor.Mesh`).

        ValueError if the devices are not those that there are.
        """
        backend = registry.current()
        if backend.name not in self._native:
            self._native[backend.name] = backend.native_mesh(self.devices, tuple(self.axis_names))
        return self._native[backend.name]

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Which axes of a tensor are cut along which axes of a mesh.

    Args:
        axes: for each axis of the tensor the name of an axis of the mesh, or None for an axis that
            is whole on each device.
        device_mesh: the mesh; may be set later.

    Raises:
        ValueError: a name that the mesh does not have.
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self._axes = tuple(axes)
        self._device_mesh = device_mesh
        self._check()

    @property
    def axes(self) -> tuple[str | None, ...]:
        """For each axis of the tensor the name of the mesh's axis, or None."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, value: DeviceMesh) -> None:
        """Sets the mesh of a layout that has none yet. ValueError for one that has."""
        if self._device_mesh is not None:
            raise ValueError(
                f"Cannot override device mesh value. Existing value is {self._device_mesh}"
            )
        self._device_mesh = value
        self._check()

    @property
    def backend_layout(self) -> Any:
        """The layout as the current backend's framework has it (`jax.sharding.NamedSharding`;
        placements on torch, `dtensor.Layout` on TensorFlow).

        ValueError while there is no mesh.
        """
        if self._device_mesh is None:
            raise ValueError("Cannot create sharding when device mesh is not set for TensorLayout.")
        return registry.current().native_layout(self._device_mesh.backend_mesh, self._axes)

    def divides(self, shape: Sequence[int]) -> bool:
        """Returns whether each cut axis of a shape is a multiple of the devices along it."""
        sizes = self.sizes()
        return all(not n % sizes.get(name, 1) for n, name in zip(shape, self._axes, strict=False))

    def sizes(self) -> dict[str | None, int]:
        """Returns how many devices stand along each axis of the mesh, by name."""
        assert self._device_mesh is not None
        names: Sequence[str | None] = self._device_mesh.axis_names
        return dict(zip(names, self._device_mesh.shape, strict=True))

    def _check(self) -> None:
        if self._device_mesh is None:
            return
        known = set(self._device_mesh.axis_names)
        if unknown := {name for name in self._axes if name is not None} - known:
            raise ValueError(
                "Invalid axis names for Layout. Valid axis names: "
                f"{sorted(known)}; got {sorted(unknown)}."
            )

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"
