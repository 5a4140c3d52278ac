"""The guides' examples run, one after the other, as a reader would type them."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import isozoo
from isozoo import cli
from isozoo.applications import ImageClassifierPreprocessor
from isozoo.applications.published.model import KerasImageClassifier
from isozoo.hub.finetuning import DataError, finetune, read_labelled

from .forks import Program, finish

ROOT = Path(__file__).parent.parent


def _run_guide(name: str, count: int, folder: Path) -> str:
    """What the examples of a guide print, one after the other in one process."""
    text = (ROOT / "docs" / name).read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == count
    return finish([Program("\n".join(blocks), cwd=folder)])[0].stdout


def test_the_guide_to_training_runs(tmp_path):
    printed = _run_guide("training.md", 7, tmp_path)
    curves = re.findall(r"^(jax|torch|tensorflow) \[(.*)\]$", printed, re.M)
    numbers = [[float(x) for x in values.split(",")] for _, values in curves]
    assert len(numbers) == 3
    np.testing.assert_allclose(numbers, [numbers[0]] * 3, atol=2e-4)  # as printed
    assert "label='cold'" in printed
    assert re.search(r"^\d+ of \d+ variables are trained now$", printed, re.M)
    assert re.search(r"^37 kernels, \d{3,4} kB$", printed, re.M)


def test_the_guide_to_images_runs(tmp_path, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    shutil.copy(ROOT / "tests/data/chelsea.png", tmp_path)
    monkeypatch.chdir(tmp_path)
    printed = _run_guide("images.md", 4, tmp_path)  # which compares the backends itself
    assert "cat" in printed.splitlines()[0]
    assert "backbone.blocks.15 (1, 7, 7, 320)" in printed
    assert "'block_6_expand_relu': (1, 12, 12, 192)" in printed
    with image.open(tmp_path / "gradcam.png") as found:
        plain, seen = np.split(np.asarray(found, "float32"), 2, axis=1)
    # Behind a mean over the maps and a dense layer, the slopes are the class's weights (Selvaraju
    # et al. 2017, section 3.1): the maps times these, where that is positive.
    model = isozoo.from_preset("efficientnet_lite0", backend="numpy")
    maps = np.asarray(model.backbone.predict(model.preprocessor("chelsea.png"), verbose=0))[0]
    number = model.classify("chelsea.png", top=1)[0].index
    heat = np.maximum(maps @ np.asarray(model.classifier.kernel.numpy())[:, number], 0)
    large = image.fromarray((255 * heat / heat.max()).astype("uint8"))
    share = np.asarray(large.resize((224, 224), image.BICUBIC), "float32")[..., None] / 255 * 0.6
    expected = plain * (1 - share) + np.array([255, 40, 30], "float32") * share
    assert np.abs(seen - expected).max() <= 2  # both pictures, and the heat, are rounded


def test_the_guide_to_publishing_runs(tmp_path):
    lines = _run_guide("publishing.md", 8, tmp_path).splitlines()
    assert lines[0].startswith("101 ['1_Pooling/config.json', 'README.md', 'config.json', ")
    assert lines[1] == "[]"  # nothing differs from the certificate that was just written
    assert "'README.md', " in lines[2] or lines[2].endswith("'README.md']")
    assert "isozoo_preset_my_embedder-1.0.0-py3-none-any.whl ['my_embedder']" in lines
    assert "signed: False" in lines
    # A net of one's own, and what Keras opens of it.
    assert lines[lines.index("True") + 1] == str(sorted(["README.md", *_SAVED]))
    assert lines[-1] == " ['safetensors']"  # nothing to look at: the card tells the licence


_SAVED = ("config.json", "metadata.json", "model.weights.h5")


def _table(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


COLD = ["snow and ice", "frost at night", "a frozen lake", "an icy wind"]
WARM = ["a hot summer", "sun on the beach", "a warm bath", "tropical heat"]


def test_finetune_on_the_command_line(tmp_path, capsys):
    rows = [(t, "cold") for t in COLD * 4] + [(t, "warm") for t in WARM * 4]
    data = _table(tmp_path / "data.csv", rows)
    folder = tmp_path / "classifier"
    arguments = ["finetune", "all_minilm_l6_v2", str(data), "--to", str(folder), "--json"]
    arguments += ["--backend", "torch", "--mode", "head", "--epochs", "4", "--batch-size", "8"]
    assert cli.main([*arguments, "--learning-rate", "0.02", "--validation", "0.25"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == ["cold", "warm"] and found["rows"] == {"train": 24, "validation": 8}
    assert found["history"]["val_accuracy"][-1] == 1.0
    assert cli.main(["run", str(folder), "a cold winter", "--backend", "torch", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["results"][0]
    assert result["classes"][0]["label"] == "cold"


def test_images_in_class_folders(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, colour in (("dark", 20), ("light", 230)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(4):
            picture = image.new("RGB", (40, 30), (colour + number,) * 3)
            picture.save(tmp_path / "data" / name / f"{number}.png")
    found = finetune(
        "efficientnet_lite0",
        tmp_path / "data",
        tmp_path / "out",
        backend="torch",
        mode="head",
        epochs=3,
        batch_size=4,
        learning_rate=0.05,
        validation=0.25,
        verbose=0,
    )
    assert found.classes == ["dark", "light"] and found.rows == (6, 2)
    assert found.history["val_accuracy"][-1] == 1.0


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Dark and light pictures, in a folder for each class."""
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("pictures")
    for name, colour in (("dark", 20), ("light", 230)):
        (folder / name).mkdir()
        for number in range(4):
            image.new("RGB", (32, 32), (colour + number,) * 3).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    "mode, network, head, form",
    [
        ("lora", "MobileNetV2", "net.predictions.kernel", {"alpha": 0.35}),
        ("head", "MobileNetV3Small", "net.logits.kernel", {"alpha": 0.35, "minimalistic": True}),
    ],
)
def test_networks_of_keras_are_finetuned(mode, network, head, form, pictures, tmp_path):
    """What is trained changes, the rest does not, and the folder gives the same classifier."""
    with isozoo.use_backend("torch"):
        isozoo.utils.set_random_seed(0)
        model = KerasImageClassifier(3, network=network, image_size=32, **form)
        model.preprocessor = ImageClassifierPreprocessor((32, 32), crop="none")
        model.save_to_preset(tmp_path / "before")
        before = {path: v.numpy() for path, v in model.weights_by_path().items()}
        found = finetune(
            str(tmp_path / "before"), pictures, tmp_path / "after", mode=mode, backend="torch",
            epochs=1, batch_size=4, learning_rate=0.01, validation=0, rank=2, verbose=0,
        )  # fmt: skip
        after = found.model.weights_by_path()
        kernels = [path for path in before if path.endswith("kernel") and "predict" not in path]
        kernels = [path for path in kernels if "logits" not in path]
        changed = [p for p in kernels if (after[p].numpy() != before[p]).any()]
        assert (not changed) if mode == "head" else len(changed) > len(kernels) // 3
        assert f"backbone.{head}" in after and after[f"backbone.{head}"].shape[-1] == 2
        again = isozoo.from_preset(str(tmp_path / "after"))
        picture = str(pictures / "dark/0.png")
        assert again.labels == ("dark", "light")
        shares = [{c.label: c.probability for c in m.classify(picture, top=2)} for m in
                  (again, found.model)]  # fmt: skip
        assert shares[0] == pytest.approx(shares[1], rel=1e-4)


@pytest.mark.parametrize(
    "content, message",
    [
        ("a,b\n1,2\n", "which column holds each row's text"),
        ("text,label\n", "there is no row"),
        ("text,label\nx,one\ny,\n", "line 3: a text and a label are needed"),
        ("text,label\nx,one\ny,one\n", "at least two classes"),
        ("text,label\nx,\xff\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, content, message):
    path = tmp_path / "data.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        read_labelled(path)
    with pytest.raises(DataError, match="no such file"):
        read_labelled(tmp_path / "none.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images were found"):
        read_labelled(tmp_path / "empty")
    _table(path, [("x", "one"), ("y", "two")])
    with pytest.raises(DataError, match="there is no column 'words'"):
        read_labelled(path, text_column="words")
