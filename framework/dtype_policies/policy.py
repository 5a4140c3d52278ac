"""A dtype policy: in which dtype a layer keeps its weights, and in which it computes."""

from typing import Any

from .. import config as settings
from .. import dtypes
from ..configs import Configurable

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


class DTypePolicy(Configurable):
    """A pair of dtypes: of a layer's variables, and of its computations.

    Args:
        name: a dtype, for both; "mixed_float16" or "mixed_bfloat16" for float32 variables that are
            read as the shorter float. None stands for the name of the global policy.

    Raises:
        TypeError: a name that is not a string.
        ValueError: a name that is neither.
    """

    def __init__(self, name: str | None = None) -> None:
        name = dtype_policy().name if name is None else name
        self._name = name
        self._compute_dtype, self._variable_dtype = pair_of(name)

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
        return self.compute_dtype != self.variable_dtype

    def with_dtype(self, dtype: str) -> "DTypePolicy":
        """Returns the policy that differs from this one in its dtypes alone."""
        return DTypePolicy(dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same policy."""
        return {"name": self.name}

    def unnamed_config(self) -> dict[str, Any]:
        """Returns the config of a policy whose dtypes are left to the global policy."""
        return {"name": None}

    def __eq__(self, other: object) -> bool:
        plain = (DTypePolicy, FloatDTypePolicy)
        same = type(other) in plain if type(self) in plain else type(other) is type(self)
        return same and self.get_config() == other.get_config()  # pyright: ignore[reportAttributeAccessIssue]

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        cls = DTypePolicy if type(self) is FloatDTypePolicy else type(self)
        return f'<{cls.__name__} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """DTypePolicy by another name of Keras's."""


def pair_of(name: str) -> tuple[str, str]:
    """Returns (compute dtype, variable dtype) of the name of a policy without quantization.

    Raises TypeError for what is not a string, ValueError for another string.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"'name' must be a string, such as 'mixed_float16'. Received: name={name!r} (of type "
            f"{type(name).__name__})."
        )
    if name in _MIXED:
        return _MIXED[name], "float32"
    try:
        dtype = dtypes.standardize(name)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Cannot convert '{name}' to a mixed precision DTypePolicy. Valid policies include "
            "'mixed_float16', 'mixed_bfloat16', and the name of any float dtype such as 'float32'."
        ) from error
    return dtype, dtype


_settings: dict[str, DTypePolicy] = {}


def dtype_policy() -> DTypePolicy:
    """Returns the policy of layers that are made without one: that of `floatx` unless set."""
    return _settings.get("policy") or DTypePolicy(settings.floatx())


def set_global(policy: DTypePolicy | None) -> None:
    """Makes a policy the one of layers that are made without one; None follows `floatx` again."""
    _settings.pop("policy", None)
    if policy is not None:
        _settings["policy"] = policy
