"""Every public name of these namespaces of Keras, with Keras's signature."""

from __future__ import annotations

import importlib
import inspect

import keras
import pytest

import isozoo

NAMESPACES = (
    "ops", "ops.numpy", "ops.nn", "ops.linalg", "ops.image", "random", "backend", "tree",
    "losses", "metrics", "dtype_policies", "quantizers", "mixed_precision", "distillation",
    "distribution", "export", "visualization", "preprocessing", "preprocessing.image",
    "preprocessing.sequence", "utils",
    "wrappers", "datasets.mnist", "datasets.cifar10", "datasets.cifar100", "datasets.imdb",
    "datasets.reuters", "datasets.fashion_mnist", "datasets.boston_housing",
    "datasets.california_housing",
)  # fmt: skip
# Those that hold fewer names than a list that came out empty by mistake would be told by.
SMALL = {
    "mixed_precision": 7,
    "distillation": 4,
    "export": 1,
    "visualization": 5,
    "wrappers": 3,
    "preprocessing": 3,
}


def _names(namespace: str) -> dict[str, object]:
    module = importlib.import_module(f"keras.{namespace}")
    return {
        name: getattr(module, name)
        for name in dir(module)
        if not name.startswith("_") and not inspect.ismodule(getattr(module, name))
    }


def _ours(namespace: str, name: str) -> object:
    return getattr(importlib.import_module(f"isozoo.{namespace}"), name, None)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_names(namespace):
    few = 1 if "." in namespace else 10
    assert len(_names(namespace)) >= SMALL.get(namespace, few)
    assert [name for name in _names(namespace) if _ours(namespace, name) is None] == []


def _parameters(function) -> list[tuple[str, object, object]]:
    return [
        # What an object is called unless told otherwise may follow from its class or function.
        (p.name, p.kind, None if p.name == "name" else p.default)
        for p in inspect.signature(function).parameters.values()
        if p.kind is not p.VAR_KEYWORD  # Keras's are leftovers of other versions
    ]


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_signatures(namespace):
    """Keras's parameters in Keras's order with Keras's defaults; ours may have more behind them."""
    wrong = {}
    for name, theirs in _names(namespace).items():
        ours = _ours(namespace, name)
        if ours is None or not callable(theirs):
            continue
        expected, have = _parameters(theirs), _parameters(ours)
        more = have[len(expected) :]
        optional = all(p[2] is not inspect.Parameter.empty for p in more)
        if have[: len(expected)] != expected or not optional:
            wrong[name] = f"{inspect.signature(ours)}, Keras: {inspect.signature(theirs)}"
    assert not wrong, "\n".join(f"{name}: {text}" for name, text in wrong.items())


def test_the_keras_that_is_compared_is_the_one_that_is_followed():
    assert keras.__version__.startswith("3.15.")
    assert isozoo.ops.add is not keras.ops.add
