"""Rows: parts are found under any name, through every method of a container that holds them."""

from __future__ import annotations

import collections

import numpy as np
import pytest

from isozoo import Layer, layers, ops

X = np.ones((2, 3), np.float32)


def _dense(units=1):
    return layers.Dense(units, input_dim=3)


class Holder(Layer):
    """Calls whatever is in `parts`, and adds it up."""

    def __init__(self, parts=None, **kwargs):
        super().__init__(**kwargs)
        self._parts = [] if parts is None else parts

    def call(self, x):
        found = self._parts.values() if isinstance(self._parts, dict) else self._parts
        total = ops.zeros((2, 1))
        for part in found:
            total = ops.add(total, part(x))
        return total


def _paths(layer, backend):
    """The paths of kernels; on torch those of `state_dict` and `parameters` are the same."""
    found = [path for path in layer.weights_by_path() if path.endswith("kernel")]
    if backend == "torch":
        assert [key for key in layer.state_dict() if key.endswith("kernel")] == found
        assert [n for n, _ in layer.named_parameters() if n.endswith("kernel")] == found
    return [path.removesuffix(".kernel") for path in found]


def test_private_attributes(backend):
    holder = Holder([_dense(), _dense()])
    assert _paths(holder, backend) == ["_parts.0", "_parts.1"]
    holder._one = _dense()
    assert _paths(holder, backend) == ["_parts.0", "_parts.1", "_one"]


LIST_CHANGES = {
    "append": (lambda x: x.append(_dense(4)), ["_parts.0", "_parts.1", "_parts.2"]),
    "extend": (lambda x: x.extend([_dense(4)]), ["_parts.0", "_parts.1", "_parts.2"]),
    "iadd": (lambda x: x.__iadd__([_dense(4)]), ["_parts.0", "_parts.1", "_parts.2"]),
    "insert": (lambda x: x.insert(0, _dense(4)), ["_parts.0", "_parts.1", "_parts.2"]),
    "setitem": (lambda x: x.__setitem__(0, _dense(4)), ["_parts.0", "_parts.1"]),
    "slice": (lambda x: x.__setitem__(slice(0, 1), [_dense(4), _dense(4)]),
              ["_parts.0", "_parts.1", "_parts.2"]),
    "delitem": (lambda x: x.__delitem__(0), ["_parts.0"]),
    "pop": (lambda x: x.pop(), ["_parts.0"]),
    "remove": (lambda x: x.remove(x[0]), ["_parts.0"]),
    "clear": (lambda x: x.clear(), []),
    "reverse": (lambda x: x.reverse(), ["_parts.0", "_parts.1"]),
    "sort": (lambda x: x.sort(key=lambda layer: -layer.units), ["_parts.0", "_parts.1"]),
}  # fmt: skip


def test_changes_of_a_list(backend):
    for change, (apply, expected) in LIST_CHANGES.items():
        holder = Holder([_dense(1), _dense(2)])
        before = list(holder._parts)
        apply(holder._parts)
        assert _paths(holder, backend) == expected, change
        assert isinstance(holder._parts, list)
        # The order of the paths is the list's.
        kernels = [v for path, v in holder.weights_by_path().items() if path.endswith("kernel")]
        assert [id(v) for v in kernels] == [id(layer.kernel) for layer in holder._parts], change
        gone = [layer for layer in before if layer not in holder._parts]
        kept = {id(v) for v in holder.weights}
        assert not {id(v) for layer in gone for v in layer.weights} & kept, change


DICT_CHANGES = {
    "setitem": (lambda x: x.__setitem__("c", _dense()), "a b c"),
    "setdefault": (lambda x: x.setdefault("c", _dense()), "a b c"),
    "setdefault_old": (lambda x: x.setdefault("a", 7), "a b"),
    "update": (lambda x: x.update(c=_dense(), a=_dense()), "a b c"),
    "ior": (lambda x: x.__ior__({"c": _dense()}), "a b c"),
    "pop": (lambda x: x.pop("a"), "b"),
    "popitem": (lambda x: x.popitem(), "a"),
    "delitem": (lambda x: x.__delitem__("b"), "a"),
    "clear": (lambda x: x.clear(), ""),
}


