"""A dtype policy for each layer, by the layer's path."""

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from .. import serialization
from .policy import DTypePolicy
from .quantized import QuantizedDTypePolicy


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """A mapping from paths of layers to dtype policies; what is not in it has the default one.

    A key is a path, or a regular expression that a whole path fits.

    Args:
        default_policy: the policy of other layers; the global one if None.
        policy_map: policies by path.

    Raises:
        ValueError: a `default_policy` that is a map itself.
        TypeError: a `policy_map` that is not a dict.
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None):
        from . import get

        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("`default_policy` cannot be a `DTypePolicyMap`.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                f"If specified, `policy_map` must be a dict. Received: policy_map={policy_map!r} "
                f"of type {type(policy_map).__name__}"
            )
        self._default_policy_arg = default_policy
        self._default_policy = get(default_policy)
        self._policy_map: dict[str, DTypePolicy] = policy_map or {}

    @property
    def name(self) -> str:
        """ "map_" and the name of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers that the map does not name."""
        return self._default_policy

    @property
    def compute_dtype(self) -> str:
        """The default policy's."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The default policy's."""
        return self.default_policy.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """The default policy's."""
        return self.default_policy.quantization_mode

    def with_dtype(self, dtype: str) -> DTypePolicy:
        """Returns the map whose policies have another dtype."""
        changed = {path: policy.with_dtype(dtype) for path, policy in self._policy_map.items()}
        return DTypePolicyMap(self.default_policy.with_dtype(dtype), changed)

    def __getitem__(self, key: str) -> DTypePolicy:
        """The policy of a path: its own, that of the expression that fits, or the default.

        Raises ValueError where several expressions fit.
        """
        if key in self._policy_map:
            return self._policy_map[key]
        fitting = [pattern for pattern in self._policy_map if re.fullmatch(pattern, key)]
        if len(fitting) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple dtype policy specification keys: {fitting}. Please "
                "make sure each path only matches at most one dtype policy specification key in "
                "the DTypePolicyMap."
            )
        return self._policy_map[fitting[0]] if fitting else self.default_policy

    def of_layer(self, *paths: str) -> DTypePolicy:
        """Returns the policy of a layer by one of its paths, which may lack the names in front.

        A layer that is not yet part of its model knows the end of its path alone.
        """
        for path in paths:
            if path in self._policy_map or any(re.fullmatch(p, path) for p in self._policy_map):
                return self[path]
        for path in filter(None, paths):
            ends = [key for key in self._policy_map if key.endswith((f".{path}", f"/{path}"))]
            if len(ends) == 1:
                return self._policy_map[ends[0]]
        return self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        """Adds a policy. ValueError for a path that has one, or for what is not a policy."""
        from . import get

        if key in self._policy_map:
            raise ValueError(
                f"{key} already exist in the DTypePolicyMap with value {self._policy_map[key]}. "
                "Please make sure to not use duplicated keys."
            )
        try:
            self._policy_map[key] = get(policy)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "Cannot interpret the assigned value by `dtype_policies.get`. Received: "
                f"{policy!r} of type {type(policy).__name__}"
            ) from error

    def __delitem__(self, key: str) -> None:
        del self._policy_map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policy_map

    def __iter__(self) -> Iterator[str]:
        return iter(self._policy_map)

    def __len__(self) -> int:
        return len(self._policy_map)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((self.name, *self._policy_map))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same map.

        Where the default policy was left to the global one, so are the dtypes of all others, as in
        Keras.
        """
        found = serialization.serialize(self._policy_map)
        default = self._default_policy_arg
        if default is None:
            for path, policy in self._policy_map.items():
                found[path] = {**found[path], "config": policy.unnamed_config()}
        default = serialization.serialize(default)
        return {"default_policy": default, "policy_map": found}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Makes a map from what `get_config` gives, here or in Keras."""
        held = serialization.deserialize(config["policy_map"], custom_objects)
        return cls(**{**config, "policy_map": held})

    def __repr__(self) -> str:
        held = [(path, policy.name) for path, policy in self._policy_map.items()]
        return (
            f"<DTypePolicyMap at {hex(id(self))} default_policy={self.default_policy.name}, "
            f"mapping={held}>"
        )


def is_quantized(policy: DTypePolicy) -> bool:
    """Tells whether a policy is one of quantized weights, or may be for some layer."""
    return isinstance(policy, QuantizedDTypePolicy | DTypePolicyMap)
