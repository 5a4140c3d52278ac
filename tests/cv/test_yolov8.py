"""YOLOv8 against ultralytics' numbers: with the same drawn weights, and of a trained file."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

import isozoo
from isozoo import ops
from isozoo.cv import MeanAveragePrecision, YOLOv8ObjectDetector
from isozoo.cv.adapters import ObjectDetectorFinetuningAdapter
from isozoo.cv.box_losses import detection_losses
from isozoo.cv.detection import Detected
from isozoo.cv.yolov8.head import Head, places
from isozoo.cv.yolov8.weight_map import ultralytics
from isozoo.hub import HubError, LicenceError, ReaderError, get_family, open_reader
from isozoo.hub.exporting import foreign_tensors
from isozoo.hub.labelled_boxes import Objects
from isozoo.hub.licences import VARIABLE

from . import drawn

TOLERANCE = 1e-5  # of the largest output: some hundred roundings, as sums of a thousand terms make
M = {"channels": (48, 96, 192, 384, 576), "depths": (2, 4, 4, 2), "neck_depth": 2}
numpy_alone = pytest.mark.parametrize("backend", ["numpy"], indirect=True)


@pytest.fixture(scope="module")
def expected(request):
    path = request.config.rootpath / "tests" / "data" / "yolov8.json"
    return json.loads(path.read_text())


def draw_file(path, **sizes):
    """Writes drawn weights under ultralytics' names; returns the path."""
    with isozoo.use_backend("numpy"):
        model = YOLOv8ObjectDetector(drawn.NUM_CLASSES, **sizes)
    paths = get_family("yolov8").map_paths(model.weights_by_path())
    tensors = foreign_tensors(paths, ultralytics())
    save_file({k: drawn.weights(k, t.shape).astype("float32") for k, t in tensors.items()}, path)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return draw_file(tmp_path_factory.mktemp("yolov8") / "yolov8n.safetensors")


def close(found, expected, tolerance=TOLERANCE) -> bool:
    found = np.asarray(found)
    return np.abs(found - np.asarray(expected)).max() <= tolerance * expected[0]


def outputs(model):
    images = drawn.images().astype("float32")
    logits = model(images)
    boxes = model.run_inside(model.decode, (logits, *drawn.SIZE), {})
    found = {"boxes": boxes, "scores": ops.sigmoid(logits["scores"]), "logits": logits["boxes"]}
    return {name: drawn.sample(ops.convert_to_numpy(value)) for name, value in found.items()}


def test_like_ultralytics_with_the_same_weights(backend, small, expected):
    model = isozoo.from_preset(small, pool_activation=False)
    assert isinstance(model, YOLOv8ObjectDetector) and model.num_classes == drawn.NUM_CLASSES
    for name, values in outputs(model).items():
        assert close(values, expected["n"][name]), name


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_another_size(backend, tmp_path, expected):
    """Its sizes are told by the shapes in the file; SiLU stands before the poolings."""
    model = isozoo.from_preset(str(draw_file(tmp_path / "m.safetensors", **M)))
    assert model.backbone.get_config()["channels"] == M["channels"]
    trained = sum(np.prod(v.shape) for v in model.trainable_variables)
    assert trained + 16 == expected["m"]["parameters"]  # ultralytics counts the 16 distances
    for name, values in outputs(model).items():
        assert close(values, expected["m"][name]), name


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
def test_losses_of_logits_like_ultralytics(backend, expected):
    head = Head(drawn.NUM_CLASSES, (2, 2, 2))
    points, strides = places(*drawn.SIZE)
    true = targets()

    def total(boxes, scores):
        logits = {"boxes": boxes, "scores": scores}
        decoded = head.decode(boxes, *drawn.SIZE)
        found = detection_losses(logits, decoded, points, strides, true["boxes"], true["classes"])
        return found.box + found.score + found.distance, found

    given = [ops.convert_to_tensor(x.astype("float32")) for x in drawn.logits().values()]
    (_, found), gradients = ops.value_and_grad(total, argnums=(0, 1), has_aux=True)(*given)
    found = [float(ops.convert_to_numpy(loss)) for loss in found]
    np.testing.assert_allclose(found, expected["losses"]["parts_of_logits"], rtol=1e-5)
    for found, (name, values) in zip(
        gradients, expected["losses"]["gradients_of_logits"].items(), strict=True
    ):
        assert close(drawn.sample(ops.convert_to_numpy(found)), values, 1e-4), name


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_losses_and_gradients_like_ultralytics(backend, small, expected):
    model = isozoo.from_preset(small)
    x = ops.convert_to_tensor(drawn.images().astype("float32"))
    y = {name: ops.convert_to_tensor(value) for name, value in targets().items()}

    def forward():
        logits = model(x, training=True)
        losses = model.run_inside(model.losses_of, (logits, y, *drawn.SIZE), {})
        return losses.box + losses.score + losses.distance, losses

    _, losses, gradients = model.loss_and_gradients(forward)
    found = [float(ops.convert_to_numpy(loss)) for loss in losses]
    # float32 through normalizations over twelve places, whose variances are small
    np.testing.assert_allclose(found, expected["losses"]["parts"], rtol=1e-4)
    paths = get_family("yolov8").map_paths(
        {
            variable.path: gradient
            for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
        }
    )
    arrays = {path: ops.convert_to_numpy(value) for path, value in paths.items()}
    named = foreign_tensors(arrays, ultralytics())
    for name, values in expected["losses"]["gradients"].items():
        assert close(drawn.sample(named[name].read()), values, 1e-3), name


