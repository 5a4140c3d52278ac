"""Drawings of models: every layer a box, every tensor an arrow, none over another."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

import isozoo
from isozoo import layers, utils

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def model():
    with isozoo.use_backend("numpy"):
        a, b = isozoo.Input((3,), name="a"), isozoo.Input((3,), name="b")
        inner = isozoo.Sequential(
            [layers.Dense(4, name="i1"), layers.Dropout(0.5, name="i2")], name="<inner>"
        )
        frozen = layers.Dense(4, activation="relu", name="frozen", trainable=False)
        total = layers.Add(name="total$")([inner(a), frozen(b)])
        joined = layers.Concatenate(name="joined")([layers.Dense(5, name="d5")(total), a])
        return isozoo.Model([a, b], isozoo.ops.relu(joined), name="net")


ALL = {
    "show_shapes": True,
    "show_dtype": True,
    "show_layer_names": True,
    "show_layer_activations": True,
    "show_trainable": True,
}


def _drawn(path):
    tree = ElementTree.parse(path).getroot()
    texts = [text.text for text in tree.iter(f"{SVG}text")]
    return texts, list(tree.iter(f"{SVG}polyline")), list(tree.iter(f"{SVG}rect"))


def _titles(rects):
    """The heads of the boxes: (left, top, right, bottom)."""
    found = []
    for rect in rects:
        if rect.get("fill") == "#202020":
            x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + w, y + h))
    return found


def test_svg(model, tmp_path):
    path = tmp_path / "net.svg"
    assert utils.plot_model(model, path, **ALL) is None
    texts, arrows, rects = _drawn(path)
    heads = ["a (InputLayer)", "b (InputLayer)", "<inner> (Sequential)", "frozen (Dense)",
             "total$ (Add)", "d5 (Dense)", "joined (Concatenate)", "relu (Relu)"]  # fmt: skip
    assert set(heads) <= set(texts)
    assert len(arrows) == 8  # a-inner, b-frozen, two into total, total-d5, two into joined, to relu
    assert texts.count("Trainable") == 2 and texts.count("Non-trainable") == 1
    assert "Activation: relu" in texts and "Output dtype: float32" in texts
    assert "Input shape: (None, 4), (None, 4)" in texts and "Output shape: (None, 8)" in texts
    boxes = _titles(rects)
    assert len(boxes) == len(heads)
    for p, q in combinations(boxes, 2):
        assert p[2] <= q[0] or q[2] <= p[0] or p[3] <= q[1] or q[3] <= p[1]

    utils.plot_model(model, path)
    texts, _, _ = _drawn(path)
    assert sorted(texts) == sorted(text[text.index("(") + 1 : -1] for text in heads)


@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
def test_arrows_run_the_way_that_is_asked(model, tmp_path, rankdir):
    path = tmp_path / "net.svg"
    utils.plot_model(model, path, rankdir=rankdir)
    for arrow in _drawn(path)[1]:
        points = [[float(x) for x in point.split(",")] for point in arrow.get("points").split()]
        steps = np.diff(np.array(points), axis=0)[:, 0 if rankdir in ("LR", "RL") else 1]
        assert (steps > 0).all() if rankdir in ("TB", "LR") else (steps < 0).all()


def test_nested(model, tmp_path):
    path = tmp_path / "net.svg"
    utils.plot_model(model, path, expand_nested=True, show_layer_names=True)
    texts, arrows, rects = _drawn(path)
    assert {"i1 (Dense)", "i2 (Dropout)", "<inner>"} <= set(texts)
    assert "<inner> (Sequential)" not in texts
    assert len(arrows) == 9
    assert sum(rect.get("stroke-dasharray") is not None for rect in rects) == 1


def test_png_and_dot(model, tmp_path):
    utils.plot_model(model, tmp_path / "net", dpi=72, **ALL)
    with Image.open(tmp_path / "net") as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    for color in ((34, 139, 34), (178, 34, 34), (32, 32, 32)):  # trainable, frozen, heads
        assert (pixels == color).all(1).sum() > 100
    utils.plot_model(model, tmp_path / "net.dot", show_layer_names=True, expand_nested=True)
    text = (tmp_path / "net.dot").read_text()
    assert text.startswith("digraph G {") and text.count("->") == 9
    assert "&lt;inner&gt;" not in text and 'label="<inner>"' in text
    assert text.count("{") == text.count("}") == 2


def test_what_cannot_be_drawn_is_refused(model, tmp_path):
    with isozoo.use_backend("numpy"):
        unbuilt = isozoo.Sequential([layers.Dense(2)])
    with pytest.raises(ValueError, match="not yet been built"):
        utils.plot_model(unbuilt, tmp_path / "x.svg")
    with pytest.raises(ValueError, match="not yet been built"):
        utils.model_to_dot(unbuilt)
    with pytest.raises(ValueError, match="Unknown format 'gif'"):
        utils.plot_model(model, tmp_path / "x.gif")
    with pytest.raises(ValueError, match="rankdir"):
        utils.plot_model(model, tmp_path / "x.svg", rankdir="up")
    with pytest.raises(ValueError, match="layer_range.*no longer"):
        utils.model_to_dot(model, layer_range=["a", "b"])
    with pytest.raises(ValueError, match="Unrecognized keyword"):
        utils.plot_model(model, tmp_path / "x.svg", show_color=True)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_of_pydot(model):
    import pydot

    graph = utils.model_to_dot(model, expand_nested=True, rankdir="LR", dpi=90)
    assert isinstance(graph, pydot.Dot) and graph.get("rankdir").strip('"') == "LR"
    (inner,) = graph.get_subgraphs()
    names = [node.get_name() for node in (*graph.get_nodes(), *inner.get_nodes())]
    assert sum(name not in ("node", "edge", '"\\n"') for name in names) == 9
    assert len(graph.get_edges()) == 9
    part = utils.model_to_dot(model, subgraph=True)
    assert isinstance(part, pydot.Cluster) and len(part.get_edges()) == 8
