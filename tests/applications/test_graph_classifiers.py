"""Image classifiers that are graphs, with the preparation of timm and of transformers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import isozoo
from isozoo import cli
from isozoo.framework.graphs import GraphError, from_onnx
from isozoo.framework.graphs.heads import head_of, with_classes
from isozoo.hub.finetuning import finetune
from isozoo.hub.graph_inputs import image_classifier

from ..framework.graphs import onnx_nets, torch_nets

# timm's config of weights: pictures of 8x8, cut out of such with a shorter side of int(8 / 0.7).
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
ABOUT = {
    "num_classes": 3,
    "label_names": ["cat", "cup", "dog"],
    "pretrained_cfg": {
        "input_size": [3, 8, 8],
        "crop_pct": 0.7,
        "crop_mode": "center",
        "interpolation": "bicubic",
        "mean": MEAN,
        "std": STD,
    },
}


class Net(nn.Module):
    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 2)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(6, classes)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).relu().mean((2, 3)))


@pytest.fixture(scope="module")
def module():
    return torch_nets.moved(Net()).eval()


@pytest.fixture(scope="module")
def folder(module, tmp_path_factory):
    """A preset of the module, as `convert timm:` writes one."""
    place = tmp_path_factory.mktemp("preset")
    read = isozoo.from_torch(module, torch.zeros(2, 3, 8, 8), backend="numpy")
    image_classifier(read, ABOUT).save_to_preset(place)
    return place


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 20, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def prepared(photo):
    """As timm does: Resize(11), CenterCrop(8), whose margins are round(3 / 2) and round(8 / 2)."""
    image = Image.open(photo).resize((11, 16), Image.Resampling.BICUBIC)
    pixels = np.asarray(image.crop((2, 4, 10, 12)), np.float32) / 255
    return ((pixels - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)[None]


def test_pictures_are_prepared_and_named_as_at_the_origin(backend, folder, module, photo):
    model = isozoo.from_preset(folder, backend=backend)
    x = prepared(photo)
    np.testing.assert_allclose(model.preprocessor(photo), x, atol=1e-6)
    with torch.no_grad():
        shares = module(torch.from_numpy(x)).softmax(-1)[0].numpy()
    found = model.classify(photo)
    assert [one.index for one in found] == np.argsort(-shares).tolist()
    assert [one.label for one in found] == [ABOUT["label_names"][one.index] for one in found]
    np.testing.assert_allclose([one.probability for one in found], np.sort(shares)[::-1], rtol=1e-5)


def test_values_inside_are_those_of_a_picture(folder, module, photo):
    model = isozoo.from_preset(folder, backend="numpy")
    name = next(node.outputs[0] for node in model.graph.nodes if node.op.startswith("relu"))
    x = torch.from_numpy(prepared(photo))
    with torch.no_grad():
        wanted = module.norm(module.conv(x)).relu().numpy()
    np.testing.assert_allclose(model.features(photo, name), wanted, atol=1e-5)
    with pytest.raises(GraphError, match="'x' is 'photo.png'; a tensor of float32 is expected"):
        model("photo.png")


def test_few_bits_are_told_and_keep_the_head(folder, tmp_path):
    model = isozoo.from_preset(folder, backend="numpy")
    model.quantize("int8")
    model.save_to_preset(tmp_path)
    again = isozoo.from_preset(tmp_path, backend="numpy")
    assert (again.num_classes, again.head) == (3, ("head.weight.levels", "head.bias"))
    report = isozoo.verify(tmp_path, ["numpy"])
    assert report.ok and report.runs[0]["weights"] == "int8_from_float32"
    with pytest.raises(GraphError, match="is kept in few bits: give the model its new head first"):
        isozoo.from_preset(tmp_path, backend="numpy", num_classes=2)


def test_the_command_line_names_a_picture(folder, photo, capsys):
    assert cli.main(["run", str(folder), str(photo), "--backend", "numpy", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["results"]
    assert len(found["classes"]) == 3


def test_a_certificate_is_made(folder):
    report = isozoo.verify(folder, ["numpy", "torch"])
    assert report.ok


@pytest.mark.parametrize("mode", ["head", "lora", "full"])
def test_a_new_head_is_trained(folder, tmp_path, mode):
    for color, name in ((0, "red"), (1, "green")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 60, (9, 9, 3), np.uint8)
            pixels[..., color] += 150
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    before = isozoo.from_preset(folder, backend="torch")
    made = finetune(
        str(folder),
        tmp_path / "data",
        tmp_path / "tuned",
        backend="torch",
        mode=mode,
        epochs=1,
        batch_size=8,
        validation=0.0,
        verbose=0,
    )
    tuned = isozoo.from_preset(tmp_path / "tuned", backend="numpy")
    assert list(tuned.labels) == ["green", "red"]
    assert tuned.weights_by_path()["head.weight"].shape == (2, 6)
    assert len(tuned.classify(tmp_path / "data" / "red" / "0.png")) == 2
    moved = {
        path
        for path, v in tuned.weights_by_path().items()
        if v.shape != (old := before.weights_by_path()[path].numpy()).shape
        or not np.array_equal(v.numpy(), old)
    }
    head = {"head.weight", "head.bias"}
    # The only matrix is the head's, so that adapters stand on the convolution.
    assert moved == {"head": head, "lora": head | {"conv.weight"}}.get(mode, moved)
    assert mode != "full" or {"conv.weight", "norm.running_mean"} < moved
    assert made.classes == ["green", "red"]


def test_heads_of_graphs():
    model = from_onnx(onnx_nets.convolutional(), "numpy")
    with pytest.raises(GraphError, match="has no head that could be replaced"):
        head_of(isozoo.from_torch(nn.Softmax(-1), torch.ones(2, 3)).graph)
    assert head_of(model.graph) == ("fc.weight", "rows", "fc.bias", 5, True)
    changed = with_classes(model.graph, 2)
    assert changed.weights["fc.weight"].shape == (2, 36)
    assert changed.outputs[0].shape == ("batch", 2)
    scores = isozoo.from_torch(
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        torch.ones(2, 3, 4, 4),
    )
    assert head_of(scores.graph)[:2] == ("0.weight", "conv_rows")


def test_a_graph_that_does_not_classify_stays_a_graph():
    model = isozoo.from_torch(nn.Softmax(-1), torch.ones(2, 3), backend="numpy")
    with pytest.warns(UserWarning, match="the graph does not become an image classifier"):
        assert image_classifier(model, ABOUT) is model
