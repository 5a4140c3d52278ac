"""Settings and fixtures of all tests: a quiet, isolated process, and every backend in it."""

from __future__ import annotations

import functools
import gc
import importlib.util
import os
import shutil
import sys
import tempfile

import pytest

BACKENDS = ("numpy", "torch", "jax", "tensorflow")

# The frameworks read their settings once, when they are imported, so these stand here and not in
# a fixture. Children of the tests inherit them.
_SCRATCH = tempfile.mkdtemp(prefix="isozoo-tests-")
for _name in list(os.environ):
    if _name.startswith(("ISOZOO_", "HF_", "HUGGING_FACE_", "TRANSFORMERS_", "KERAS_")):
        del os.environ[_name]
os.environ.update(
    ISOZOO_CACHE=os.path.join(_SCRATCH, "isozoo"),
    HF_HOME=os.path.join(_SCRATCH, "huggingface"),
    KERAS_HOME=os.path.join(_SCRATCH, "keras"),
    KERAS_BACKEND="tensorflow",  # of Keras itself, an original implementation here
    # isozoo would take Keras's; tests without the fixture `backend` run where they would unasked.
    ISOZOO_BACKEND=next(
        name for name in ("jax", "torch", "tensorflow", "numpy") if importlib.util.find_spec(name)
    ),
    HF_HUB_DISABLE_TELEMETRY="1",
    TF_CPP_MIN_LOG_LEVEL="3",
    TOKENIZERS_PARALLELISM="false",
)
if os.environ.get("ONEDNN_MAX_CPU_ISA"):
    # TensorFlow asks the processor, and not oneDNN, whether that has products in half precision:
    # where oneDNN is told to be of a lesser processor, such a product ends the process.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
if os.environ.get("GPU_TESTS"):  # tests of JAX then run on its GPU, and those that need one run
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
else:
    os.environ.update(JAX_PLATFORMS="cpu", CUDA_VISIBLE_DEVICES="")
if "PYTEST_XDIST_WORKER" not in os.environ:
    # Of all workers together: see forks.py.
    os.environ.update(TESTS_FORKS=_SCRATCH, TESTS_FORKS_PARENT=str(os.getpid()))
    # What XLA compiled for one worker serves the others: most tests of JAX are its compiling.
    os.environ.update(
        JAX_COMPILATION_CACHE_DIR=os.path.join(_SCRATCH, "xla"),
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
        JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
    )
else:
    # One thread for each worker: the workers share the cores already.
    os.environ.update(
        OMP_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
        MKL_NUM_THREADS="1",
        TF_NUM_INTRAOP_THREADS="1",
        TF_NUM_INTEROP_THREADS="1",
    )
    if not os.environ.get("GPU_TESTS"):
        # The older of XLA's two code generators, in one thread: it compiles small programs in half
        # of the time.
        os.environ["XLA_FLAGS"] = (
            "--xla_cpu_multi_thread_eigen=false --xla_cpu_use_fusion_emitters=false"
            " --xla_cpu_parallel_codegen_split_count=1"
        )


def pytest_unconfigure() -> None:
    shutil.rmtree(_SCRATCH, ignore_errors=True)


# Every op compiled, trained networks with their certificates: as users have them.
_OPTIMIZED = ("test_tracing.py", "test_demo.py")


@pytest.fixture(autouse=True, scope="module")
def _optimizations(request: pytest.FixtureRequest) -> None:
    """JAX compiles in two thirds of the time elsewhere: without XLA's optimizations.

    Tests run a program once or twice, so that even trained networks take less time in all.
    """
    plain = "PYTEST_XDIST_WORKER" in os.environ and request.path.name not in _OPTIMIZED
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(int(plain))  # when JAX is imported
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_disable_most_optimizations", plain)


_LOWERING = "jax._src.interpreters.mlir"
_contexts: list[object] = []  # one, once JAX is there


def _share_contexts() -> None:
    """Lets all programs that JAX makes in this process share one MLIR context.

    JAX makes one for each program, which takes 3 MB for as long as the program is kept, and a
    fifth of the time of a small one. No test needs this: another version of JAX does without.
    """
    lowering = sys.modules.get(_LOWERING)
    if _contexts or not hasattr(lowering, "make_ir_context"):
        return
    fresh = lowering.make_ir_context
    _contexts.append(fresh())
    current = type(_contexts[0])

    def context() -> object:
        # A program that is made while another one is being made would become a part of it.
        try:
            return fresh() if current.current else _contexts[0]
        except ValueError:  # there is none
            return _contexts[0]

    lowering.make_ir_context = context


def _seed() -> None:
    import isozoo

    isozoo.random.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def _old_objects_aside() -> None:
    """Garbage collections look only at what a module's own tests make.

    The frameworks and what is imported with them are millions of objects; Keras, the original of
    many tests, collects whenever a layer's weight is deleted.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _seeded_module(_old_objects_aside) -> None:
    """Weights that a module's fixtures draw are the same in every run."""
    _seed()


@pytest.fixture(autouse=True)
def _seeded_test(_seeded_module) -> None:
    """Weights that a test draws are the same in every run, whichever tests ran before."""
    _share_contexts()
    _seed()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest):
    """Name of the backend that is current while the test runs: each of BACKENDS in turn.

    A test that holds on some only says so:
    `@pytest.mark.parametrize("backend", ["torch", "jax"], indirect=True)`.
    """
    name = request.param
    # A run that judges a change must not pass because a framework is absent.
    if importlib.util.find_spec(name) is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed")
    import isozoo

    with isozoo.use_backend(name):
        yield name


@pytest.fixture
def quick_compiling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch compiles is traced and differentiated as ever, but not made into C++.

    For tests of programs on every backend, whose values do not hang on inductor's kernels: those
    take seconds each to compile, and have tests of their own (`test_programs.py`).
    """
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("backend")
    if name in (None, "torch") and importlib.util.find_spec("torch"):
        import torch

        quick = functools.partial(torch.compile, backend="aot_eager")
        monkeypatch.setattr(torch, "compile", quick)


@pytest.fixture(scope="session")
def data_dir(request: pytest.FixtureRequest):
    """Folder of the real inputs (tests/data), a `pathlib.Path`."""
    return request.config.rootpath / "tests" / "data"
