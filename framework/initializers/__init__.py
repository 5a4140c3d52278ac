"""Starting values of weights: the same numbers on every backend for the same seed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..backends import registry
from ..configs import serialize_object
from ..named import Names, under_both_names
from .base import Initializer as Initializer
from .constant import STFT as STFT
from .constant import Constant as Constant
from .constant import Identity as Identity
from .constant import Ones as Ones
from .constant import Zeros as Zeros
from .drawn import GlorotNormal as GlorotNormal
from .drawn import GlorotUniform as GlorotUniform
from .drawn import HeNormal as HeNormal
from .drawn import HeUniform as HeUniform
from .drawn import LecunNormal as LecunNormal
from .drawn import LecunUniform as LecunUniform
from .drawn import Orthogonal as Orthogonal
from .drawn import RandomNormal as RandomNormal
from .drawn import RandomUniform as RandomUniform
from .drawn import TruncatedNormal as TruncatedNormal
from .drawn import VarianceScaling as VarianceScaling

IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
constant, identity, ones, zeros, stft = Constant, Identity, Ones, Zeros, STFT
glorot_normal, glorot_uniform, he_normal, he_uniform = (
    GlorotNormal, GlorotUniform, HeNormal, HeUniform,
)  # fmt: skip
lecun_normal, lecun_uniform, orthogonal = LecunNormal, LecunUniform, Orthogonal
random_normal, random_uniform, truncated_normal, variance_scaling = (
    RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling,
)  # fmt: skip

_names = Names(
    "initializer",
    under_both_names(
        Initializer, Constant, Identity, Ones, STFT, Zeros, GlorotNormal, GlorotUniform, HeNormal,
        HeUniform, LecunNormal, LecunUniform, Orthogonal, RandomNormal, RandomUniform,
        TruncatedNormal, VarianceScaling,
        IdentityInitializer=Identity, OrthogonalInitializer=Orthogonal, STFTInitializer=STFT,
        normal=RandomNormal, uniform=RandomUniform, one=Ones, zero=Zeros,
    ),
)  # fmt: skip


def get(identifier: Any) -> Any:
    """Returns the initializer of a name or config; an initializer or a callable as it is.

    A tensor or NumPy array stands for an initializer of its values. ValueError, with the names
    there are, for an unknown name.
    """
    if isinstance(identifier, np.ndarray | np.generic) or _is_tensor(identifier):
        return _given(identifier)
    return _names.get(identifier)


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Returns the config of an initializer, from which `deserialize` makes it."""
    return serialize_object(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Returns the initializer of a config; `custom_objects` has classes by more names."""
    return _names.deserialize(config, custom_objects)


def values_of(identifier: Any) -> Any:
    """Returns a function `(shape, dtype)` that gives the initializer's values, on the host if it
    can: a variable copies them to where it lies."""
    found = get(identifier)
    if isinstance(found, Initializer) and type(found).__call__ is Initializer.__call__:
        return found.array
    return found


def _is_tensor(x: Any) -> bool:
    kind = registry.TENSORS.get(type(x)) or registry.classify(type(x))
    return kind is registry.BOX or not isinstance(kind, registry.Kind)


def _given(values: Any) -> Callable[..., Any]:
    """An initializer of one shape: a tensor that is there already."""

    def initialize(shape: Any, dtype: Any = None) -> Any:
        if tuple(shape) != tuple(values.shape):
            raise ValueError(
                f"Expected `shape` to be {tuple(values.shape)} for direct tensor as initializer. "
                f"Received shape={tuple(shape)}"
            )
        from ..ops.conversion import convert_to_numpy

        array = values if isinstance(values, np.ndarray) else convert_to_numpy(values)
        return registry.current().asarray(np.asarray(array), dtypes.standardize(dtype))

    return initialize
