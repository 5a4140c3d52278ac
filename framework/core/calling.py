"""How a layer is called: from outside, from inside another layer, and on symbolic tensors.

A call from outside converts its inputs, builds the layer if need be, and makes the layer's backend
current. A call from inside a layer of the same backend and dtypes finds everything native already,
and goes straight to `call`.
"""

import inspect
import warnings
from collections.abc import Iterable
from typing import Any

from .. import config, configs, dtypes, nested
from ..backends import registry
from ..backends.registry import TENSORS, Kind, owner_of
from ..context import entered, state
from . import masks, remat, symbolic, symbolic_masks, tracebacks
from .input_spec import InputSpec, check_inputs
from .keras_tensor import KerasTensor
from .located import name_layer

# Spec keys of layers -> (shape, dtype) of their results; see `CallableLayer._spec_key`.
_SPECS: dict[Any, tuple[Any, str]] = {}
_MOST_SPECS = 4096
_LAYERS = __name__.rpartition(".core.")[0] + ".layers."
# Layers that hand what they get to others.
_PASSING = {
    f"{_LAYERS}{name}"
    for name in ("core.passing", "core.wrapper", "core.input_layer", "recurrent.time_distributed")
}
_LIBRARY = __name__.partition(".framework.")[0] + "."


class CallSignature:
    """What the `call` of a class takes.

    Attributes:
        names: its parameters that can be given by position, in order.
        training: the place of `training` among them; None if it is keyword-only or absent.
        takes_training: whether it has a parameter `training`.
        takes_mask: whether it has a parameter `mask`.
        signature: all of it, without `self`.
    """

    def __init__(self, call: Any) -> None:
        parameters = list(inspect.signature(call).parameters.values())[1:]
        self.signature = inspect.Signature(parameters)
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.names = tuple(p.name for p in parameters if p.kind in kinds)
        every = {p.name for p in parameters}
        self.takes_training = "training" in every
        self.takes_mask = any(n == "mask" or n.endswith("_mask") for n in every)
        self.mask_names = frozenset(n for n in every if n == "mask" or n.endswith("_mask"))
        self.training = self.names.index("training") if "training" in self.names else None

    def named(self, args: tuple, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Returns the first argument of a call, and the arguments by name."""
        first = args[0] if args else next(iter(kwargs.values()), None)
        return first, {**dict(zip(self.names, args, strict=False)), **kwargs}


class CallableLayer:
    """The call of a layer; mixed into Layer."""

    _call_signature: CallSignature
    _is_plain_call: bool
    _takes_tensors_alone: bool
    _makes_mask: bool
    # Whether a `compute_mask` of the class's own may give masks where no input has one.
    _begins_masks: bool = True
    # Attributes that decide the result's shape and dtype; None where only a trace can tell.
    _spec_settings: tuple[str, ...] | None = None
    # Whether `_result_shape` tells of the `call` that the class has.
    _is_ruled = False
    _backend: Any
    _token: Any
    _policy: Any
    _losses: list[Any]
    built: bool
    # Whether the next call from outside is noted: see `_note_call`. Models want it, once.
    _notes_call = False
    name: str
    call: Any
    build: Any
    parts: Any
    _native_device: Any
    _native_compiling: Any
    supports_masking: bool
    autocast: bool
    input_spec: Any
    _remat: Any
    activity_regularizer: Any
    float32_precision: str | None
    _native_call: Any
    _native_training: Any

    @classmethod
    def _inspect_call(cls) -> None:
        """Note, once for a class, what its `call` takes, and whether the short way will do."""
        found = cls._call_signature = CallSignature(cls.call)
        # Of the library's layers, those that look things up take numbers and text as they are.
        cls._takes_tensors_alone = cls.__module__.startswith(_LAYERS) and not any(
            name in cls.__module__ for name in (".preprocessing.", ".bridges.")
        )
        own_masks = cls.compute_mask is not CallableLayer.compute_mask
        of_users = not cls.compute_mask.__module__.startswith(_LIBRARY)
        cls._makes_mask = own_masks and (cls._begins_masks or of_users)
        cls._is_plain_call = not (found.takes_training or found.takes_mask or cls._makes_mask)
        plain = configs.plain_class(cls)
        definers = [c for c in plain.__mro__ if "_result_shape" in vars(c) or "call" in vars(c)]
        # A class that computes something else than the one with the rule is none of its business.
        ruled = bool(definers) and "_result_shape" in vars(definers[0])
        cls._is_ruled = ruled and plain.__module__.startswith(_LIBRARY)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._native_call(*args, **kwargs)

    def _call_nested(self, *args: Any, **kwargs: Any) -> Any:
        """The call, by the short way where everything is native already."""
        plain = state.masks is None and self.activity_regularizer is None
        if plain and state.owner == self._token and self.built:
            if self._is_plain_call:
                if "training" not in kwargs:
                    return self.call(*args, **kwargs)
            elif not self._makes_mask:
                return self._call_training(args, kwargs)
        return self._call_outer(args, kwargs)

    def _call_training(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """`call` with the flag `training` resolved, if it takes one."""
        signature = self._call_signature
        given = kwargs.pop("training", None)
        place = signature.training
        if given is None and place is not None and len(args) > place:
            given = args[place]
        training = state.training if given is None else bool(given)
        resolved = self._native_training() if training is None else training
        if signature.takes_training:
            if place is not None and len(args) > place:
                args = (*args[:place], resolved, *args[place + 1 :])
            else:
                kwargs["training"] = resolved
        call = self.call if self._remat is None else self._call_recomputed
        if training == state.training:
            return call(*args, **kwargs)
        before, state.training = state.training, training
        try:
            return call(*args, **kwargs)
        finally:
            state.training = before

    def _call_recomputed(self, *args: Any, **kwargs: Any) -> Any:
        return remat.call_operation(self, args, kwargs)

    def _call_outer(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """A call from outside: converts the inputs, builds, and computes on the layer's backend."""
        backend = self._backend
        # The usual case, one native tensor, needs no search through nested inputs.
        single = not kwargs and len(args) == 1 and TENSORS.get(type(args[0])) is backend
        if not single and symbolic.among((args, kwargs)):
            return self._call_symbolic(args, kwargs)
        before = state.owner, state.backend, state.autocast, state.device
        precision = state.float32_precision
        outermost = before[0] is None and state.observer is None and not state.inferring
        distribution = config.in_use.distribution
        laid_out = distribution is not None and distribution.lays_out_tensors
        watched = state.observer is not None or laid_out
        # An observer sees every call, so calls from inside must not take the short way either.
        state.owner = (None, "observed") if watched else self._token
        state.backend, state.autocast = backend, self._autocast_dtype()
        if self.float32_precision is not None:
            state.float32_precision = self.float32_precision
        losses = None
        if outermost:
            losses, state.losses = state.losses, []
            if "_layers_with_losses" in vars(self):
                self._clear_losses()
        try:
            state.device = self._native_device()
            if single:
                args = (self._in_own_dtype(args[0]),)
            else:
                args = self._native_arguments(args)
                if outermost and self._takes_tensors_alone:
                    _refuse_plain_values(args, self.name)
                kwargs = nested.map_structure(self._native_input, kwargs)
            # A compiler that is at work follows no change of a layer's attributes.
            if outermost and self._notes_call and not self._native_compiling():
                self._note_call(args, kwargs)
            if not self.built:
                self._check_inputs(args, kwargs)
                self._build_for(args, kwargs)
            if not (single and self._fits(args[0])):
                self._check_inputs(args, kwargs)
            if masks.any_known() or self._makes_mask:
                outputs = self._call_masked(args, kwargs)
            else:
                outputs = self._call_training(args, kwargs)
            if self.activity_regularizer is not None:
                self._add_activity_loss(outputs)
            if laid_out:
                outputs = self._laid_out(distribution, outputs)
            if state.observer is not None:
                state.observer(self, outputs)
        except Exception as error:
            if before[0] is None:
                name_layer(error, CallableLayer)
                tracebacks.trim(error)
            raise
        finally:
            state.owner, state.backend, state.autocast, state.device = before
            state.float32_precision = precision
            if outermost:
                if state.losses:
                    vars(self)["_layers_with_losses"] = state.losses
                state.losses = losses
        if state.masks is None or before[0] is not None:
            return outputs
        return self._keep_masks(outputs)

    def _note_call(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """Keep what the model's first call from outside got, for whoever exports it."""
        vars(self)["_notes_call"] = False
        given = [*args, *(x for name, x in kwargs.items() if name != "training")]
        if all(_is_native(x, self._backend) for part in given for x in nested.flatten(part)):
            vars(self)["_first_call"] = nested.map_structure(self._spec_of, given)

    def _spec_of(self, x: Any) -> Any:
        text = _is_text(x)
        shape = tuple(x.shape) if text else tuple(self._backend.static_shape(x))
        # A size that is traced is no number, and would keep the trace alive.
        sizes = [size if isinstance(size, int) else None for size in shape[1:]]
        dtype = "string" if text else self._backend.dtype(x)
        return InputSpec(dtype, (None, *sizes) if shape else ())

    def _laid_out(self, distribution: Any, outputs: Any) -> Any:
        """Outputs as the distribution wants them on its devices."""
        path: str = self.path  # pyright: ignore[reportAttributeAccessIssue]
        layout = distribution.get_tensor_layout(f"{path}/output")
        if layout is None:
            return outputs
        return nested.map_structure(lambda x: distribution.place_output(x, layout), outputs)

    def _autocast_dtype(self) -> str | None:
        _, compute, variable = self._token
        return compute if compute != variable else None

    # Inputs -----------------------------------------------------------------------------------

    def _native_arguments(self, args: tuple) -> tuple:
        """Positional arguments as native tensors; the first may be a nested list of numbers."""
        if args and type(args[0]) is list and _is_numbers(args[0]):
            numbers = self._backend.asarray(args[0], dtypes.result_type(*_kinds(args[0])))
            args = (numbers, *args[1:])
        return nested.map_structure(self._native_input, args)

    def _native_input(self, x: Any) -> Any:
        """A NumPy array or tensor as a native tensor, floats in the layer's compute dtype."""
        backend = self._backend
        kind = owner_of(x)
        if kind is registry.ARRAY:
            if _is_text(x):
                if self._takes_tensors_alone and type(self).__module__ not in _PASSING:
                    raise _no_numbers(self, x)
                return x  # there are no tensors of it on most backends; some layers take it
            x = backend.asarray(x)
        elif kind is registry.BOX:
            x = x.value
        elif isinstance(kind, Kind):
            return x
        elif kind is not backend and kind.full_backend is not backend:
            from ..ops.errors import BackendMismatchError

            raise BackendMismatchError(
                f"The layer {self.name!r} lives on {backend.name} and got a tensor of the "
                f"{kind.name} backend. Pass a NumPy array, or move the layer: "
                f'layer.to_backend("{kind.name}").'
            )
        return self._in_own_dtype(x)

    def _in_own_dtype(self, x: Any) -> Any:
        """A native tensor where the weights lie, floats in the layer's compute dtype."""
        backend = self._backend
        if state.device is not None:
            x = backend.place(x, state.device)
        if not self.autocast:
            return x
        name, wanted = backend.dtype(x), self._token[1]
        if name == wanted or not dtypes.is_float(name):
            return x
        made = backend.cast(x, wanted)
        mask = masks.get_mask(x) if masks.any_known() else None
        if mask is not None:
            masks.set_mask(made, mask)
        return made

    def _fits(self, x: Any) -> bool:
        """Whether a native tensor fits the `input_spec`, where that is a simple one or None."""
        spec = self.input_spec
        if spec is None:
            return True
        simple = type(spec) is InputSpec and spec.dtype is None
        return simple and spec.fault(self._backend.static_shape(x), None) is None

    def _check_inputs(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """Raise a ValueError where the first argument does not fit `input_spec`."""
        if self.input_spec is not None and (args or kwargs):
            check_inputs(self, args[0] if args else next(iter(kwargs.values()), None))

    def _build_for(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """`build` for the shapes of the tensors among the arguments, by the parameters' names."""
        shapes: dict[str, Any] = {}
        named = dict(zip(self._call_signature.names, args, strict=False))
        for name, value in {**named, **kwargs}.items():
            if name not in self._call_signature.mask_names and _has_tensors(value):
                shapes[name] = nested.map_structure(self._shape_of, value)
        if args and not named:  # `call` takes *args
            shapes["inputs"] = nested.map_structure(self._shape_of, args[0])
        first = next(iter(shapes.values()), None)
        if first is None:
            self._call_signature.signature.bind(*args, **kwargs)  # TypeError where none were given
            if self._takes_tensors_alone:
                _refuse_plain_values(args, self.name)
        if getattr(type(self).build, "_is_default", False):
            # Layers inside are built by their own calls.
            vars(self)["built"] = True
            vars(self)["_build_shapes"] = {"input_shape": _plain_shape(first)}
            return
        wanted = list(inspect.signature(self.build).parameters.values())
        if len(wanted) == 1 and wanted[0].kind is not wanted[0].VAR_KEYWORD:
            self.build(first)
            return
        known = {f"{name}_shape": shape for name, shape in shapes.items()}
        given: dict[str, Any] = {}
        for number, parameter in enumerate(wanted):
            if parameter.kind is parameter.VAR_KEYWORD:
                given.update(known)
            elif parameter.name in known:
                given[parameter.name] = known[parameter.name]
            elif number == 0:
                given[parameter.name] = first
        self.build(**given)

    def _note_build(self, build: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """Keep the shapes that the layer was built for, for its build config."""
        try:
            bound = inspect.signature(build).bind(self, *args, **kwargs)
        except TypeError:
            return
        shapes = dict(list(bound.arguments.items())[1:])
        vars(self)["_build_shapes"] = {name: _plain_shape(value) for name, value in shapes.items()}

    def _shape_of(self, x: Any) -> Any:
        if isinstance(x, symbolic.KerasTensor):
            return x.shape
        if isinstance(owner_of(x), Kind):
            return None if x is None else tuple(getattr(x, "shape", ()))
        return self._backend.static_shape(x)

    # Masks ------------------------------------------------------------------------------------

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns the masks of the outputs: those of the inputs, unless a subclass says more."""
        return previous_mask

    def _call_masked(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """`call` with the masks of its inputs, and then those of its outputs noted."""
        signature = self._call_signature
        first, named = signature.named(args, kwargs)
        kwargs = {**kwargs, **self._masks_for(named, masks.masks_of)}
        previous = masks.masks_of(first)
        outputs = self._call_training(args, kwargs)
        if self.supports_masking or self._makes_mask:
            made = self.compute_mask(first, previous)
            if made is not None:
                masks.set_masks(outputs, made)
        elif previous is not None and not signature.takes_mask:
            warnings.warn(
                f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input with a "
                "mask attached to it. However, this layer does not support masking and will "
                "therefore destroy the mask information. Downstream layers will not see the mask.",
                stacklevel=4,
            )
        return outputs

    def _masks_for(self, named: dict[str, Any], find: Any) -> dict[str, Any]:
        """The arguments of `call` that are masks, which nobody gave and `find(value)` finds."""
        names, found = self._call_signature.mask_names, {}
        if not names:
            return found
        for number, (name, value) in enumerate(named.items()):
            wanted = "mask" if number == 0 and "mask" in names else f"{name}_mask"
            if wanted in names and named.get(wanted) is None:
                mask = find(value)
                if mask is not None:
                    found[wanted] = mask
        return found

    def _keep_masks(self, outputs: Any) -> Any:
        """Let the masks of a finished call's outputs live as long as they do."""
        kept, state.masks = state.masks or {}, None
        if state.inferring:
            return outputs
        for x in nested.leaves(outputs):
            found = kept.get(id(x))
            if found is not None and not self._backend.is_tracing(x):
                masks.set_mask(x, found[1])
        return outputs

    # Losses -----------------------------------------------------------------------------------

    def _clear_losses(self) -> None:
        for layer in vars(self).pop("_layers_with_losses", ()):
            layer._losses.clear()

    def _add_activity_loss(self, outputs: Any) -> None:
        regularizer = vars(self).get("activity_regularizer")
        if regularizer is not None:
            for x in nested.leaves(outputs):
                self.add_loss(regularizer(x))  # pyright: ignore[reportAttributeAccessIssue]

    # Symbolic calls ---------------------------------------------------------------------------

    def _is_symbolic(self, args: tuple, kwargs: dict[str, Any]) -> bool:
        """Whether a call with these arguments is for its shapes alone."""
        return state.inferring or symbolic.among((args, kwargs))

    def _call_symbolic(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        try:
            first, named = self._call_signature.named(args, kwargs)
            previous = symbolic_masks.of(first)
            masked = self._masks_for(named, symbolic_masks.of)
            if masked and not _takes(self.compute_output_spec, masked):
                masked = {}
            spec = self.compute_output_spec(*args, **kwargs, **masked)
            outputs = symbolic.link(self, args, kwargs, spec)
            symbolic_masks.give(self, first, previous, outputs)
            return outputs
        except Exception as error:
            if state.owner is None:
                name_layer(error, CallableLayer)
                tracebacks.trim(error)
            raise

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the shapes and dtypes that `call` gives for symbolic tensors; builds the layer.

        Nothing else of the layer changes.
        """
        with entered(backend=self._backend, owner=None, masks=None, losses=None):
            self._check_inputs(args, kwargs)
            if not self.built:
                self._build_for(args, kwargs)
            spec = self._spec_by_rule(args, kwargs)
            if spec is not None:
                return spec
            key = self._spec_key(args, kwargs)
            known = _SPECS.get(key) if key is not None else None
            if known is not None:
                return KerasTensor(*known)
            found = symbolic.infer(self._backend, self._abstract_call, args, kwargs)
            if key is not None and type(found) is KerasTensor and not found.sparse:
                if len(_SPECS) >= _MOST_SPECS:
                    _SPECS.clear()
                _SPECS[key] = found.shape, found.dtype
            return found

    def _spec_key(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """What the result's shape and dtype hang on; None where only a trace can tell.

        A class of the library that says `_spec_settings` promises that these attributes decide,
        with the inputs. Networks repeat their blocks, and each trace costs milliseconds.
        """
        plain = configs.plain_class(type(self))
        settings = self._spec_settings
        if settings is None or not plain.__module__.startswith(_LAYERS) or kwargs or len(args) != 1:
            return None
        inputs = args[0] if isinstance(args[0], list) else [args[0]]
        if not all(type(x) is KerasTensor and not (x.sparse or x.ragged) for x in inputs):
            return None
        given = tuple((x.shape, x.dtype) for x in inputs)
        values = tuple(getattr(self, name, None) for name in settings)
        key = (plain, self._token, self.autocast, type(args[0]), values, given)
        try:
            hash(key)
        except TypeError:
            return None
        return key

    def _spec_by_rule(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """The result of a layer whose class tells its shape; None where a trace must tell.

        A class of the library that says `_keeps_spec` promises it for one tensor of floats; one
        that defines `_result_shape` tells it where it is sure. Tracing costs more than all else in
        building a deep network, and these are most of its layers. What a rule gives is compared
        with what a trace gives, for each such layer on each backend, by
        tests/framework/test_shape_rules.py.
        """
        keeps = "_keeps_spec" in vars(configs.plain_class(type(self)))
        if not (keeps or self._is_ruled) or len(args) != 1 or not self.autocast:
            return None
        if kwargs and kwargs.keys() != {"training"}:
            return None
        inputs = args[0]
        for x in inputs if isinstance(inputs, list) else (inputs,):
            if type(x) is not KerasTensor or x.sparse or x.ragged or x.dtype not in symbolic.FLOATS:
                return None
        if keeps:
            shape = None if isinstance(inputs, list) else inputs.shape
        else:
            shape = self._result_shape(inputs)
        return None if shape is None else KerasTensor(shape, self._policy.compute_dtype)

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        """The shape of the result for symbolic inputs, one or a list; None where it is not sure.

        Wrong inputs are not a rule's to tell of: the trace raises, as the call would.
        """
        return None

    def _abstract_call(self, *args: Any, **kwargs: Any) -> Any:
        """The call for its shapes alone: hooks of the framework do not see it."""
        return self._call_outer(args, kwargs)

    def resolve_training(self, training: bool | None = None) -> bool:
        """Returns the argument if it is not None; else what the call under way says; else the
        mode of the layer on its framework; else False."""
        found = state.training if training is None else training
        return self._native_training() if found is None else bool(found)


def _refuse_plain_values(args: tuple, name: str) -> None:
    """ValueError, in Keras's words, for numbers and text where tensors are expected."""
    for value in nested.leaves(args):
        if isinstance(value, str | bytes | int | float | complex) and not isinstance(value, bool):
            raise ValueError(
                "Only input tensors may be passed as positional arguments. The following argument "
                f"value should be passed as a keyword argument: {value!r} (of type {type(value)}). "
                f"The layer {name!r} takes tensors and arrays."
            )


def _takes(method: Any, names: Iterable[str]) -> bool:
    """Whether a method, which may be a user's own, takes arguments by these names."""
    parameters = inspect.signature(method).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return open_ended or all(name in parameters for name in names)


def _no_numbers(layer: Any, x: Any) -> ValueError:
    return ValueError(
        f"The layer '{layer.path}' ({type(layer).__name__}) takes numbers; got an array of text, "
        f"{x.dtype} {x.shape}. Make numbers of it before, for example by StringLookup, "
        "TextVectorization or a tokenizer."
    )


def _is_native(x: Any, backend: Any) -> bool:
    kind = owner_of(x)
    return kind is backend or (kind is registry.ARRAY and (backend.name == "numpy" or _is_text(x)))


def _is_text(x: Any) -> bool:
    """Whether an array holds text."""
    kind = getattr(getattr(x, "dtype", None), "kind", "")
    if kind == "O" and getattr(x, "size", 0) and hasattr(x, "flat"):
        return isinstance(x.flat[0], str | bytes)
    return kind in ("U", "S", "T")


def _has_tensors(x: Any) -> bool:
    return any(hasattr(leaf, "shape") for leaf in nested.leaves(x))


def _is_numbers(x: list) -> bool:
    return bool(x) and all(isinstance(leaf, bool | int | float) for leaf in nested.leaves(x))


def _kinds(x: list) -> set[type]:
    return {type(leaf) for leaf in nested.leaves(x)}


def _plain_shape(x: Any) -> Any:
    """A shape, or nested shapes, of ints and None alone."""
    if isinstance(x, dict):
        return {key: _plain_shape(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return tuple(_plain_shape(value) for value in x)
    return x
