"""How tensors, symbolic ones and those with values, stand in configs."""

from typing import Any

from ..backends import registry
from ..serialization import array_of
from .graph import history
from .keras_tensor import KerasTensor


def encode(x: Any) -> Any:
    """Returns the form of a symbolic tensor or of a backend's tensor; else NotImplemented."""
    if isinstance(x, KerasTensor):
        place = None
        if x.node is not None:
            found = history(x)
            place = [found.operation.name, found.node_index, found.tensor_index]
        config = {"shape": list(x.shape), "dtype": x.dtype, "keras_history": place}
        return {"class_name": "__keras_tensor__", "config": config}
    owner = registry.owner_of(x)
    if owner not in registry.loaded():
        return NotImplemented
    values = owner.to_numpy(owner.read(x))
    return {
        "class_name": "__tensor__",
        "config": {"value": values.tolist(), "dtype": owner.dtype(x)},
    }


def decode(config: dict[str, Any]) -> Any:
    """Returns what `encode` described: a tensor of the current backend; else NotImplemented."""
    inner = config["config"]
    if not isinstance(inner, dict):
        return NotImplemented
    if config["class_name"] == "__keras_tensor__":
        return KerasTensor(inner["shape"], dtype=inner["dtype"])
    if config["class_name"] == "__tensor__":
        return registry.current().asarray(array_of(inner), inner["dtype"])
    return NotImplemented
