"""The promotion table against JAX's own, for every pair of dtypes, on every backend."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from isozoo import ops, use_backend
from isozoo.framework import dtypes

PYTHON = {bool: True, int: 3, float: 0.5, complex: 1j}


def _wide_jax():
    jax = pytest.importorskip("jax")
    return (
        jax.experimental.enable_x64()
        if hasattr(jax.experimental, "enable_x64")
        else (jax.enable_x64(True))
    )


@pytest.mark.parametrize("first", dtypes.ALL)
def test_table_is_jax_lattice(first):
    with _wide_jax():
        import jax.numpy as jnp

        for second in dtypes.ALL:
            expected = jnp.promote_types(jnp.dtype(first), jnp.dtype(second)).name
            if expected == "float64" and "float64" not in (first, second):
                expected = "float32"  # JAX's default float is 64 bits wide here; ours is floatx
            assert dtypes.result_type(first, second) == expected, second
        for kind, value in PYTHON.items():
            expected = jnp.result_type(jnp.zeros(1, first), value)
            # A weak scalar alone would take JAX's default width; ours is floatx, 32 bits.
            narrow = {"float64": "float32", "complex128": "complex64", "int64": "int32"}
            wide = dtypes.is_inexact(first) or (kind in (bool, int) and first != "bool")
            name = expected.name if wide else narrow.get(expected.name, expected.name)
            assert dtypes.result_type(first, kind) == name, kind


def test_three_dtypes_meet_as_a_set():
    """The table is a lattice: the order of operands does not matter."""
    for names in itertools.combinations(("uint8", "int8", "float16", "bfloat16", int, float), 3):
        assert len({dtypes.result_type(*p) for p in itertools.permutations(names)}) == 1, names


SAME = (
    "add multiply maximum minimum fmax fmin outer kron dot inner vdot tensordot matmul einsum "
    "concatenate where append"
).split()
NOBOOL = "floor_divide mod fmod power subtract cross".split()
FLOAT = (
    "divide true_divide divide_no_nan arctan2 hypot logaddexp logaddexp2 heaviside nextafter "
    "correlate average trapezoid"
).split()
INTEGER = "gcd lcm".split()
BITS = "bitwise_and bitwise_or bitwise_xor".split()
TRUTH = (
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor "
    "isclose"
).split()
REAL = (
    "maximum minimum fmax fmin floor_divide mod fmod arctan2 hypot logaddexp logaddexp2 heaviside "
    "nextafter less less_equal greater greater_equal correlate"
).split()


def _call(op, x, y):
    calls = {
        "where": lambda: ops.where(np.array([[True, False]] * 2), x, y),
        "concatenate": lambda: ops.concatenate([x, y]),
        "einsum": lambda: ops.einsum("ij,jk", x, y),
        "average": lambda: ops.average(x, weights=y),
        "correlate": lambda: ops.correlate(x[0], y[0]),
        "cross": lambda: ops.cross(x, y),
    }
    return calls.get(op, lambda: getattr(ops, op)(x, y))()


def _expected(op, first, second):
    """The dtype of the result; None where the op has no meaning for such operands."""
    joined = dtypes.result_type(first, second)
    if joined in dtypes.COMPLEX and op in REAL:
        return None
    if op in INTEGER or op in BITS:
        if dtypes.is_inexact(joined):
            return None
        return "int32" if joined == "bool" and op in INTEGER else joined
    if op in TRUTH:
        return "bool"
    if op in FLOAT:
        return dtypes.floating(joined)
    if op in NOBOOL and joined == "bool":
        return None if op in ("subtract", "cross") else "int32"
    if op in ("matmul", "einsum") and first == second == "int8":
        return "int32"
    return joined


@pytest.mark.parametrize("op", [*SAME, *NOBOOL, *FLOAT, *INTEGER, *BITS, *TRUTH])
def test_every_pair(op, backend):
    """Each backend gives the dtype of the table, whatever its own rules are."""
    wrong = {}

    def try_all():
        tensors = {d: ops.cast(np.array([[1, 0], [1, 1]]), d) for d in dtypes.ALL}
        for first, second in itertools.combinations_with_replacement(dtypes.ALL, 2):
            expected = _expected(op, first, second)
            if expected is not None:
                have = _outcome(lambda a=first, b=second: _call(op, tensors[a], tensors[b]))
                if have != expected:
                    wrong[first, second] = have

    if backend == "jax":  # traced, which compiles nothing
        import jax

        jax.eval_shape(try_all)
    else:
        try_all()
    assert not wrong, f"{len(wrong)} pairs: {dict(itertools.islice(wrong.items(), 12))}"


def _outcome(call):
    try:
        return dtypes.standardize(call().dtype)
    except Exception as error:
        return repr(error)[:80]


def test_every_scalar(backend):
    """A Python scalar is weak: it widens a tensor to its own kind and no further."""
    wrong = {}
    for name, (kind, value) in itertools.product(dtypes.ALL, PYTHON.items()):
        expected = dtypes.result_type(name, kind)
        have = _outcome(lambda n=name, v=value: ops.add(ops.cast(np.array([1, 0]), n), v))
        if have != expected:
            wrong[name, kind.__name__] = have
    assert not wrong


def test_jax_has_64_bits_where_they_are_named():
    """What is asked for by name is 64 bits wide, JAX's own defaults stay narrow."""
    with use_backend("jax"):
        import jax.numpy as jnp

        x = ops.cast([1, 2], "int64")
        assert x.dtype == "int64"
        big = ops.add(x, 2**40)
        assert big.dtype == "int64"
        assert ops.convert_to_numpy(big).tolist() == [2**40 + 1, 2**40 + 2]
        assert ops.convert_to_tensor(np.zeros(2)).dtype == "float64"
        assert ops.convert_to_tensor([0.5]).dtype == "float32"
        assert ops.mean(x).dtype == "float32"
        assert jnp.ones(2).dtype == "float32"