def targets():
    most = max(map(len, drawn.OBJECTS))
    boxes = np.zeros((len(drawn.OBJECTS), most, 4), "float32")
    classes = np.full((len(drawn.OBJECTS), most), -1, "int32")
    for image, objects in enumerate(drawn.OBJECTS):
        for place, (label, box) in enumerate(objects):
            boxes[image, place], classes[image, place] = box, label
    return {"boxes": boxes, "classes": classes}


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_fit_teaches_a_detector(backend):
    """A small one learns coloured rectangles, and names them in pixels of the picture."""
    draw = np.random.default_rng(5)
    pictures, objects = [], []
    for number in range(8):
        picture = np.full((48, 64, 3), 90, np.uint8)
        label, side = number % 2, int(draw.integers(18, 28))
        left, top = int(draw.integers(2, 60 - side)), int(draw.integers(2, 46 - side))
        picture[top : top + side, left : left + side, 2 * label] = 250
        pictures.append(picture)
        objects.append([(("red", "blue")[label], (left, top, left + side, top + side))])
    model = YOLOv8ObjectDetector(2, channels=(8, 16, 16, 16, 16), depths=(1, 1, 1, 1))
    model.preprocessor = isozoo.cv.ObjectDetectorPreprocessor(64, labels=("red", "blue"))
    x, y = model.preprocessor.examples(pictures, objects)
    for layer in model._flatten_layers():
        if isinstance(layer, isozoo.layers.BatchNormalization):
            layer.momentum = 0.8  # so that sixty steps are enough
    model.compile(isozoo.optimizers.Adam(0.01))
    for _ in range(5):  # how soon it has learned hangs on rounding; most have after the first sixty
        model.fit(x, y, batch_size=8, epochs=60, verbose=0)
        precision = _precision(model, pictures, objects)
        if precision > 0.9:
            break
    assert precision > 0.9


