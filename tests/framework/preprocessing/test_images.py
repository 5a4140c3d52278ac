"""Layers on images: alike on each backend, in models, compiled, and in data pipelines."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops
from isozoo.framework.layers.preprocessing.images.base import BaseImagePreprocessingLayer
from isozoo.framework.nested import flatten, map_structure

from .images import (
    ATOL,
    BOXES,
    FIXED,
    IMAGES,
    KINDS,
    LABELS,
    LAYERS,
    WITHOUT_BOXES,
    data,
    made,
    on_host,
    on_numpy,
)


def assert_alike(found, wanted, atol=ATOL):
    """Two nested structures have the same parts, dtypes, shapes and, roughly, numbers."""
    if isinstance(wanted, dict):
        assert set(found) == set(wanted)
        for key, part in wanted.items():
            assert_alike(found[key], part, atol)
    else:
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_allclose(found, wanted, atol=atol, rtol=0)


def first(x):
    """The first of a batch."""
    return map_structure(lambda t: t[0], x)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("backend", ["jax", "torch", "tensorflow"], indirect=True)
def test_same_pixels(backend, name):
    """One seed draws the same for images, labels, boxes and masks as on numpy."""
    given, layer = data(name), made(name)
    if backend == "jax":  # as one program: JAX would compile each operation by itself
        import jax

        found = jax.jit(lambda x, state: layer.stateless_call([], state, x)[0])(
            given, layer.state_values()[1]
        )
    else:
        found = layer(given)
    assert_alike(on_host(found), on_numpy(name))
    assert given["images"] is IMAGES and set(given) == set(on_numpy(name))


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_every_layer(backend):
    """Configs, shapes, inference, one image, and the other data format."""
    for name in LAYERS:
        layer, wanted = made(name), on_numpy(name)
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config(), name
        assert_alike(on_host(again(data(name))), wanted, 0)
        # Sizes that are not known.
        symbolic = layer(isozoo.Input((8, 9, 3)))
        assert symbolic.shape == (None, *wanted["images"].shape[1:]), name
        assert symbolic.dtype == "float32", name
        if name not in FIXED:
            still = on_host(layer(data(name), training=False))
            assert_alike(still["images"], IMAGES, 0)
        elif name != "MaxNumBoundingBoxes":
            keeping = ("Resizing", "ContrastLimitedAdaptiveHistogramEqualization")
            dtype = "uint8" if name in keeping else "float32"
            assert layer(IMAGES.astype("uint8")).dtype == dtype
        single = on_host(made(name)(first(data(name))))
        assert single["images"].shape == wanted["images"].shape[1:], name
        # What fills a rectangle is drawn in the order of memory.
        plain = {"fill_value": 5} if name == "RandomErasing" else {}
        turned = made(name, data_format="channels_first", **plain)
        x = on_host(turned(np.moveaxis(IMAGES, -1, 1)))
        np.testing.assert_allclose(
            np.moveaxis(x, 1, -1), on_host(made(name, **plain)(IMAGES)), atol=ATOL, err_msg=name
        )
        with pytest.raises(ValueError, match="rank 3"):
            layer(IMAGES[0, 0])
        if name in WITHOUT_BOXES:
            with pytest.raises(NotImplementedError, match="no rule for bounding boxes"):
                boxes = {"boxes": BOXES, "labels": KINDS}
                type(layer)(bounding_box_format="xyxy")({**data(name), "bounding_boxes": boxes})


def test_sizes_that_a_graph_does_not_know():
    """One program of TensorFlow for images of several sizes."""
    import tensorflow as tf

    with isozoo.use_backend("tensorflow"):
        for name in ("RandomFlip", "RandomZoom", "Resizing"):
            layer = made(name)
            spec = tf.TensorSpec((None, None, None, 3), "float32")
            run = tf.function(
                lambda x, layer=layer: layer(x, training=True), input_signature=[spec]
            )
            for size in (6, 8):
                found = run(IMAGES[:, :size])
                wanted = (5, 7) if name == "Resizing" else (size, 9)
                assert tuple(found.shape) == (2, *wanted, 3), name
            assert_alike(found.numpy(), on_host(made_twice(name)), ATOL)


def made_twice(name):
    layer = made(name)
    layer(IMAGES[:, :6], training=True)
    return layer(IMAGES, training=True)


def test_in_data_pipelines(backend):
    """`ds.map(layer)` computes with TensorFlow: as the layer does, and anew for each element."""
    import tensorflow as tf

    for name in ("RandomRotation", "RandomCrop"):
        layer = made(name)
        found = next(iter(tf.data.Dataset.from_tensors(data(name)).map(layer)))
        assert all(isinstance(x, tf.Tensor) for x in flatten(found))
        assert_alike(map_structure(lambda x: x.numpy(), found), on_numpy(name))
    # The layer's own draws go on as if there had been no pipeline.
    if backend != "tensorflow":
        assert int(on_host(layer.generator.state.value)[1]) == 0
    grey = np.full((24, 1, 1, 3), 100, "float32")
    chain = layers.Pipeline(
        [layers.RandomBrightness(0.3, seed=1), layers.Rescaling(1 / 255), layers.Resizing(2, 2)]
    )
    rows = tf.data.Dataset.from_tensor_slices(grey).map(chain, num_parallel_calls=4)
    values = np.stack(list(rows.as_numpy_iterator()))
    assert values.shape == (24, 2, 2, 3) and values.dtype == "float32"
    assert len(np.unique(values[:, 0, 0, 0])) == 24
    assert len(np.unique(values[0])) == 1
    again = np.stack(list(rows.as_numpy_iterator()))
    assert not np.isin(again, values).any()


def test_compiled(backend, quick_compiling):
    """A key draws the same in a program as without one."""
    layer = made("RandomContrast")

    def run(x, key):
        return layer.transform_images(x, layer.get_random_transformation(x, seed=key))

    compiled = ops.jit(run)
    found = []
    for number in (5, 6):
        x, key = ops.convert_to_tensor(IMAGES), ops.convert_to_tensor([number, 0], "int32")
        found.append(on_host(compiled(x, key)))
        assert_alike(found[-1], on_host(run(x, key)))
    assert np.abs(found[0] - found[1]).max() > 1


@pytest.mark.parametrize("backend", ["jax", "torch", "tensorflow"], indirect=True)
def test_in_a_model(backend):
    """It draws anew at each step of `fit`, and does nothing in `predict`."""
    seen = []

    class Mirrored(layers.RandomFlip):
        def transform_images(self, images, transformation, training=True):
            seen.append(bool(training))
            return super().transform_images(images, transformation, training)

    model = isozoo.Sequential(
        [isozoo.Input((2, 2, 1)), Mirrored("horizontal", seed=4), layers.Flatten()]
    )
    model.add(layers.Dense(1, kernel_initializer="ones", trainable=False))
    model.add(layers.Dense(1))
    model.compile("sgd", "mse", run_eagerly=backend == "torch")
    x = np.arange(8, dtype="float32").reshape(2, 2, 2, 1)
    model.fit(x, np.zeros((2, 1)), epochs=2, verbose=0)
    assert seen and True in seen
    generator = model.layers[0].generator
    assert on_host(generator.state.value)[1] == 2
    part = isozoo.Model(model.inputs, model.layers[0].output)
    np.testing.assert_array_equal(part.predict(x, verbose=0), x)


class Shifted(BaseImagePreprocessingLayer):
    """A user's layer, written with what Keras's layers have: hooks and `self.backend`."""

    _USE_BASE_FACTOR = False

    def __init__(self, most=8, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.most, self.seed = most, seed
        self.generator = isozoo.random.SeedGenerator(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        images = data["images"] if isinstance(data, dict) else data
        shape = self.backend.core.shape(images)
        count = shape[0] if len(shape) == 4 else 1
        if not training:
            return {"by": self.backend.numpy.zeros((count, 1, 1, 1))}
        if seed is None:
            seed = self._get_seed_generator(self.backend._backend)
        by = self.backend.random.uniform((count, 1, 1, 1), 1, self.most, seed=seed)
        return {"by": self.backend.numpy.floor(by)}

    def transform_images(self, images, transformation, training=True):
        return self.backend.cast(images, self.compute_dtype) + transformation["by"]

    def transform_labels(self, labels, transformation, training=True):
        by = self.backend.numpy.reshape(transformation["by"], (-1, 1))
        return self.backend.cast(labels, "float32") * by

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return segmentation_masks

    def get_config(self):
        return {**super().get_config(), "most": self.most, "seed": self.seed}


def test_a_user_s_layer(backend):
    import tensorflow as tf

    layer = Shifted(seed=2, bounding_box_format="xyxy")
    found = on_host(layer(data("Shifted")))
    by = found["images"] - IMAGES
    for number in range(2):
        assert len(np.unique(by[number])) == 1 and 1 <= by[number, 0, 0, 0] < 8
    np.testing.assert_array_equal(found["labels"], LABELS * by[:, 0, 0, :1])
    np.testing.assert_array_equal(found["bounding_boxes"]["boxes"], BOXES)
    assert_alike(on_host(layer(IMAGES, training=False)), IMAGES, 0)
    again = Shifted.from_config(layer.get_config())
    assert again.most == 8 and again.bounding_box_format == "xyxy"
    mapped = next(iter(tf.data.Dataset.from_tensors(data("Shifted")).map(again)))
    assert_alike(map_structure(lambda x: x.numpy(), mapped), found, 0)
    assert layer.backend == backend and layer.backend.name == backend
    # By hand, without a call around it, also in a function of a pipeline.
    given = {"by": 2.0}
    assert_alike(on_host(layer.transform_images(IMAGES, given)), IMAGES + 2, 0)
    rows = tf.data.Dataset.from_tensors(IMAGES).map(lambda x: layer.transform_images(x, given))
    np.testing.assert_array_equal(next(iter(rows)).numpy(), IMAGES + 2)
    with pytest.raises(ValueError, match="you didn't specify a bounding box format"):
        Shifted()(data("Shifted"))


def test_tensors_of_another_backend(backend):
    """They become tensors of the layer's."""
    import tensorflow as tf
    import torch

    for x in (tf.constant(IMAGES), torch.from_numpy(IMAGES)):
        for layer in (made("RandomFlip"), layers.Rescaling(2.0)):
            found, wanted = layer(x), layer.__class__.from_config(layer.get_config())(IMAGES)
            assert type(found) is type(wanted)
            np.testing.assert_array_equal(on_host(found), on_host(wanted))