def test_standardize():
    assert dtypes.standardize(None) == "float32"
    assert dtypes.standardize(np.float64) == "float64"
    assert dtypes.standardize(np.dtype("int8")) == "int8"
    assert [dtypes.standardize(k) for k in (bool, int, float)] == ["bool", "int32", "float32"]
    for module in ("torch", "tensorflow", "jax.numpy"):
        import importlib

        module = importlib.import_module(module)
        assert dtypes.standardize(module.bfloat16) == "bfloat16"
        assert dtypes.standardize(getattr(module, "bool", getattr(module, "bool_", None))) == "bool"
    for wrong in ("float31", "int*", object, 3):
        with pytest.raises(ValueError, match="is not a dtype"):
            dtypes.standardize(wrong)


SCALARS = [(True, "bool"), (3, "int32"), (0.5, "float32"), (1j, "complex64")]


@pytest.mark.parametrize(("value", "dtype"), SCALARS)
def test_scalars_and_lists_alone(value, dtype, backend):
    for given in (value, [value], [[value, value]]):
        result = ops.convert_to_tensor(given)
        assert dtypes.standardize(result.dtype) == dtype
        assert ops.shape(result) == np.shape(given)
    both = ops.add(value, value)
    assert dtypes.standardize(both.dtype) == dtype


def test_numpy_scalars_are_arrays(backend):
    """np.float32(1) has a dtype of its own: it is no weak scalar."""
    x = ops.ones((2,), "float16")
    assert dtypes.standardize(ops.add(x, np.float32(1)).dtype) == "float32"
    assert dtypes.standardize(ops.add(x, np.int8(1)).dtype) == "float16"
    assert (
        dtypes.standardize(ops.multiply(np.float32(2), ops.ones((2,), "int32")).dtype) == "float32"
    )


def test_floats_of_integers_follow_floatx(backend):
    from isozoo import config

    config.set_floatx("float16")
    try:
        assert dtypes.standardize(ops.mean(np.array([1, 2], np.int32)).dtype) == "float16"
        assert dtypes.standardize(ops.zeros(2).dtype) == "float16"
    finally:
        config.set_floatx("float32")
    with pytest.raises(ValueError, match="floatx"):
        config.set_floatx("int32")


ALL_SAME = "absolute max min amax amin nan_to_num trunc clip cumsum cumprod nancumsum nancumprod"
ALL_FLOAT = (
    "sqrt exp log mean var std median nanmean nanvar nanstd nanmedian cbrt exp2 sinc i0 deg2rad "
    "rad2deg fabs angle reciprocal floor ceil logsumexp corrcoef trapezoid average quantile "
    "nanquantile percentile nanpercentile"
)
ONE = {
    **dict.fromkeys(ALL_SAME.split(), "same"),
    **dict.fromkeys("negative sign square round ptp nanmax nanmin".split(), "same"),
    **dict.fromkeys("sum prod nansum nanprod".split(), "sum"),
    **dict.fromkeys(ALL_FLOAT.split(), "float"),
    **dict.fromkeys("all any".split(), "bool"),
    **dict.fromkeys("argmax argmin nanargmax nanargmin".split(), "int32"),
}
# Booleans are counted in int32, have no meaning, or stay.
COUNTED = "clip cumsum cumprod nancumsum nancumprod square".split()
REFUSED = "negative sign ptp".split()
OF_COMPLEX = (
    "absolute trunc negative square sum prod nansum nanprod cumsum cumprod mean var std sqrt exp "
    "log angle all any average"
).split()
MORE = {"clip": (0, 1), "quantile": (0.5,), "nanquantile": (0.5,)}
MORE |= {"percentile": (50,), "nanpercentile": (50,)}


def _single(op, name):
    rule = ONE[op]
    if name in dtypes.COMPLEX:
        if op not in OF_COMPLEX or op == "trunc":
            return None
        real = op in ("absolute", "var", "std", "angle")
        return (
            {"complex64": "float32", "complex128": "float64"}[name]
            if real and rule
            else (name if rule in ("same", "sum", "float") else rule)
        )
    if name == "bool" and op in REFUSED:
        return None
    if rule == "sum" or op in COUNTED:
        narrow = {"bool": "int32"} if op in COUNTED else SUMS
        return narrow.get(name, name)
    return {"same": name, "float": dtypes.floating(name)}.get(rule, rule)


SUMS = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


@pytest.mark.parametrize("op", ONE)
def test_every_dtype(op, backend):
    """Functions and reductions of one tensor, in every dtype of the table."""
    wrong = {}

    def try_all():
        for name in dtypes.ALL:
            expected = _single(op, name)
            if expected is not None:
                x = ops.cast(np.array([[1, 0, 1], [1, 1, 0]]), name)
                have = _outcome(lambda x=x: getattr(ops, op)(x, *MORE.get(op, ())))
                if have != expected:
                    wrong[name] = have

    if backend == "jax":  # traced, which compiles nothing
        import jax

        jax.eval_shape(try_all)
    else:
        try_all()
    assert not wrong
