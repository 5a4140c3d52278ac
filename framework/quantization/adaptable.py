"""Layers whose weights can be quantized, and have low-rank adapters put on them."""

from typing import Any

import numpy as np

from .. import dtype_policies, initializers, ops
from ..configs import plain_class
from ..context import entered
from ..core.layer import Layer
from ..core.variable import OwnState, Variable
from ..dtype_policies import DTypePolicyMap
from ..dtype_policies.quantized import refuse_float16
from ..lora import LowRankKernel, put_on
from ..quantizers import AbsMaxQuantizer, Int4QuantizationConfig, QuantizationConfig
from ..quantizers.settings import validate_and_resolve_config
from ..typing import Tensor
from . import calibrated, float8, products, weights
from .rules import RULES

_CALIBRATED = ("gptq", "awq")


class Adaptable(Layer):
    """Base of layers that `quantize` and `enable_lora` change from outside.

    Args:
        lora_rank: the rank of an adapter that is put on when the layer is built; None for none.
        lora_alpha: the adapter's change is multiplied by lora_alpha / lora_rank; the rank if None.
        quantization_config: how the weights are quantized when the layer is built, if its dtype
            policy says that they are.
        **kwargs: see Layer.
    """

    lora_enabled: bool = False
    _is_quantized: bool = False
    # What rounds the inputs of a quantized product; None leaves them as floats.
    inputs_quantizer: Any = None
    # Whether a layer that GPTQ or AWQ quantizes has its levels yet.
    _is_calibrated: bool = False

    def __init__(
        self,
        *,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: QuantizationConfig | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha
        self.quantization_config = quantization_config

    def _config_arguments(self, default: bool) -> dict[str, Any]:
        found = super()._config_arguments(default)
        left_out = ["lora_rank", "lora_alpha"] if self.lora_rank is None else []
        if self._rule is None:  # Keras's layer does not take it
            left_out.append("quantization_config")
        if self.lora_rank is not None and found:
            found |= {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}
        return {name: value for name, value in found.items() if name not in left_out}

    @property
    def _rule(self) -> Any:
        """What is to be known to quantize the layer; None for a kind that cannot be."""
        names = (cls.__name__ for cls in plain_class(type(self)).__mro__ if cls.__name__ in RULES)
        return RULES.get(next(names, ""))

    def _after_build(self) -> None:
        policy = self._policy
        if isinstance(policy, DTypePolicyMap):
            self._set_policy(policy.of_layer(self.path, self.path.replace(".", "/"), self.name))
        mode = self._policy.quantization_mode
        if mode is not None and self._rule is not None and not self._is_quantized:
            self._prepare(mode, self.quantization_config)
        if self.lora_rank and not self.lora_enabled:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    # Quantization -----------------------------------------------------------------------------

    @property
    def is_gptq_calibrated(self) -> bool:
        """Whether the layer computes with levels that GPTQ found."""
        return self._is_calibrated and self.quantization_mode == "gptq"

    @property
    def is_awq_calibrated(self) -> bool:
        """Whether the layer computes with levels that AWQ found."""
        return self._is_calibrated and self.quantization_mode == "awq"

    def quantize(
        self, mode: Any = None, type_check: bool = True, config: QuantizationConfig | None = None
    ) -> None:
        """Quantizes the weights. Afterwards the layer's dtype policy says so, and so its config.

        "int8": weights of 8 bits with a scale for each output, times inputs of 8 bits. "int4":
        weights of 4 bits, with a scale and a zero point for each block of inputs. "float8": weights
        stay floats, and products are those of numbers rounded to float8, in training too. "gptq"
        and "awq": the layer gets the variables of a file in which Keras wrote its levels, and
        computes with them once they are loaded; with its own kernel until then.

        Args:
            mode: one of these; that of `config` if None.
            type_check: whether a class derived from the library's is refused, for its own `call`
                would not be called any more.
            config: a QuantizationConfig of the mode; the mode's default if None.

        Raises:
            ValueError: a layer that is not built, or quantized already; another mode; a config of
                another mode.
            NotImplementedError: a layer or mode that has no such quantization.
        """
        config = validate_and_resolve_config(mode, config)
        mode = config.mode
        self._refuse_quantization(mode)
        rule = self._rule
        own = None if rule is None else RULES.get(plain_class(type(self)).__name__)
        if rule is None or (type_check and own is not rule):
            super().quantize(mode)
            return  # it raised
        if mode not in rule.modes:
            raise NotImplementedError(
                f"Invalid quantization mode. Expected one of {rule.modes} for "
                f"{plain_class(type(self)).__name__}. Received: quantization_mode={mode}"
            )
        if self.lora_enabled:
            raise ValueError(
                f"{self.name}: a layer with an adapter cannot be quantized. Merge the adapter "
                "first, `isozoo.lora.merge(model)`, or quantize before `enable_lora`."
            )
        values = {} if mode not in ("int8", "int4") else self._values(mode, config)
        self._prepare(mode, config)
        self.quantization_config = config
        for name, value in values.items():
            self._tracked[name].assign(value)
        if self._policy.quantization_mode is None:
            before = self._policy.name
            name = f"{config.dtype_policy_string()}_from_{before}"
            self._set_policy(dtype_policies.get(name))

    def _refuse_quantization(self, mode: str) -> None:
        """ValueError for a layer that cannot be quantized now."""
        if not self.built:
            raise ValueError(
                f"Cannot quantize a layer that isn't yet built. Layer '{self.name}' (of type "
                f"'{plain_class(type(self)).__name__}') is not built yet."
            )
        if self._is_quantized:
            raise ValueError(
                f"Layer '{self.name}' is already quantized with "
                f"dtype_policy='{self.dtype_policy.name}'. Received: mode={mode}"
            )
        refuse_float16(mode, self.compute_dtype)

    def _block_size(self, config: Any) -> int | None:
        """How many inputs share a scale of 4 bits; None for one scale for each line."""
        policy = self._policy
        known = isinstance(config, Int4QuantizationConfig)
        size = config.block_size if known else getattr(policy, "block_size", None)
        return None if size in (None, -1) else size

    def _values(self, mode: str, config: QuantizationConfig) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for weight in self._rule.weights(self):
            x = self._tracked[weight.name]
            if mode == "int8":
                found |= weights.int8_values(x, weight, config.weight_quantizer)
            else:
                size = self._block_size(config)
                found |= weights.int4_values(x, weight, size, config.weight_quantizer)
        return found

    def _prepare(self, mode: str, config: QuantizationConfig | None) -> None:
        """Put the variables of a mode in the place of the weights, without their values."""
        rule = self._rule
        held = vars(self)
        held["_quantized_weights"] = found = {w.name: w for w in rule.weights(self)}
        held["_quantization_mode"] = mode
        swapped = mode == "float8"
        with entered(backend=self._backend, journal=None):
            if mode == "float8":
                float8.prepare(self)
            elif mode in _CALIBRATED:
                calibrated.prepare(self, mode, config, rule.calibrated_shape(self))
            else:
                swapped = self._prepare_integers(mode, config, found)
        self._is_quantized = True
        if swapped:
            for name, taken in rule.calls.items():
                held[name] = getattr(self, taken)
        if mode in _CALIBRATED:
            held["load_own_variables"] = self.load_adapted
        self.touch()

    def _prepare_integers(self, mode: str, config: Any, found: dict[str, Any]) -> bool:
        """Make the variables of 8 or 4 bits; tells whether the layer's products change."""
        default = AbsMaxQuantizer() if mode == "int8" or "embeddings" in found else None
        quantizer = QuantizationConfig.activation_quantizer_or_default(config, default)
        self.inputs_quantizer = quantizer
        for weight in found.values():
            if mode == "int8":
                weights.make_int8(self, weight)
            else:
                weights.make_int4(self, weight, self._block_size(config))
            if mode == "int4" and weight.name == self._rule.main:
                base = self._tracked[weight.name]
                vars(self)[weight.name] = weights.FloatView(base, self, weight.name, weight.shape)
        return mode == "int8" or quantizer is not None or "embeddings" in found

    def floats_of(self, name: str) -> Tensor:
        """Returns a quantized weight as floats in the compute dtype.

        Args:
            name: the attribute, such as "kernel".
        """
        weight, mode = vars(self)["_quantized_weights"][name], vars(self)["_quantization_mode"]
        if mode in _CALIBRATED:
            return calibrated.floats(self, mode, weight)
        if mode == "int8":
            scale = getattr(self, f"{name}_scale")
            return weights.int8_floats(self._tracked[name], scale, weight, self.compute_dtype)
        return weights.int4_floats(self, weight, self.compute_dtype)

    # What the methods of a layer are exchanged for. They are methods of the class so that copies
    # and pickles find them again.

    def quantized_call(self, inputs: Any) -> Any:
        """Returns the outputs of a quantized layer; what `call` is while it is quantized."""
        return products.call(self, self._rule, inputs)

    def quantized_rows(self, indices: Any) -> Any:
        """Returns rows of a quantized table."""
        return products.rows(self, indices)

    def quantized_scores(self, inputs: Any) -> Any:
        """Returns products of vectors with all rows of a quantized table."""
        return products.scores(self, self._rule, inputs)

    # Adapters ---------------------------------------------------------------------------------

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Puts a low-rank adapter on the kernel (or table), which is frozen from then on.

        The kernel W reads as W + lora_alpha / rank * A B (Hu et al. 2021, arXiv:2106.09685). A is
        (…, rank) and B (rank, out), both float32. `isozoo.lora` does the same for all of a model.

        Args:
            rank: the rank of the change.
            lora_alpha: what the change is scaled by, before it is divided by the rank; the rank if
                None.
            a_initializer: the first values of A.
            b_initializer: the first values of B.

        Raises:
            ValueError: a layer that is not built, has an adapter, or a constraint on the kernel.
            NotImplementedError: a layer that GPTQ quantized.
        """
        name = "kernel" if self._rule is None else self._rule.main
        if getattr(self, f"{name}_constraint", None):
            raise ValueError(
                f"Lora is incompatible with {'kernel' if name == 'kernel' else 'embedding'} "
                "constraints. In order to enable lora on this layer, remove the "
                f"`{name}_constraint` argument."
            )
        if not self.built:
            raise ValueError("Cannot enable lora on a layer that isn't yet built.")
        if self.lora_enabled or isinstance(vars(self).get(name), LowRankKernel):
            raise ValueError("lora is already enabled. This can only be done once per layer.")
        mode = self.quantization_mode
        if mode == "gptq":
            raise NotImplementedError("lora is not currently supported with GPTQ quantization.")
        kernel = getattr(self, name)
        shape = tuple(kernel.shape)
        regularizer = getattr(self, f"{name}_regularizer", None)
        names = (f"lora_{name}_a", f"lora_{name}_b")
        made = [
            self.add_weight(size, initializers.get(first), "float32", regularizer=regularizer)
            for size, first in (
                ((*shape[:-1], rank), a_initializer),
                ((rank, shape[-1]), b_initializer),
            )
        ]
        for part, variable in zip(names, made, strict=True):
            setattr(self, part, variable)
        self._tracked[name].trainable = False
        self.lora_rank, self.lora_alpha = rank, rank if lora_alpha is None else lora_alpha
        # Products in 8 bits add the adapter's change themselves.
        if not (vars(self).keys() & set(getattr(self._rule, "calls", ()))):
            put_on(self, name, names, made[0], made[1], self.lora_alpha / rank)
        self.lora_enabled = True
        vars(self)["save_own_variables"] = self.save_adapted
        vars(self)["load_own_variables"] = self.load_adapted
        self.touch()

    def forget_adapter(self) -> None:
        """Undoes what `enable_lora` set, once the adapter is taken off."""
        if self.lora_enabled:
            self.lora_enabled, self.lora_rank, self.lora_alpha = False, None, None
            for method in ("save_own_variables", "load_own_variables"):
                vars(self).pop(method, None)
            if not self._is_quantized:
                self._tracked["kernel" if self._rule is None else self._rule.main].trainable = True

    # Files ------------------------------------------------------------------------------------

    def own_variables(self) -> list[Variable]:
        """Returns the variables directly in the layer, in the order of Keras's weights files.

        Adapters are not among them: a file has the kernel with its change.
        """
        if not (self._is_quantized or self.lora_enabled):
            return super().own_variables()
        tracked = self._tracked
        mode = self.quantization_mode
        if mode in _CALIBRATED:
            order = ["bias", *calibrated.NAMES[mode]]
        elif mode == "float8":
            order = ["kernel", "bias", *float8.NAMES]
        else:
            main = "kernel" if self._rule is None else self._rule.main
            order = [main, "bias", f"{main}_scale", f"{main}_zero", "g_idx"]
            reverse = "reverse_embeddings"
            order += [reverse, f"{reverse}_scale", f"{reverse}_zero"]
        found = [tracked[name] for name in order if isinstance(tracked.get(name), Variable)]
        known = {"kernel", *order} if mode in _CALIBRATED else set(order)
        rest = [
            part
            for name, part in tracked.items()
            if isinstance(part, Variable) and name not in known and not name.startswith("lora_")
        ]
        return found + [part for part in rest if not isinstance(part, OwnState)]

    def save_adapted(self, store: Any) -> None:
        """Puts the variables into a mapping, the kernel with its adapter's change."""
        merged: dict[int, Any] = {}
        name = "kernel" if self._rule is None else self._rule.main
        mode = self.quantization_mode
        if self.lora_enabled and mode in (None, "int8", "int4"):
            with entered(backend=self._backend, autocast=None):
                floats = self._merged(name)
                values = {name: floats}
                if mode is not None:
                    weight = vars(self)["_quantized_weights"][name]
                    size = self._block_size(self.quantization_config)
                    values = (
                        weights.int8_values(floats, weight, None)
                        if mode == "int8"
                        else weights.int4_values(floats, weight, size, None)
                    )
            merged = {id(self._tracked[key]): value for key, value in values.items()}
        for number, variable in enumerate(self.own_variables()):
            value = merged.get(id(variable))
            store[str(number)] = variable if value is None else np.asarray(self._host(value))

    def _merged(self, name: str) -> Tensor:
        """The weight with its adapter's change, as floats in the dtype of the variable."""
        held = vars(self)[name]
        if isinstance(held, LowRankKernel):
            return held.value
        change = ops.matmul(getattr(self, f"lora_{name}_a"), getattr(self, f"lora_{name}_b"))
        scaled = ops.multiply(change, self.lora_alpha / self.lora_rank)  # pyright: ignore
        return ops.add(ops.cast(self.floats_of(name), "float32"), scaled)

    def _host(self, x: Any) -> Any:
        return ops.convert_to_numpy(x)

    def load_adapted(self, store: Any) -> None:
        """Assigns what `save_adapted` put into a mapping; the adapter's change becomes 0.

        Raises ValueError for another number of arrays, or one of another shape.
        """
        super().load_own_variables(store)
        if self.lora_enabled:
            name = "kernel" if self._rule is None else self._rule.main
            b = getattr(self, f"lora_{name}_b")
            b.assign(np.zeros(b.shape, "float32"))
        if self.quantization_mode in _CALIBRATED:
            calibrated.finish(self)
