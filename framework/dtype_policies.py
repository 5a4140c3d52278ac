"""Dtype policies: in which dtype a layer keeps its weights, and in which it computes."""

from typing import Any

from . import config as settings
from . import dtypes
from .configs import Configurable

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


class DTypePolicy(Configurable):
    """A pair of dtypes: of a layer's variables, and of its computations.

    Args:
        name: a dtype, for both; "mixed_float16" or "mixed_bfloat16" for float32 variables that are
            read as the shorter float.

    Raises:
        ValueError: a name that is neither.
    """

    def __init__(self, name: str = "float32") -> None:
        if not isinstance(name, str):
            raise TypeError(f"'name' must be a string, such as 'mixed_float16'. Received: {name!r}")
        self._name = name
        if name in _MIXED:
            self._compute_dtype, self._variable_dtype = _MIXED[name], "float32"
        else:
            try:
                dtype = dtypes.standardize(name)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"Cannot convert {name!r} to a mixed precision DTypePolicy. Valid policies "
                    "include 'mixed_float16', 'mixed_bfloat16', and the name of any float dtype "
                    "such as 'float32'."
                ) from error
            self._compute_dtype = self._variable_dtype = dtype

    @property
    def name(self) -> str:
        """The name of the policy."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype in which layers compute, and to which float inputs are cast."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the layers' variables."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """How weights are quantized; None where they are not."""
        return None

    @property
    def mixed(self) -> bool:
        """Whether variables are read in another dtype than their own."""
        return self._compute_dtype != self._variable_dtype

    def get_config(self) -> dict[str, Any]:
        """Returns the argument that makes the same policy."""
        return {"name": self.name}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


FloatDTypePolicy = DTypePolicy
_made: dict[str, DTypePolicy] = {}
_settings: dict[str, DTypePolicy] = {}


def dtype_policy() -> DTypePolicy:
    """Returns the policy of layers that are made without one: that of `floatx` unless set."""
    return _settings.get("policy") or get(settings.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Sets the policy of layers that are made without one: a DTypePolicy or the name of one."""
    _settings["policy"] = get(policy)


def get(identifier: Any) -> DTypePolicy:
    """Returns the policy that a name, dtype, config or policy means; the global one for None.

    Raises ValueError for anything else.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        inner = identifier.get("config", identifier)
        identifier = inner["name"] if isinstance(inner, dict) else inner
    if not isinstance(identifier, str):
        try:
            identifier = dtypes.standardize(identifier)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Cannot interpret `dtype` argument: expected a dtype, the name of a dtype policy "
                f"or a DTypePolicy. Received: {identifier!r}"
            ) from error
    found = _made.get(identifier)
    if found is None:
        found = _made[identifier] = DTypePolicy(identifier)
    return found
