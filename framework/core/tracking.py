"""How a layer comes into being, and the lists and dicts of layers that it may hold."""

import inspect
from functools import wraps
from typing import Any, cast

from ..backends import registry

_native_classes: dict[tuple[type, str], type] = {}


class LayerMeta(type):
    """Gives a new layer its backend's flavour, and builds it when its input shape is known."""

    _class_for: Any

    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        if "build" in namespace:
            cls.build = _build_on_backend(namespace["build"])
        call = namespace.get("call")
        if call is not None:
            parameters = inspect.signature(call).parameters.values()
            cls._takes_training = any(
                p.name == "training" or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters
            )

    def __call__(cls, *args, **kwargs):
        cls = cls._class_for(args, kwargs)
        layer = begin(cls, registry.current())
        layer.__dict__["_arguments"] = (args, kwargs)
        state, before = registry.state, registry.state.dtype
        try:
            # Layers that are made inside `__init__` take the dtype of the layer around them.
            state.dtype = kwargs.get("dtype") or before
            layer.__init__(*args, **kwargs)
        finally:
            state.dtype = before
        if layer._input_shape_arg is not None:
            layer.build(layer._input_shape_arg)
        return layer

    # An instance of the flavoured class is an instance of the plain one, and pickles by it.


def begin(cls: type, backend: Any) -> Any:
    """An empty layer of `cls`'s flavour for `backend`, before `__init__`."""
    layer = object.__new__(native_class(cls, backend))
    layer.__dict__.update(
        _backend=backend,
        _token=None,
        _tracked={},
        _arguments=((), {}),
        _inbound_nodes=[],
        _input_shape_arg=None,
        _trainable=True,
        built=False,
    )
    layer._native_init()
    return layer


def native_class(cls: type, backend: Any) -> type:
    """`cls` mixed with the backend's base of layers; the same class each time."""
    plain = plain_class(cls)
    base = backend.layer_base
    if base is None:
        return plain
    key = (plain, backend.name)
    if key not in _native_classes:
        # What the flavour itself defines wins over the layer; what it inherits does not.
        own: dict[str, Any] = {k: v for k, v in vars(base).items() if callable(v)}
        own.update(
            __module__=plain.__module__,
            __qualname__=plain.__qualname__,
            __doc__=plain.__doc__,
            _plain_class=plain,
        )
        _native_classes[key] = LayerMeta(plain.__name__, (plain, base), own)
    return _native_classes[key]


def plain_class(cls: type) -> type:
    """The class that a user wrote, of a flavoured one."""
    return cls.__dict__.get("_plain_class", cls)


def _build_on_backend(build):
    """`build` with the layer's backend current, which then marks the layer as built."""

    @wraps(build)
    def wrapped(self, *args, **kwargs):
        state = registry.state
        before = self._backend.activate(), state.dtype
        try:
            state.dtype = self.dtype
            build(self, *args, **kwargs)
        finally:
            state.backend, state.dtype = before
        self.built = True

    return wrapped


def bound_arguments(layer: Any) -> dict[str, Any]:
    """The arguments of the layer's creation by name."""
    args, kwargs = layer._arguments
    bound = inspect.signature(plain_class(type(layer)).__init__).bind(layer, *args, **kwargs)
    found: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        else:
            found[name] = value
    return found


def tracked_view(layer: Any, name: str, value: Any) -> Any:
    """A list or dict that reports its changes to `layer`, if it holds layers or weights."""
    if isinstance(value, tuple):
        return TrackedList(value, layer, name).report() or value if _holds(value) else value
    if isinstance(value, list) and (_holds(value) or not value):
        view = TrackedList(value, layer, name)
    elif isinstance(value, dict) and (_holds(value.values()) or not value):
        view = TrackedDict(value, layer, name)
    else:
        return value
    return view.report() or view


def is_view(x: Any) -> bool:
    """Whether `x` is a list or dict of layers or weights that belongs to a layer."""
    return getattr(type(x), "is_layer_view", False)


def _holds(values: Any) -> bool:
    from .layer import Layer
    from .variable import Variable

    return any(
        isinstance(v, Layer | Variable) or (isinstance(v, list | tuple) and _holds(v))
        for v in values
    )


class _Tracked:
    """What the tracked list and dict share: they tell their layer what is in them."""

    is_layer_view = True
    _layer: Any
    _name: str

    def entries(self) -> dict[str, Any]:
        """The layers, weights and inner lists in it, by position or key."""
        from .layer import Layer
        from .variable import Variable

        pairs = self.items() if isinstance(self, dict) else enumerate(cast("list[Any]", self))
        found: dict[str, Any] = {}
        for key, value in pairs:
            if isinstance(value, Layer | Variable | _Tracked):
                found[str(key)] = value
            elif isinstance(value, list | tuple) and _holds(value):
                found[str(key)] = TrackedList(value, self._layer, f"{self._name}.{key}")
        return found

    def report(self) -> Any:
        """Register what is in it with the layer.

        Returns what the layer's native flavour would have as the attribute instead, or None.
        """
        entries = self.entries()
        native = self._layer._native_children(self._name, entries, self)
        if entries:
            self._layer._tracked[self._name] = self if native is None else native
        return native


def _reporting(method):
    @wraps(method)
    def changed(self, *args, **kwargs):
        result = method(self, *args, **kwargs)
        native = self.report()
        if native is not None:
            self._layer.__dict__[self._name] = native
        return result

    return changed


class TrackedList(_Tracked, list):
    """A list of layers or weights that are part of a layer."""

    def __init__(self, values, layer, name):
        list.__init__(self, values)
        self._layer, self._name = layer, name

    def plain(self) -> list:
        """An ordinary list of the same."""
        return list(self)

    append = _reporting(list.append)
    extend = _reporting(list.extend)
    insert = _reporting(list.insert)
    remove = _reporting(list.remove)
    pop = _reporting(list.pop)
    clear = _reporting(list.clear)
    __setitem__ = _reporting(list.__setitem__)
    __delitem__ = _reporting(list.__delitem__)
    __iadd__ = _reporting(list.__iadd__)


class TrackedDict(_Tracked, dict):
    """A dict of layers or weights that are part of a layer."""

    def __init__(self, values, layer, name):
        dict.__init__(self, values)
        self._layer, self._name = layer, name

    def plain(self) -> dict:
        """An ordinary dict of the same."""
        return dict(self)

    update = _reporting(dict.update)
    pop = _reporting(dict.pop)
    clear = _reporting(dict.clear)
    __setitem__ = _reporting(dict.__setitem__)
    __delitem__ = _reporting(dict.__delitem__)
