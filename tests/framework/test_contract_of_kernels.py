"""Every backend's kernels against the typed contract, static methods and renames included."""

from __future__ import annotations

import inspect

import pytest

from isozoo.framework.backends import contract, registry
from isozoo.framework.backends.base import Backend

KERNELS = contract.required()


def _signature(function):
    try:
        return inspect.signature(function)
    except ValueError:  # a builtin of the framework that does not tell
        return None


def _asked(kernel: str) -> list[inspect.Parameter]:
    return list(inspect.signature(KERNELS[kernel]).parameters.values())[1:]


def test_a_line_for_each_kernel():
    for name, function in KERNELS.items():
        line = (function.__doc__ or "").strip()
        assert line.endswith(".") and "\n" not in line, name


def _check(backend: str, kernel: str) -> None:
    signature = _signature(getattr(registry.get(backend), kernel))
    if signature is None:
        return
    asked = _asked(kernel)
    plain = [p for p in asked if p.kind is p.POSITIONAL_OR_KEYWORD]
    placed = [p for p in asked if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)]
    needed = [p for p in placed if p.default is p.empty]
    for places in {len(needed), len(placed)}:
        signature.bind(*[None] * places, **{p.name: None for p in plain})
    required = {p.name: None for p in plain if p.default is p.empty}
    signature.bind(*[None] * len(needed), **required)
    signature.bind(*[None] * len(asked))
    for parameter in plain:
        assert signature.parameters[parameter.name].default == parameter.default, parameter.name


def test_signatures(backend):
    """A backend's kernels can be called in each way that the contract allows."""
    wrong = {}
    for kernel in KERNELS:
        try:
            _check(backend, kernel)
        except (AssertionError, AttributeError, TypeError) as error:
            wrong[kernel] = str(error)
    assert not wrong


def test_nothing_is_left_to_a_base_that_refuses(backend):
    own = type(registry.get(backend))
    bare = {
        name
        for name, value in vars(Backend).items()
        if callable(value) and "raise NotImplementedError" in inspect.getsource(value)
    }
    assert not [name for name in bare if getattr(own, name) is getattr(Backend, name)]
    assert registry.get(backend).name == backend


def test_a_wrong_signature_is_found(monkeypatch):
    numpy = type(registry.get("numpy"))
    monkeypatch.setattr(numpy, "take", lambda self, x, axis, indices=None: x)
    monkeypatch.setattr(numpy, "tril", staticmethod(lambda x: x))
    with pytest.raises(AssertionError) as caught:
        test_signatures("numpy")
    assert "'take': 'indices" in str(caught.value) and "'tril'" in str(caught.value)