@pytest.mark.parametrize("kind", [dict, collections.OrderedDict])
def test_changes_of_a_dict(kind, backend):
    for change, (apply, expected) in DICT_CHANGES.items():
        holder = Holder(kind(a=_dense(), b=_dense()))
        apply(holder._parts)
        assert _paths(holder, backend) == [f"_parts.{k}" for k in expected.split()], change
        assert isinstance(holder._parts, kind)


def test_ordered_dict_moves_to_its_end(backend):
    holder = Holder(collections.OrderedDict(a=_dense(), b=_dense()))
    holder._parts.move_to_end("a")
    assert _paths(holder, backend) == ["_parts.b", "_parts.a"]
    assert list(holder.to_backend("numpy")._parts) == ["b", "a"]


def test_nested_lists_that_grow_later(backend):
    holder = Holder()
    holder.nested = [[_dense()], {"a": [_dense()]}]
    holder.nested[0].append(_dense())
    holder.nested[1]["a"].append(_dense())
    holder.nested[1].setdefault("b", []).append(_dense())
    assert _paths(holder, backend) == [
        "nested.0.0", "nested.0.1", "nested.1.a.0", "nested.1.a.1", "nested.1.b.0"]  # fmt: skip
    holder.nested[1]["a"].pop(0)
    assert len(_paths(holder, backend)) == 4


Pair = collections.namedtuple("Pair", "left right")


def test_tuples_stay_what_they_are(backend):
    holder = Holder()
    holder.pair = Pair(_dense(), [_dense()])
    holder.plain = (_dense(), (1, "a"))
    assert isinstance(holder.pair, Pair)
    assert holder.pair.left is holder.pair[0]
    assert isinstance(holder.plain, tuple)
    assert holder.pair == (holder.pair.left, holder.pair.right)
    assert holder.plain[1] == (1, "a")
    holder.pair.right.append(_dense())
    assert _paths(holder, backend) == ["pair.0", "pair.1.0", "pair.1.1", "plain.0"]
    made = holder.to_backend("numpy")
    assert type(made.pair) is Pair
    assert made.pair.left.kernel is made.weights_by_path()["pair.0.kernel"]


def test_containers_without_parts_stay_what_they_are(backend):
    holder = Holder()
    holder.sizes, holder.table = [1, 2], {"a": (1, 2)}
    holder.frozen, holder.names = frozenset("ab"), {"x"}
    assert holder.sizes == [1, 2]
    assert holder.table == {"a": (1, 2)}
    assert isinstance(holder.names, set)
    assert holder.sizes + [3] == [1, 2, 3]
    assert type(holder.frozen) is frozenset


def test_replaced_and_deleted_parts_are_gone(backend):
    holder = Holder([_dense()])
    old = holder._parts[0]
    holder._parts = [_dense()]
    assert id(old.kernel) not in {id(v) for v in holder.weights}
    assert _paths(holder, backend) == ["_parts.0"]
    holder.other = _dense()
    holder.other = 3
    assert (holder.other, _paths(holder, backend)) == (3, ["_parts.0"])
    holder.w = holder.add_weight((2,))
    holder.w = holder.add_weight((3,))
    assert [v.shape for p, v in holder.weights_by_path().items() if p == "w"] == [(3,)]
    del holder.w
    assert "w" not in holder.weights_by_path()
    del holder._parts
    assert holder.weights == []
    with pytest.raises(AttributeError):
        _ = holder._parts


def test_list_given_to_two_owners_belongs_to_each(backend):
    parts = [_dense()]
    first, second = Holder(parts), Holder(parts)
    first._parts.append(_dense())
    assert len(second._parts) == 1
    assert _paths(second, backend) == ["_parts.0"]


def test_variables_and_generators_in_containers(backend):
    from isozoo import Variable, random

    holder = Holder()
    holder.values = [Variable(np.ones(2, np.float32))]
    holder.draws = {"a": random.SeedGenerator(1)}
    assert list(holder.weights_by_path()) == ["values.0"]
    assert [p for p, _ in holder.named_variables()] == ["values.0", "draws.a.state"]


def test_attributes_before_super_init_raise_clearly(backend):
    class Early(Layer):
        def __init__(self):
            self.sub = _dense()

    with pytest.raises(RuntimeError, match="super"):
        Early()
