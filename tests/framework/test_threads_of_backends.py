"""What a backend does to the whole process while it works, seen from another thread."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from isozoo.framework.backends import registry
from isozoo.framework.backends.base import Spec

from ..patience import DEADLINE


def test_torch_logs_of_other_threads_while_shapes_are_inferred():
    pytest.importorskip("torch")
    backend = registry.get("torch")
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    inside, logged = threading.Event(), threading.Event()

    def function(x):
        inside.set()
        assert logged.wait(DEADLINE)
        logger.error("of the thread that infers")
        return backend.matmul(x, x)  # does not fit

    def other():
        assert inside.wait(DEADLINE)
        logger.error("of another thread")
        logged.set()

    messages = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: messages.append(record.getMessage())
    logger.addHandler(handler)
    try:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(other)
            with pytest.raises(RuntimeError):
                backend.abstract(function, [Spec((2, 3), "float32")])
            waiting.result()
        logger.error("afterwards")
    finally:
        logger.removeHandler(handler)
    assert messages == ["of another thread", "afterwards"]


def test_a_folded_kernel_is_packed_once_by_two_threads(monkeypatch):
    torch = pytest.importorskip("torch")
    from isozoo.framework.backends.torch import folding

    if not folding._HAS_ONEDNN:
        pytest.skip("torch was built without oneDNN")
    second, packed = threading.Barrier(2), []
    arranged = folding._arranged

    def slowly(*settings):
        packed.append(threading.get_ident())
        try:
            second.wait(0.3)  # for the other thread, which must not come
        except threading.BrokenBarrierError:
            pass
        return arranged(*settings)

    monkeypatch.setattr(folding, "_arranged", slowly)
    random = np.random.default_rng(0)
    x = random.normal(size=(1, 5, 5, 2)).astype(np.float32)
    kernel = random.normal(size=(4, 2, 1, 1)).astype(np.float32)
    folded = folding.Folded(None, torch.from_numpy(kernel), torch.zeros(4))
    conv = {"strides": (1, 1), "dilation": (1, 1), "padding": "valid", "groups": 1}
    start = threading.Barrier(2)

    def call(_):
        start.wait(DEADLINE)
        with torch.no_grad():
            return folded(torch.from_numpy(x), conv, None, None).numpy()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(call, range(2)))
    assert len(packed) == 1
    expected = x @ kernel[:, :, 0, 0].T
    for y in results:
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


_HELD = """
import importlib.util, os, sys, threading
spec = importlib.util.spec_from_file_location("quiet", sys.argv[1])
quiet = importlib.util.module_from_spec(spec)
spec.loader.exec_module(quiet)
stop = threading.Event()
if sys.argv[2] == "beside":
    threading.Thread(target=stop.wait).start()
before = os.fstat(2)
with quiet.held_banner():
    same = os.path.samestat(before, os.fstat(2))
    os.write(2, b"I0000 00:00:17 a banner\\nan error\\n")
assert os.path.samestat(before, os.fstat(2))
stop.set()
print(same)
"""


@pytest.mark.parametrize("other", ["alone", "beside"])
def test_stderr_is_held_back_by_the_only_thread(other):
    """While TensorFlow is imported; beside other threads, what they write goes out at once."""
    path = Path(registry.__file__).parent / "tensorflow" / "quiet.py"
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", _HELD, str(path), other]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=DEADLINE
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(other == "beside")
    assert ("a banner" in done.stderr) == (other == "beside")
    assert "an error" in done.stderr
