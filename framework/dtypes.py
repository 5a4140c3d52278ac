"""Names of dtypes and the one promotion table that every backend follows.

The table is JAX's lattice (jax.readthedocs.io, "Type promotion semantics"): a Python scalar is
*weak* and never widens a tensor of its own kind, and an integer of any width with a float gives
that float.
"""

from functools import lru_cache

from . import config
from .typing import DType

WEAK = {bool: "bool", int: "int*", float: "float*", complex: "complex*"}

_ABOVE = {
    "bool": ("int*",),
    "int*": ("uint8", "int8"),
    "uint8": ("uint16", "int16"),
    "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"),
    "uint64": ("float*",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float*",),
    "float*": ("bfloat16", "float16", "complex*"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex*": ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}

ALL = tuple(name for name in _ABOVE if not name.endswith("*"))
FLOATS = ("bfloat16", "float16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
INTEGERS = tuple(name for name in ALL if "int" in name)
# Dtypes to keep numbers in: they are cast to and from, and nothing is computed in them.
STORED = ("float8_e4m3fn", "float8_e5m2")
# The dtype of text, which is no number: symbolic tensors have it, and tensors of TensorFlow.
TEXT = "string"


def _limits(name: str) -> tuple[int, int]:
    bits = int(name.removeprefix("u").removeprefix("int"))
    return (0, 2**bits - 1) if name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


# Bytes of one element.
ITEMSIZES = {
    name: 1 if name == "bool" else int("".join(c for c in name if c.isdigit())) // 8 for name in ALL
}
ITEMSIZES |= dict.fromkeys(STORED, 1)
# The smallest and the largest number of each integer dtype.
LIMITS = {name: _limits(name) for name in INTEGERS}
# The largest finite number of each float dtype: compilers cannot look into ml_dtypes.finfo.
LARGEST = {
    "float8_e4m3fn": 448.0,
    "float8_e5m2": 57344.0,
    "float16": 65504.0,
    "bfloat16": (2 - 2.0**-7) * 2.0**127,
    "float32": (2 - 2.0**-23) * 2.0**127,
    "float64": (2 - 2.0**-52) * 2.0**1023,
}


def _reach(name: str) -> frozenset[str]:
    found, todo = set(), [name]
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo.extend(_ABOVE[current])
    return frozenset(found)


_UP = {name: _reach(name) for name in _ABOVE}


def _join(first: str, second: str) -> str:
    """The least dtype above both: the one from which every other common one can be reached."""
    common = _UP[first] & _UP[second]
    return next(name for name in common if common <= _UP[name])


_NAMED = frozenset((*ALL, *STORED, TEXT))


def standardize(dtype: DType) -> str:
    """Returns the name of a dtype given as a string, a Python type, or a NumPy, JAX, torch or TF
    dtype.

    Raises ValueError for anything that is not a dtype of the table.
    """
    if type(dtype) is str and dtype in _NAMED:
        return dtype
    if dtype is None:
        return config.floatx()
    # By identity: a NumPy dtype equals the Python type that it stands for.
    if isinstance(dtype, type) and dtype in WEAK:
        return _concrete(WEAK[dtype])
    # np.dtype and tf.DType carry `.name`, NumPy scalar types `__name__`, torch prints "torch.x".
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None)
    if not isinstance(name, str):
        name = getattr(dtype, "__name__", None) or str(dtype)
    name = name.removeprefix("torch.").removesuffix("_ref")
    name = {"bool_": "bool", "int": "int32", "float": config.floatx()}.get(name, name)
    if name not in _NAMED:
        expected = ", ".join((*ALL, *STORED))
        raise ValueError(f"{dtype!r} is not a dtype; expected one of: {expected}.")
    return name


# Keras's name of it.
standardize_dtype = standardize


def _concrete(name: str) -> str:
    """A weak dtype that met no tensor: the defaults of Python scalars."""
    if name == "float*":
        return config.floatx()
    return {"int*": "int32", "complex*": "complex64"}.get(name, name)


@lru_cache(maxsize=4096)
def _result(names: tuple[str, ...]) -> str:
    result = names[0]
    for name in names[1:]:
        result = _join(result, name)
    return result


def result_type(*dtypes: DType) -> str:
    """Returns the dtype in which operands of these dtypes meet.

    A dtype is a name or a dtype object; the Python types ``int``, ``float``, ``bool`` and
    ``complex`` stand for weak scalars. ``result_type("int64", "float32")`` is ``"float32"``.
    """
    if not dtypes:
        raise ValueError("result_type needs at least one dtype.")
    names = tuple(WEAK[d] if isinstance(d, type) and d in WEAK else standardize(d) for d in dtypes)
    computable(*names)
    return _concrete(_result(names))


def computable(*names: str) -> None:
    """Raises ValueError if a named dtype is one that numbers are kept in only."""
    for name in names:
        if name in STORED:
            raise ValueError(f"Nothing is computed in {name}: cast to another dtype first.")
        if name == TEXT:
            raise ValueError("Nothing is computed with text: look it up by a layer first.")


def is_float(name: str) -> bool:
    """Tells whether the named dtype is a real floating-point dtype."""
    return name in FLOATS


def is_float_dtype(dtype: DType) -> bool:
    """Tells whether a dtype, in any form that `standardize` takes, is a real floating-point
    dtype.
    """
    name = standardize(dtype)
    return is_float(name) or name in STORED


def is_int_dtype(dtype: DType) -> bool:
    """Tells whether a dtype, in any form that `standardize` takes, is an integer (``bool`` is
    not).
    """
    return is_integer(standardize(dtype))


def is_inexact(name: str) -> bool:
    """Tells whether the named dtype is floating-point or complex."""
    return name in FLOATS or name in COMPLEX


def is_integer(name: str) -> bool:
    """Tells whether the named dtype is a signed or unsigned integer (``bool`` is not)."""
    return name in INTEGERS


def floating(name: str) -> str:
    """Returns the dtype in which a function with real values answers: ``name`` if inexact, else
    floatx.
    """
    computable(name)
    return name if is_inexact(name) else config.floatx()


def wide(name: str) -> str:
    """Returns float64 for that dtype, and float32 for all others: sums and norms are made in it."""
    return name if name == "float64" else "float32"