def _precision(model, pictures, objects) -> float:
    """The average precision at an overlap of 0.5."""
    found = model.detect(pictures, score=0.1)
    metric = MeanAveragePrecision()
    for seen, true in zip(found, objects, strict=True):
        metric.update_state(
            [{"boxes": [true[0][1]], "classes": [model.labels.index(true[0][0])]}],
            [
                {
                    "boxes": [one.box for one in seen],
                    "classes": [one.index for one in seen],
                    "scores": [one.score for one in seen],
                }
            ],
        )
    return metric.result()["AP50"]


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_finetune_on_the_command_line(backend, tmp_path, capsys):
    """From a folder of YOLO's form to a preset that finds its classes; a new head for them."""
    from PIL import Image

    from isozoo.cli import main

    model = YOLOv8ObjectDetector(3, channels=(8, 16, 16, 16, 16), depths=(1, 1, 1, 1))
    model.preprocessor = isozoo.cv.ObjectDetectorPreprocessor(64)
    model.save_to_preset(tmp_path / "base")
    draw = np.random.default_rng(5)
    for part, count in (("train", 6), ("val", 1)):
        for kind in ("images", "labels"):
            (tmp_path / "data" / kind / part).mkdir(parents=True)
        for number in range(count):
            pixels = np.full((64, 64, 3), 90, np.uint8)
            side, label = int(draw.integers(20, 30)), number % 2
            left, top = (int(n) for n in draw.integers(2, 62 - side, 2))
            pixels[top : top + side, left : left + side, 2 * label] = 250
            Image.fromarray(pixels).save(tmp_path / "data" / "images" / part / f"{number}.png")
            numbers = (left + side / 2, top + side / 2, side, side)
            line = f"{label} " + " ".join(str(n / 64) for n in numbers)
            (tmp_path / "data" / "labels" / part / f"{number}.txt").write_text(line + "\n")
    table = "train: images/train\nval: images/val\nnames: [red, blue]\n"
    (tmp_path / "data" / "data.yaml").write_text(table)
    arguments = ["finetune", str(tmp_path / "base"), str(tmp_path / "data"), "--json"]
    arguments += ["--to", str(tmp_path / "out"), "--backend", "torch", "--batch-size", "6"]
    assert main([*arguments, "--epochs", "10", "--learning-rate", "0.02"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == ["red", "blue"] and found["rows"] == {"train": 6, "validation": 1}
    history = found["history"]
    assert history["loss"][-1] < 0.8 * history["loss"][0] and len(history["val_loss"]) == 10
    assert 0 <= history["val_AP"][0] <= history["val_AP50"][0] <= 1
    again = isozoo.from_preset(tmp_path / "out")
    assert again.labels == ("red", "blue") and again.preprocessor.image_size == 64
    assert again.predictor.scores[0].output_conv.kernel.shape[-1] == 2


def test_a_detector_is_judged_by_what_it_finds(tmp_path):
    """Of three objects two are found: precision 1 up to recall 2/3, which 67 of 101 reach."""
    from PIL import Image

    Image.new("RGB", (80, 40)).save(tmp_path / "a.png")
    boxes = [(0.0, 0.0, 0.25, 0.5), (0.5, 0.5, 1.0, 1.0), (0.5, 0.0, 0.75, 0.5)]
    found = [Detected(1, "b", 0.9, (0, 0, 20, 20)), Detected(1, "b", 0.8, (40, 20, 80, 40))]

    class Finder:
        def detect(self, pictures, score, batch_size):
            assert [picture.size for picture in pictures] == [(80, 40)]
            return [found]

    adapter = ObjectDetectorFinetuningAdapter(Finder())
    told = adapter.judge([str(tmp_path / "a.png")], [Objects([1, 1, 1], boxes, True)], 8)
    assert told == pytest.approx({"AP": 67 / 101, "AP50": 67 / 101})


# The trained file ----------------------------------------------------------------------------


@pytest.fixture
def trained(monkeypatch):
    """The name of the preset, whose licence is accepted."""
    spec = importlib.util.find_spec("railway_obstacle_detector")
    if spec is None and not os.environ.get("CI"):
        pytest.skip("the package smartrail-obstacle-detector is not installed")
    monkeypatch.setenv(VARIABLE, "AGPL-3.0")
    return "yolov8n_railway"


def test_what_a_trained_file_finds(backend, trained, expected, data_dir):
    """The objects in a photo, as ultralytics finds them, in pixels of the frame."""
    model = isozoo.from_preset(trained)
    assert list(model.labels) == list(expected["trained"]["names"].values())
    wanted = expected["trained"]["pictures"]["chelsea.png"]
    image, frame = model.preprocessor.frame(data_dir / "chelsea.png")
    assert [frame.height, frame.width] == wanted["frame"]
    assert drawn.sample(np.rint(image * 255)) == wanted["pixels"]  # OpenCV's, bit for bit
    proposed = model.compiled_method("propose")(image[None])
    (found,) = model.chosen(proposed, np.array([0.003, 0.7], "float32"))
    kept = np.array(wanted["kept"])
    assert np.array_equal(found[:, 5], kept[:, 5])
    # float32 against float64: a thousandth of a pixel in boxes as wide as the frame
    np.testing.assert_allclose(found[:, 4], kept[:, 4], rtol=1e-4)
    np.testing.assert_allclose(found[:, :4], kept[:, :4], atol=2e-3)
    best = model.detect(data_dir / "chelsea.png", score=0.003)[0]
    inside = (kept[0, :4] - [0, frame.top] * 2) / frame.scale
    np.testing.assert_allclose(best.box, inside.clip(0, [451, 300] * 2), atol=0.1)


@numpy_alone
def test_a_preset_is_saved_and_verified(backend, trained, tmp_path):
    model = isozoo.from_preset(trained)
    with open_reader(next(iter(model.preprocessor.files.values()))) as reader:
        theirs = {key for key in reader if not key.endswith("num_batches_tracked")}
    model.save_to_preset(tmp_path)
    with open_reader(tmp_path / "model.safetensors") as reader:
        assert set(reader) == theirs
    again = isozoo.from_preset(tmp_path)
    assert again.labels == model.labels and again.preprocessor.image_size == 640
    images = drawn.images().astype("float32")
    for name, value in model(images).items():
        np.testing.assert_array_equal(again(images)[name], value)
    again.preprocessor.image_size = 64
    report = isozoo.verify(again, ["numpy", "torch"], layers=False)
    assert report.ok and all(report.decisions["torch"]), report.table()


@numpy_alone
def test_weights_under_a_licence_are_asked_for(backend, trained, monkeypatch, capsys):
    from isozoo.cli import main

    monkeypatch.delenv(VARIABLE)
    with pytest.raises(LicenceError, match="AGPL-3.0: whoever passes on.*accept_licence=True"):
        isozoo.from_preset(trained)
    assert main(["info", trained]) == 0
    assert "terms: whoever passes on" in capsys.readouterr().out


@numpy_alone
def test_a_network_that_computes_something_else_is_named(backend, trained, tmp_path):
    """ReLU where SiLU is; a class that is not on the list; a file cut short."""
    (path,) = isozoo.hub.fetch_preset(trained).paths.values()
    content = path.read_bytes()
    cut = tmp_path / "cut.pt"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(ReaderError):
        isozoo.from_preset(cut)
    for old, new, message in (
        (b"torch.nn.modules.activation\nSiLU", b"torch.nn.modules.activation\nReLU", "is ReLU"),
        (b"ultralytics.nn.modules.block\nC2f", b"ultralytics.nn.modules.block\nC3x", "block C3x"),
    ):
        changed = tmp_path / "changed.pt"
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(changed, "w") as target:
            for name in source.namelist():
                target.writestr(name, source.read(name).replace(old, new))
        with pytest.raises(ReaderError, match=message):
            isozoo.from_preset(changed)


@numpy_alone
def test_files_of_other_models_are_refused(backend, small, tmp_path):
    save_file({"a.weight": np.zeros((2, 2), "float32")}, tmp_path / "other.safetensors")
    with pytest.raises(HubError, match="do not tell what model"):
        isozoo.from_preset(tmp_path / "other.safetensors")
    model = isozoo.from_preset(small)
    with pytest.raises(ValueError, match="multiples of 32"):
        model(np.zeros((1, 64, 80, 3), "float32"))
    with pytest.raises(ValueError, match="no preprocessor"):
        YOLOv8ObjectDetector(2, channels=(2, 2, 2, 2, 2)).detect(np.zeros((4, 4, 3), "uint8"))


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
@pytest.mark.filterwarnings("ignore:.*begin with new values")
def test_the_guide_runs(backend, trained, tmp_path, monkeypatch, data_dir, capsys):
    (path,) = isozoo.hub.fetch_preset(trained).paths.values()
    shutil.copy(path, tmp_path / "best.pt")
    shutil.copy(data_dir / "coffee.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    text = (data_dir.parents[1] / "docs" / "objects.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    exec("\n".join(blocks), {})
    printed = capsys.readouterr().out
    assert "('Animal', 'Car', 'Person', 'Rock', 'Trash', 'Tree')" in printed
    assert "('cup',) after 1 picture" in printed
    assert "Car [0, 0, 589, 395]" in printed and "'AP50': 1.0" in printed
