"""isozoo.tree gives what keras.tree gives, and the errors say what was wrong."""

from __future__ import annotations

import collections

import keras
import pytest

import isozoo
from isozoo import layers, tree

Point = collections.namedtuple("Point", "x y")
AlsoPoint = collections.namedtuple("AlsoPoint", "x y")

STRUCTURES = {
    "a leaf": 3,
    "None": None,
    "empty": [],
    "lists": [1, [2, [3]], []],
    "tuples": ((1, 2), 3, (None,)),
    "dict": {"b": 1, "a": [2, 3], "c": {"e": None, "d": 4}},
    "numbers as keys": {100: "world", 6: "hello"},
    "ordered": collections.OrderedDict(b=1, a=(2, 3)),
    "default": collections.defaultdict(list, b=1, a=2),
    "deque": collections.deque([1, 2, (3,)]),
    "named": Point(1, {"z": 2}),
    "mixed": [Point((1, None), 2), {"k": (3, [4])}, "text"],
}


@pytest.mark.parametrize("kind", STRUCTURES)
def test_as_keras(kind):
    x = STRUCTURES[kind]
    assert tree.is_nested(x) == keras.tree.is_nested(x)
    assert tree.flatten(x) == keras.tree.flatten(x)
    assert tree.flatten_with_path(x) == keras.tree.flatten_with_path(x)
    for none_is_leaf in (True, False):
        mine, theirs = (
            module.map_structure(lambda v: (v, "seen"), x, none_is_leaf=none_is_leaf)
            for module in (tree, keras.tree)
        )
        assert mine == theirs and type(mine) is type(theirs)
    assert tree.lists_to_tuples(x) == keras.tree.lists_to_tuples(x)
    count = len(tree.flatten(x))
    packed = tree.pack_sequence_as(x, range(count))
    assert packed == keras.tree.pack_sequence_as(x, range(count))
    assert tree.flatten(packed) == list(range(count))


@pytest.mark.parametrize("top_down", [True, False])
@pytest.mark.parametrize("kind", STRUCTURES)
def test_traverse_visits_in_the_same_order(kind, top_down):
    visits = ([], [])
    for seen, module in zip(visits, (tree, keras.tree), strict=True):
        module.traverse(seen.append, STRUCTURES[kind], top_down=top_down)
    assert visits[0] == visits[1]


def test_traverse_replaces():
    x = {"a": [1, 2], "b": (3, None)}
    assert tree.traverse(lambda v: sum(v) if isinstance(v, list) else None, x) == {
        "a": 3,
        "b": (3, None),
    }
    result = tree.traverse(lambda v: tree.MAP_TO_NONE if v == [1, 2] else None, x)
    assert result == {"a": None, "b": (3, None)}


def test_several_structures():
    assert tree.map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)]) == [11, (22,)]
    assert tree.map_structure_up_to([None, [None, None]], str, [[1, 1], [2, 2]]) == [
        "[1, 1]",
        ["2", "2"],
    ]
    shapes = {"a": (2, None), "b": [(3,), (4, 5)]}
    assert tree.map_shape_structure(len, shapes) == keras.tree.map_shape_structure(len, shapes)


SAME = [
    ([(0, 1)], [(2, 3)], True),
    ({"a": 1, "b": 2}, collections.OrderedDict(b=1, a=2), True),
    ([1, 2], (1, 2), False),
    ([1, 2], [1], False),
    ([1, 2], [1, [2]], False),
    ([1, [2]], [1, 2], False),
    (Point(1, 2), Point(3, 4), True),
    (Point(1, 2), AlsoPoint(1, 2), False),
    ({"a": 1}, {"b": 1}, False),
    (1, None, True),
]


@pytest.mark.parametrize(("a", "b", "same"), SAME)
def test_assert_same_structure(a, b, same):
    for module in (keras.tree, tree):
        if same:
            module.assert_same_structure(a, b)
        else:
            with pytest.raises(ValueError):
                module.assert_same_structure(a, b)


def test_assert_same_paths():
    tree.assert_same_paths([0, 1], (2, 3))
    tree.assert_same_paths(Point(1, 2), AlsoPoint(1, 2))
    with pytest.raises(ValueError, match=r"`a` missing in `b`: \('k', 1\)\. .*none"):
        tree.assert_same_paths({"k": [1, 2]}, {"k": [1]})


def test_what_a_layer_holds_is_nested(backend):
    class Holder(isozoo.Layer):
        def __init__(self):
            super().__init__()
            self.parts = {"b": layers.Dense(1), "a": layers.Dense(2)}

    parts = Holder().parts
    if backend == "torch":  # there it is a ModuleDict, as a torch program expects
        parts = parts.plain()
    assert [x.units for x in tree.flatten(parts)] == [2, 1]
    assert tree.map_structure(lambda x: x.units, parts) == {"a": 2, "b": 1}


def test_wrong_arguments():
    with pytest.raises(TypeError, match="`func` must be callable; got 3"):
        tree.map_structure(3, [1])
    with pytest.raises(TypeError, match="traverse: `func` must be callable"):
        tree.traverse(None, [1])
    with pytest.raises(ValueError, match="at least one structure"):
        tree.map_structure(len)
    with pytest.raises(ValueError, match="at least one structure"):
        tree.map_structure_up_to([1], len)
    with pytest.raises(ValueError):
        tree.map_structure_up_to([[1]], len, [1])
    with pytest.raises(ValueError):
        tree.pack_sequence_as([1, 2], [1])
    with pytest.raises(TypeError):
        tree.pack_sequence_as([1, 2], 1)
    with pytest.warns(DeprecationWarning, match="has no effect"):
        tree.assert_same_structure([1], [2], check_types=False)
