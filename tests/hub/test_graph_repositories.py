"""ONNX files in repositories, through the checked cache, with what prepares their inputs."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

import isozoo
from isozoo import cli
from isozoo.framework.graphs import GraphError
from isozoo.hub import HubError, SourcesExhaustedError
from isozoo.hub.graph_inputs import load_graph_file

from ..framework.graphs.onnx_nets import array, model, value
from ..nlp.tiny_bert import CONFIG, TOKENS

REPO = "acme/reader"
node = helper.make_node
TABLE = np.random.default_rng(0).standard_normal((len(TOKENS) + 3, 8)).astype(np.float32)


def texts_net(location="model.onnx_data"):
    """The sum of the rows of tokens that are no padding; the table lies in another file."""
    nodes = [
        node("Gather", ["table", "input_ids"], ["rows"]),
        node("Cast", ["attention_mask"], ["real"], to=onnx.TensorProto.FLOAT),
        node("Unsqueeze", ["real", "last"], ["weights"]),
        node("Mul", ["rows", "weights"], ["kept"]),
        node("ReduceSum", ["kept", "first"], ["sums"], keepdims=0),
    ]
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [value(name, ["batch", "length"], onnx.TensorProto.INT64) for name in names]
    table = numpy_helper.from_array(TABLE, "table")
    made = model(nodes, inputs, [value("sums", None)], [table, array("last", [-1])])
    made.graph.initializer.append(array("first", [1]))
    held = made.graph.initializer[0]
    held.ClearField("raw_data")
    held.data_location = onnx.TensorProto.EXTERNAL
    for key, text in {"location": location, "length": TABLE.nbytes}.items():
        held.external_data.add(key=key, value=str(text))
    return made.SerializeToString()


@pytest.fixture
def served(hub, cache, monkeypatch):
    monkeypatch.setenv("ISOZOO_CACHE", str(cache.root))
    return hub


def opened(served, file, **how):
    """What `from_preset(REPO, file=file)` gives where the hub is this server."""
    return load_graph_file(f"hf://{REPO}", file, "numpy", endpoint=served.url, **how)


def text_files(**more):
    config = {**CONFIG, "model_type": "bert", "architectures": ["BertModel"]}
    return {
        "config.json": json.dumps(config).encode(),
        "vocab.txt": "\n".join(TOKENS).encode(),
        "onnx/model.onnx": texts_net(),
        "onnx/model.onnx_data": TABLE.tobytes(),
        **more,
    }


def test_a_graph_with_the_tokenizer_of_its_repository(served, tmp_path):
    served.add(REPO, text_files())
    model = opened(served, "onnx/model.onnx")
    assert isinstance(model, isozoo.GraphModel)
    rows = [["[CLS]", "the", "cat", "sat", "[SEP]"], ["[CLS]", "dog", "[SEP]"]]
    expected = [TABLE[[TOKENS.index(word) for word in row]].sum(0) for row in rows]
    found = model(model.preprocessor(["the cat sat", "dog"]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # Files that are here are not asked for again, and the preprocessor goes along.
    again = isozoo.from_preset(f"hf://{REPO}", file="onnx/model.onnx", offline=True)
    again.save_to_preset(tmp_path)
    model = isozoo.from_preset(tmp_path, backend="numpy")
    assert np.array_equal(model(model.preprocessor(["the cat sat", "dog"])), found)


def test_pictures_come_as_the_graph_takes_them(served):
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 4, "width": 4}}
    processor |= {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "rescale_factor": 1 / 255}
    config = {"model_type": "vit", "architectures": ["ViTForImageClassification"]}
    net = model(
        [node("ReduceMean", ["pixels"], ["means"], axes=[2, 3], keepdims=0)],
        [value("pixels", ["batch", 3, 4, 4])],
        [value("means", None)],
    )
    files = {"config.json": config, "preprocessor_config.json": processor}
    served.add(
        REPO,
        {name: json.dumps(content).encode() for name, content in files.items()}
        | {"model.onnx": net.SerializeToString()},
    )
    graph = opened(served, "model.onnx")
    picture = np.full((6, 6, 3), (51, 102, 204), np.uint8)
    found = graph(graph.preprocessor(picture))
    np.testing.assert_allclose(found, [[(x - 0.5) / 0.25 for x in (0.2, 0.4, 0.8)]], rtol=1e-5)


@pytest.mark.parametrize(
    ("file", "files", "error", "said"),
    [
        ("onnx/other.onnx", {}, SourcesExhaustedError, "it lacks onnx/other.onnx"),
        ("config.json", {}, HubError, "ends in .onnx"),
        ("../model.onnx", {}, HubError, "leaves its folder|plain relative"),
        (
            "onnx/model.onnx",
            {"onnx/model.onnx": texts_net("../../secret")},
            GraphError,
            "only plain files beside",
        ),
        ("onnx/model.onnx", {"onnx/model.onnx_data": b"short"}, GraphError, "takes 1024 bytes"),
    ],
)
def test_what_cannot_be_had_or_read_is_said(served, file, files, error, said):
    served.add(REPO, text_files(**files))
    said = said.replace("1024", str(TABLE.nbytes))
    with pytest.raises(error, match=said):
        opened(served, file)


def test_a_file_with_a_processor_is_an_image_classifier(tmp_path, capsys):
    """The mean of each colour over a picture, times a matrix that doubles it."""
    nodes = [
        node("ReduceMean", ["pixels"], ["means"], axes=[2, 3], keepdims=0),
        node("MatMul", ["means", "kernel"], ["logits"]),
    ]
    kernel = array("kernel", 2 * np.eye(3), np.float32)
    inputs = [value("pixels", ["batch", 3, 4, 4])]
    net = model(nodes, inputs, [value("logits", ["batch", 3])], [kernel])
    labels = {"0": "red", "1": "green", "2": "blue"}
    config = {"architectures": ["SomeForImageClassification"], "id2label": labels}
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 4, "width": 4}}
    source, out, photo = tmp_path / "source", tmp_path / "out", tmp_path / "photo.png"
    (source / "onnx").mkdir(parents=True)
    (source / "config.json").write_text(json.dumps(config))
    processor |= {"image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (source / "preprocessor_config.json").write_text(json.dumps(processor))
    (source / "onnx" / "model.onnx").write_bytes(net.SerializeToString())
    Image.fromarray(np.full((6, 6, 3), (51, 204, 102), np.uint8)).save(photo)
    file = ["--file", "onnx/model.onnx"]
    assert cli.main(["convert", str(source), *file, "--out", str(out), "--json"]) == 0
    capsys.readouterr()
    scores = 2 * (np.array([0.2, 0.8, 0.4]) - 0.5) / 0.25
    shares = np.exp(scores) / np.exp(scores).sum()
    for arguments in ([str(source), *file], [str(out)]):
        assert cli.main(["run", *arguments, str(photo), "--backend", "numpy", "--json"]) == 0
        (found,) = json.loads(capsys.readouterr().out)["results"]
        assert [one["label"] for one in found["classes"]] == ["green", "blue", "red"]
        given = [one["probability"] for one in found["classes"]]
        np.testing.assert_allclose(given, shares[[1, 2, 0]], rtol=1e-5)
