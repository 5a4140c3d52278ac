"""What every image classifier does, on a tiny ResNet."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo.applications import (
    ImageClassifier,
    ImageClassifierPreprocessor,
    ResNetImageClassifier,
)
from isozoo.hub import UnknownPresetError, list_presets
from isozoo.hub.labels import class_names, count_classes

TINY = {
    "input_conv_filters": 4,
    "stackwise_num_filters": (4, 8),
    "stackwise_num_blocks": (1, 1),
    "stackwise_num_strides": (1, 2),
}


@pytest.fixture(scope="module")
def tiny():
    with isozoo.use_backend("numpy"):
        model = ResNetImageClassifier(6, **TINY)
    model.preprocessor = ImageClassifierPreprocessor((32, 32), labels=list("abcdef"))
    return model


@pytest.fixture(scope="module")
def pictures(tiny):
    return tiny.sample_inputs()


def test_classify_gives_the_softmax_in_order(tiny, pictures):
    from scipy.special import softmax

    shares = softmax(tiny.predict(tiny.preprocessor(pictures)).astype("float64"), axis=-1)
    named = tiny.classify(pictures, top=6)
    assert len(named) == 2
    for row, share in zip(named, shares, strict=True):
        order = np.argsort(-share)
        assert [c.index for c in row] == order.tolist()
        assert [c.label for c in row] == ["abcdef"[i] for i in order]
        np.testing.assert_allclose([c.probability for c in row], share[order], rtol=1e-6)
        assert abs(sum(c.probability for c in row) - 1) < 1e-9


def test_one_picture_gives_one_list(tiny, pictures):
    alone = tiny.classify(pictures[0], top=2)
    assert len(alone) == 2 and alone == tiny.classify([pictures[0]], top=2)[0]


def test_batches_do_not_change_the_answers(tiny, pictures):
    one, two = (tiny.classify(pictures, batch_size=size) for size in (1, 2))
    assert [[c.index for c in row] for row in one] == [[c.index for c in row] for row in two]
    shares = [np.array([[c.probability for c in row] for row in found]) for found in (one, two)]
    np.testing.assert_allclose(*shares, rtol=1e-5)


@pytest.mark.parametrize("top", [0, 7])
def test_top_out_of_range(tiny, pictures, top):
    with pytest.raises(ValueError, match=f"got {top}"):
        tiny.classify(pictures, top=top)


def test_without_a_preprocessor_the_error_says_what_to_do(pictures):
    with isozoo.use_backend("numpy"):
        model = ResNetImageClassifier(6, **TINY)
    with pytest.raises(ValueError, match="model.preprocessor"):
        model.classify(pictures)


def test_every_backend_decides_alike(tiny):
    report = isozoo.verify(tiny)
    assert report.ok, report.table()
    assert {m.name for m in report.layers} >= {"backbone.stem", "backbone.stages.1.blocks.0"}


def test_sublayers_follow_the_dtype_that_was_asked_for():
    with isozoo.use_backend("numpy"):
        model = ResNetImageClassifier(6, dtype="float16", **TINY)
    assert {v.dtype for v in model.variables} == {"float16"}


def test_presets_are_registered():
    names = {
        preset.name for family in ("resnet", "efficientnet_lite") for preset in list_presets(family)
    }
    assert names >= {"resnet50", "resnet50_tv", "resnet50_hf", "efficientnet_lite0"}


def test_an_image_classifier_is_not_made_from_a_text_preset():
    with pytest.raises(UnknownPresetError):
        ImageClassifier.from_preset("no_such_preset")


def test_names_and_numbers_of_classes():
    own = {"id2label": {"0": "cat", "1": "dog"}}
    assert count_classes(own, 1000) == 2 and class_names(own, 2) == ("cat", "dog")
    unnamed = {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}
    assert count_classes(unnamed, 1000) == 2 and class_names(unnamed, 2) is None
    assert count_classes({}, 1000) == 1000 and class_names({}, 1000) is None
    assert count_classes({"num_classes": 3}, 1000) == 3
    assert class_names({"label_names": ["x", "y"]}, 2) == ("x", "y")
    with pytest.raises(ValueError, match="many"):
        count_classes({"num_classes": "many"}, 1000)
