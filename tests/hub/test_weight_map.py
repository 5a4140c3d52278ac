"""Templates, transforms (against NumPy) and the choice of rows."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo.hub import transforms as t
from isozoo.hub.weight_map import ZERO, Join, Row, Template, WeightMap


@pytest.mark.parametrize(
    ("template", "text", "holes"),
    [
        ("layer.{i}.weight", "layer.12.weight", {"i": 12}),
        ("layer{i+1}.{j}.conv", "layer1.0.conv", {"i": 0, "j": 0}),
        ("block_{i-1}", "block_0", {"i": 1}),
        ("{name}.weight", "word_embeddings.weight", {"name": "word_embeddings"}),
        ("{rest*}.weight", "a.b.0.weight", {"rest": "a.b.0"}),
        ("a.{i}.b.{i}", "a.3.b.3", {"i": 3}),
        ("{kind}_1", "7_1", {"kind": "7"}),
        ("block{s+1}{b:a}_conv", "block3c_conv", {"s": 2, "b": 2}),
    ],
)
def test_templates_match_and_fill(template, text, holes):
    made = Template(template)
    binding = made.match(text)
    assert binding is not None and dict(binding) == holes
    assert made.fill(binding) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("layer.{i}.weight", "layer.01.weight"),
        ("layer.{i}.weight", "layer.-1.weight"),
        ("layer.{i}.weight", "layer.1.weight.x"),
        ("layer{i+1}.x", "layer0.x"),
        ("{name}.weight", "a.b.weight"),
        ("a.{i}.b.{i}", "a.3.b.4"),
        ("a.b", "aXb"),
        ("block{b:a}", "block2"),
    ],
)
def test_templates_do_not_match(template, text):
    assert Template(template).match(text) is None


@pytest.mark.parametrize("template", ["a.{I}", "a{", "a}", "{}", "{name+1}", "{name:a}", "{b+1:a}"])
def test_bad_templates(template):
    with pytest.raises(ValueError):
        Template(template)


def test_rows_must_be_reversible():
    with pytest.raises(ValueError, match="holes differ"):
        Row("a.{i}", "b")
    with pytest.raises(ValueError, match="holes differ"):
        Row(("a.{i}", "a.{j}"), "b.{i}")
    with pytest.raises(ValueError, match="both sides"):
        Row("a", (ZERO,))
    with pytest.raises(ValueError, match="prefixes"):
        WeightMap(Row("a", "b"), prefixes=())


def array(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


CASES = [
    (t.transpose, (2, 3), lambda a: a.T),
    (t.conv2d, (4, 3, 5, 6), lambda a: np.einsum("oihw->hwio", a)),
    (t.conv2d_transpose, (4, 3, 5, 6), lambda a: np.einsum("iohw->hwoi", a)),
    (t.conv1d, (4, 3, 5), lambda a: np.einsum("oik->kio", a)),
    (t.depthwise_conv2d(), (4, 1, 3, 2), lambda a: np.einsum("cuhw->hwcu", a)),
    (
        t.depthwise_conv2d(2),
        (6, 1, 3, 2),
        lambda a: np.stack([np.einsum("chw->hwc", a[m::2, 0]) for m in (0, 1)], -1),
    ),
    (t.permute(2, 0, 1), (2, 3, 4), lambda a: np.transpose(a, (2, 0, 1))),
    (t.squeeze(1), (2, 1, 3), lambda a: a[:, 0]),
    (t.squeeze(-1), (2, 3, 1), lambda a: a[..., 0]),
    (t.expand(1), (2, 3), lambda a: a[:, None]),
    (t.expand(-1), (2, 3), lambda a: a[..., None]),
    (t.reshape((6, 4), (2, 3, -1)), (6, 4), lambda a: a.reshape(2, 3, 4)),
    (t.chain(t.transpose, t.reshape((-1, 6), (4, 2, 3))), (6, 4), lambda a: a.T.reshape(4, 2, 3)),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_transforms_go_forth_and_back(case):
    transform, shape, expected = CASES[case]
    foreign = array(*shape)
    (ours,) = transform.forward([foreign], 1)
    np.testing.assert_array_equal(ours, expected(foreign))
    assert transform.shapes([shape], 1) == [expected(foreign).shape]
    (back,) = transform.inverse([ours], 1)
    np.testing.assert_array_equal(back, foreign)


@pytest.mark.parametrize("transform", [t.transpose, t.conv2d, t.conv1d, t.squeeze(0), t.expand(0)])
def test_simple_transforms_copy_nothing(transform):
    shape = {t.conv2d: (2, 3, 1, 1), t.conv1d: (1, 2, 3)}.get(transform, (1, 4))
    foreign = array(*shape)
    assert np.shares_memory(transform.forward([foreign], 1)[0], foreign)


def test_split_and_concat():
    fused = array(6, 4)
    qkv = t.chain(t.split(0), t.transpose)
    parts = qkv.forward([fused], 3)
    for part, expected in zip(parts, np.split(fused, 3), strict=True):
        np.testing.assert_array_equal(part, expected.T)
    assert qkv.shapes([(6, 4)], 3) == [(4, 2)] * 3
    np.testing.assert_array_equal(qkv.inverse([*parts], 1)[0], fused)
    uneven = t.split(1, (1, 3))
    assert uneven.shapes([(6, 4)], 2) == [(6, 1), (6, 3)]
    np.testing.assert_array_equal(uneven.inverse([None, fused[:, 1:]], 1)[0][:, :1], 0)
    joined = t.concat(0)
    np.testing.assert_array_equal(joined.forward([fused, fused], 1)[0], np.vstack([fused] * 2))
    assert joined.shapes([(6, 4), (6, 4)], 1) == [(12, 4)]
    back = joined.inverse([np.vstack([fused, fused + 1])], 2)
    np.testing.assert_array_equal(back[1], fused + 1)


@pytest.mark.parametrize(
    ("transform", "shapes", "count"),
    [
        (t.transpose, [(2, 3, 4)], 1),
        (t.depthwise_conv2d(), [(4, 2, 3, 3)], 1),
        (t.depthwise_conv2d(3), [(4, 1, 3, 3)], 1),
        (t.squeeze(0), [(2, 3)], 1),
        (t.squeeze(0), [()], 1),
        (t.reshape((6, 4), (2, 3, 5)), [(6, 4)], 1),
        (t.reshape((6, 4), (2, -1)), [(6, 5)], 1),
        (t.split(0), [(5, 2)], 2),
        (t.split(0, (1, 2)), [(5, 2)], 2),
        (t.split(3), [(5, 2)], 2),
        (t.split(0), [(4,), (4,)], 2),
        (t.concat(0), [(2, 3), (2, 4)], 1),
        (t.concat(2), [(2, 3), (2, 3)], 1),
    ],
)
def test_shapes_that_do_not_suit_are_refused(transform, shapes, count):
    with pytest.raises(ValueError):
        transform.shapes(shapes, count)


def test_the_first_row_that_matches_counts_and_the_prefix_is_chosen_once():
    table = WeightMap(
        Row("embeddings.word.weight", "word"),
        Row("{name}.weight", "{name}.kernel"),
        Row("embeddings.{name}.weight", "{name}"),
        Row("cls.bias", "head.bias", prefixed=False),
        prefixes=("", "bert."),
    )
    paths = {"dense.kernel", "x", "head.bias"}
    assert table.choose_prefix(["dense.weight", "cls.bias"], paths) == ""
    prefixed = ["bert.dense.weight", "bert.embeddings.x.weight", "cls.bias"]
    assert table.choose_prefix(prefixed, paths) == "bert."
    # a row that matches anything decides nothing: what it gives must be a variable
    loose = WeightMap(Row("{rest*}.weight", "{rest*}.kernel"), prefixes=("", "bert."))
    assert loose.choose_prefix(prefixed, paths) == "bert."
    assert table.find_key("bert.embeddings.word.weight", "bert.")[0] is table.rows[0]
    assert table.find_key("cls.bias", "bert.")[0] is table.rows[3]
    assert table.find_key("bert.cls.bias", "bert.") is None
    assert table.find_key("dense.weight", "bert.") is None
    assert table.expected_keys("a.kernel", "bert.") == ["bert.a.weight"]
    assert table.expected_keys("head.bias", "bert.") == ["cls.bias"]
    assert table.expected_keys("x.y.z", "bert.") == []


def test_a_join_lists_its_parts():
    row = Row(Join("q.{i}", "k.{i}"), "qk.{i}", t.concat(0))
    assert row.joins and row.match_key("k.4") == (1, (("i", 4),))
    table = WeightMap(row)
    assert table.keys_of(row, (("i", 4),), "") == ["q.4", "k.4"]
