"""Rows of ops: random draws.

The draws are defined bit for bit, so the backends are compared; that they have the distributions
which they should is what the tests of the package show.
"""

from ..draws import FLOATS, REAL, Draw, name_of
from ..rows import Call, row

RANDOM = (
    "beta binomial categorical dropout gamma normal randint shuffle truncated_normal uniform"
).split()
ALONE = {"meet": None, "symbolic": False, "compiled": ()}


def _named(default: str = "float32"):
    return lambda call: call.kwargs.get("dtype") or default


def _seeded(draw: Draw, kinds=FLOATS) -> dict:
    return {"dtype": draw.pick(None, *kinds), "seed": draw.whole(0, 99)}


def _between(draw: Draw) -> Call:
    limits = draw.pick((), (-1.0, 3.0), (0.0, 0.5))
    return Call([draw.shape(), *limits], _seeded(draw))


row("random.uniform", _between, None, dtype=_named(), **ALONE)
for name in ("normal", "truncated_normal"):
    row(f"random.{name}", lambda draw: Call([draw.shape(), *draw.pick((), (1.0, 2.0))],
        _seeded(draw)), None, dtype=_named(), error=64, size=lambda *a, **k: 4.0,
        **ALONE)  # fmt: skip
row("random.randint", lambda draw: Call([draw.shape(), *draw.pick((0, 5), (-9, 100), (3, 4))],
    {"dtype": draw.pick("int32", "int64", "int8", "uint8" if False else "int16"),
     "seed": draw.whole(0, 99)}), None, dtype=_named("int32"), **ALONE)  # fmt: skip
row("random.gamma", lambda draw: Call([draw.shape(), draw.pick(0.5, 2.0)], _seeded(draw)), None,
    dtype=_named(), error=64, **ALONE)  # fmt: skip
row("random.beta", lambda draw: Call([draw.shape(), 0.5, draw.pick(2.0, 1)], _seeded(draw)), None,
    dtype=_named(), error=64, **ALONE)  # fmt: skip
row("random.binomial", lambda draw: Call([draw.shape(), draw.pick(5, 60), draw.pick(0.3, 0.5)],
    _seeded(draw)), None, dtype=_named(), **ALONE)  # fmt: skip


def _parameters(draw: Draw) -> Call:
    shape = draw.shape(0, 2)
    kind = draw.dtype(("float32", "float64", "int32"))
    return Call([shape, draw.array(draw.alike(shape), kind, "positive")], _seeded(draw))


row("random.gamma", _parameters, None, meet=None, dtype=_named(), error=64)


def _dropped(draw: Draw) -> Call:
    x = draw.array(draw.shape(), draw.dtype(FLOATS), "wild")
    return Call([x, draw.pick(0.0, 0.5, 0.25)], {"seed": draw.whole(0, 99)})


row("random.dropout", _dropped, None, meet=None, dtype=lambda call: name_of(call.args[0]))


def _classes(draw: Draw) -> Call:
    x = draw.array((draw.size(), draw.size(1)), draw.dtype(FLOATS), "tame")
    return Call([x, draw.pick(1, 3)], {"dtype": draw.pick("int32", "int64"),
                "seed": draw.whole(0, 99)})  # fmt: skip


row("random.categorical", _classes, None, meet=None, dtype=_named("int32"))


def _shuffled(draw: Draw) -> Call:
    x = draw.array(draw.shape(1), draw.dtype((*REAL, "complex64")))
    return Call([x], {"axis": draw.axis(x.ndim), "seed": draw.whole(0, 99)})


row("random.shuffle", _shuffled, None, dtype="met")
