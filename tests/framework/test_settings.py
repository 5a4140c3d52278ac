"""Settings with Keras's names: each has its effect."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import traceback

import numpy as np
import pytest

import isozoo
from isozoo import backend as face
from isozoo import config, framework, ops

from ..patience import DEADLINE


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"KERAS_BACKEND": "numpy"}, "numpy"),
        ({"KERAS_BACKEND": "jax", "ISOZOO_BACKEND": "numpy"}, "numpy"),
    ],
)
def test_the_environment_names_the_backend(asked, expected):
    program = "import isozoo.backend; print(isozoo.backend.backend())"
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_BACKEND")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, **asked},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.stdout.strip() == expected, done.stderr


def test_the_backend_namespace(backend):
    assert face.backend() == config.backend() == backend
    assert (face.floatx(), face.image_data_format()) == ("float32", "channels_last")
    assert face.epsilon() == 1e-7
    assert face.result_type("int64", "float32") == "float32"
    native = ops.ones((2,), "bfloat16").dtype
    assert face.standardize_dtype(native) == "bfloat16"
    assert face.is_float_dtype(native) and not face.is_int_dtype(native)
    assert face.is_int_dtype("uint8") and not face.is_int_dtype(bool)
    try:
        face.set_image_data_format("channels_first")
        assert config.image_data_format() == "channels_first"
    finally:
        face.set_image_data_format("channels_last")
    with pytest.raises(ValueError, match="channels_last"):
        face.set_image_data_format("channels_middle")


_FRAMEWORK = os.path.dirname(framework.__file__)


class Broken(isozoo.Layer):
    def call(self, x):
        return self.deep(x)

    def deep(self, x):
        raise KeyError("from the user's code")


class Outer(isozoo.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Broken(dtype="float16")  # another dtype: called by the long way

    def call(self, x):
        return self.inner(x)


class BrokenOperation(isozoo.Operation):
    call = Broken.call
    deep = Broken.deep


def _frames(broken):
    with pytest.raises(KeyError, match="from the user's code") as caught:
        broken(np.ones((2,), np.float32))
    return traceback.extract_tb(caught.value.__traceback__)


@pytest.mark.parametrize("make", [Broken, Outer, BrokenOperation])
def test_traceback_filtering(backend, make):
    assert config.is_traceback_filtering_enabled()
    broken = make()
    short = _frames(broken)
    config.disable_traceback_filtering()
    try:
        assert not config.is_traceback_filtering_enabled()
        whole = _frames(broken)
    finally:
        config.enable_traceback_filtering()
    mine = [f.name for f in whole if f.filename == __file__]
    assert [f.name for f in short if f.filename == __file__] == mine
    assert mine[-2:] == ["call", "deep"]
    assert len(short) <= len(whole)
    if make is Outer:

        def between(frames):
            """The framework's frames behind the first of the user."""
            start = [f.name for f in frames].index("call")
            return [f for f in frames[start:] if f.filename.startswith(_FRAMEWORK)]

        assert between(whole) and not between(short)


def test_interactive_logging(monkeypatch):
    import tqdm

    from isozoo.hub.download import progress_bar

    shown = []

    class Bar(contextlib.nullcontext):
        def __init__(self, **options):
            super().__init__(self)
            shown.append(options["desc"])

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(tqdm, "tqdm", Bar)

    def bars():
        shown.clear()
        for name, show in (("default", None), ("asked for", True), ("unwanted", False)):
            with progress_bar(name, 1, show):
                pass
        return list(shown)

    assert config.is_interactive_logging_enabled()
    assert bars() == ["default", "asked for"]
    config.disable_interactive_logging()
    try:
        assert not isozoo.utils.is_interactive_logging_enabled()
        assert bars() == ["asked for"]
    finally:
        isozoo.utils.enable_interactive_logging()
    assert bars() == ["default", "asked for"]


def test_layers_are_no_nnx_modules():
    assert config.is_nnx_enabled() is False


def test_set_random_seed_seeds_everything(backend):
    def draws():
        isozoo.utils.set_random_seed(11)
        drawn = ops.convert_to_numpy(isozoo.random.uniform((3,)))
        return [*drawn, random.random(), np.random.rand(), _native_draw(backend)]

    assert draws() == draws()
    with pytest.raises(ValueError, match="expected `seed` to be an integer; got 1.5"):
        isozoo.utils.set_random_seed(1.5)


def _native_draw(backend):
    """A draw by the framework's own generator."""
    if backend == "torch":
        import torch

        return float(torch.rand(()))
    if backend == "tensorflow":
        import tensorflow as tf

        return float(tf.random.uniform(()))
    return None  # jax draws by keys alone, NumPy's generator is seeded above


def test_device(backend):
    with isozoo.device("cpu"), isozoo.device("CPU:0"):
        np.testing.assert_array_equal(ops.convert_to_numpy(ops.ones((2,))), [1, 1])
    for name in ("gpu:99", "toaster"):
        with pytest.raises(ValueError, match=f"backend {backend} has no device '{name}'"):
            isozoo.device(name)
    for name in ("", "cpu:x", 0):
        with pytest.raises(ValueError, match="expected a name such as"):
            isozoo.device(name)


def test_device_places_new_tensors():
    with isozoo.use_backend("torch"), isozoo.device("meta"):
        assert ops.ones((2,)).device.type == "meta"
    assert ops.ones((2,)).shape == (2,)
