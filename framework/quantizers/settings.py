"""What `quantize` is told: which quantizers, block sizes and calibration data."""

from abc import abstractmethod
from typing import Any

from .. import serialization
from ..dtype_policies import QUANTIZATION_MODES
from .scaling import AbsMaxQuantizer

_INT4_RANGE = (-8, 7)


class QuantizationConfig:
    """Base of the configs of a quantization. Subclasses say which `mode` they are of.

    Args:
        weight_quantizer: a Quantizer of weights; that of the layer's kind if None.
        activation_quantizer: a Quantizer of inputs; None leaves them as floats.
    """

    _config_base: Any = None

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None) -> None:
        self.weight_quantizer = weight_quantizer
        self.activation_quantizer = activation_quantizer

    @property
    @abstractmethod
    def mode(self) -> str:
        """How weights are quantized. Subclasses say it."""
        raise NotImplementedError(
            "Subclasses must implement this property. Do not instantiate QuantizationConfig "
            "directly."
        )

    def dtype_policy_string(self) -> str:
        """Returns the mode as the name of a dtype policy has it."""
        return self.mode

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same config."""
        return {
            "weight_quantizer": serialization.serialize(self.weight_quantizer),
            "activation_quantizer": serialization.serialize(self.activation_quantizer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes a config from what `get_config` gives."""
        return cls(**{name: serialization.deserialize(value) for name, value in config.items()})

    @staticmethod
    def weight_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """Returns the weight quantizer of a config, or `default` where it has none."""
        found = None if config is None else config.weight_quantizer
        return default if found is None else found

    @staticmethod
    def activation_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """Returns the activation quantizer of a config, None included; `default` without one."""
        return default if config is None else config.activation_quantizer


class Int8QuantizationConfig(QuantizationConfig):
    """The config of weights of 8 bits, and inputs of 8 bits unless told otherwise.

    Args:
        weight_quantizer: a Quantizer that gives int8; by the largest magnitude of each output if
            None.
        activation_quantizer: a Quantizer of inputs; None leaves them as floats. "default" is by
            the largest magnitude of each vector.

    Raises ValueError for a weight quantizer of another dtype.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default") -> None:
        if isinstance(activation_quantizer, str) and activation_quantizer == "default":
            activation_quantizer = AbsMaxQuantizer()
        super().__init__(weight_quantizer, activation_quantizer)
        _check_int8(self)

    @property
    def mode(self) -> str:
        """ "int8"."""
        return "int8"


class Int4QuantizationConfig(QuantizationConfig):
    """The config of weights of 4 bits.

    Args:
        weight_quantizer: a Quantizer that gives int8 of -8 to 7; by the largest magnitude if None.
        activation_quantizer: a Quantizer of inputs; "default" and None leave them as floats.
        block_size: how many inputs share a scale and a zero point; None or -1 for one scale for
            each output.

    Raises ValueError for another size, quantizers together with blocks, or a weight quantizer of
    another range or dtype.
    """

    def __init__(
        self,
        weight_quantizer: Any = None,
        activation_quantizer: Any = "default",
        block_size: int | None = 128,
    ) -> None:
        if isinstance(activation_quantizer, str) and activation_quantizer == "default":
            activation_quantizer = None
        super().__init__(weight_quantizer, activation_quantizer)
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise ValueError(
                "block_size must be None, -1, or a positive integer. Received: "
                f"block_size={block_size}"
            )
        self.block_size = block_size
        given = weight_quantizer is not None or activation_quantizer is not None
        if block_size is not None and block_size > 0 and given:
            raise ValueError(
                "Int4 sub-channel quantization (block_size > 0) does not support custom "
                "quantizers. Either set block_size to None or -1 for per-channel quantization, or "
                f"remove the custom quantizer arguments. Received: block_size={block_size}"
            )
        if weight_quantizer is not None and tuple(weight_quantizer.value_range) != _INT4_RANGE:
            raise ValueError(
                "Int4QuantizationConfig requires a weight_quantizer with "
                f"value_range={_INT4_RANGE}. Received: value_range={weight_quantizer.value_range}"
            )
        _check_int8(self)

    @property
    def mode(self) -> str:
        """ "int4"."""
        return "int4"

    def dtype_policy_string(self) -> str:
        """Returns the mode as the name of a dtype policy has it."""
        return f"int4/{self.block_size or -1}"

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same config."""
        return {**super().get_config(), "block_size": self.block_size}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes a config from what `get_config` gives; older ones had no block size."""
        return super().from_config({"block_size": None, **config})


class Float8QuantizationConfig(QuantizationConfig):
    """The config of training in float8, which has no arguments."""

    def __init__(self) -> None:
        super().__init__(None, None)

    @property
    def mode(self) -> str:
        """ "float8"."""
        return "float8"

    def get_config(self) -> dict[str, Any]:
        """Returns no arguments."""
        return {}


def _check_int8(config: QuantizationConfig) -> None:
    quantizer = config.weight_quantizer
    if quantizer is not None and quantizer.output_dtype != "int8":
        raise ValueError(
            f"{type(config).__name__} requires a weight_quantizer with output_dtype='int8'. "
            f"Received: output_dtype={quantizer.output_dtype}"
        )


class _Calibrated(QuantizationConfig):
    """Base of the configs of quantizations that look at a model's activations.

    The data are of one calibration, and are not part of the config that is saved.
    """

    _names: tuple[str, ...] = ()

    def __init__(self, dataset: Any, tokenizer: Any, **settings: Any) -> None:
        super().__init__()
        for name in ("num_samples", "sequence_length"):
            if settings[name] <= 0:
                raise ValueError(f"{name} must be a positive integer; got {settings[name]}.")
        size = settings["group_size"]
        if size < -1 or size == 0:
            raise ValueError(
                "Invalid group_size. Supported values are -1 (one group) or a positive integer, "
                f"but got {size}."
            )
        self.dataset, self.tokenizer = dataset, tokenizer
        self.weight_bits: int = settings["weight_bits"]
        self.num_samples: int = settings["num_samples"]
        self.sequence_length: int = settings["sequence_length"]
        self.group_size: int = size
        self.quantization_layer_structure = settings["quantization_layer_structure"]

    def dtype_policy_string(self) -> str:
        """Returns the mode as the name of a dtype policy has it."""
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments but for the data and the tokenizer."""
        return {"dataset": None, "tokenizer": None, **{n: getattr(self, n) for n in self._names}}


class GPTQConfig(_Calibrated):
    """The config of GPTQ (Frantar et al. 2022, arXiv:2210.17323).

    Args:
        dataset: texts, or arrays of token ids.
        tokenizer: makes token ids of a text, by `tokenize` or by being called.
        weight_bits: 2, 3, 4 or 8.
        num_samples: how many samples are used.
        per_channel: whether each output has a scale of its own.
        sequence_length: the number of tokens of a sample.
        hessian_damping: which part of its diagonal's mean is added to the Hessian, 0 to 1.
        group_size: how many inputs share a scale; -1 for all.
        symmetric: whether ranges are symmetric about 0.
        activation_order: whether the inputs with the largest activations are quantized first.
        quantization_layer_structure: a dict with lists of layers, "pre_block_layers" and
            "sequential_blocks"; the model's own if None.

    Raises ValueError for another number.
    """

    _names = (
        "weight_bits", "num_samples", "per_channel", "sequence_length", "hessian_damping",
        "group_size", "symmetric", "activation_order", "quantization_layer_structure",
    )  # fmt: skip

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: dict[str, Any] | None = None,
    ) -> None:
        if weight_bits not in (2, 3, 4, 8):
            raise ValueError(
                f"Unsupported weight_bits {weight_bits}. Supported values are 2, 3, 4, and 8."
            )
        if not 0 <= hessian_damping <= 1:
            raise ValueError(f"hessian_damping must be between 0 and 1; got {hessian_damping}.")
        super().__init__(
            dataset,
            tokenizer,
            weight_bits=weight_bits,
            num_samples=num_samples,
            sequence_length=sequence_length,
            group_size=group_size,
            quantization_layer_structure=quantization_layer_structure,
        )
        self.per_channel = per_channel
        self.hessian_damping = hessian_damping
        self.symmetric = symmetric
        self.activation_order = activation_order

    @property
    def mode(self) -> str:
        """ "gptq"."""
        return "gptq"


class AWQConfig(_Calibrated):
    """The config of AWQ (Lin et al. 2023, arXiv:2306.00978).

    Args:
        dataset: texts, or arrays of token ids.
        tokenizer: makes token ids of a text, by `tokenize` or by being called.
        weight_bits: 4.
        num_samples: how many samples are used.
        sequence_length: the number of tokens of a sample.
        group_size: how many inputs share a scale; -1 for all.
        num_grid_points: how many exponents of the activations' magnitudes are tried.
        quantization_layer_structure: a dict with lists of layers, "pre_block_layers" and
            "sequential_blocks"; the model's own if None.

    Raises ValueError for another number.
    """

    _names = (
        "weight_bits", "num_samples", "sequence_length", "group_size", "num_grid_points",
        "quantization_layer_structure",
    )  # fmt: skip

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: dict[str, Any] | None = None,
    ) -> None:
        if weight_bits != 4:
            raise ValueError(
                f"AWQ only supports 4-bit quantization. Received weight_bits={weight_bits}."
            )
        super().__init__(
            dataset,
            tokenizer,
            weight_bits=weight_bits,
            num_samples=num_samples,
            sequence_length=sequence_length,
            group_size=group_size,
            quantization_layer_structure=quantization_layer_structure,
        )
        if num_grid_points <= 0:
            raise ValueError(f"num_grid_points must be a positive integer; got {num_grid_points}.")
        self.num_grid_points = num_grid_points

    @property
    def mode(self) -> str:
        """ "awq"."""
        return "awq"


_DEFAULTS: dict[str, Any] = {
    "int8": Int8QuantizationConfig,
    "int4": Int4QuantizationConfig,
    "float8": Float8QuantizationConfig,
}
_CALIBRATED: dict[str, Any] = {"gptq": GPTQConfig, "awq": AWQConfig}


def validate_and_resolve_config(mode: Any, config: Any) -> QuantizationConfig:
    """Returns the config that a mode, a config, or both stand for.

    Raises ValueError for neither, for another mode, for a config of another mode or type, and for
    "gptq" and "awq" without a config, for they need data.
    """
    if isinstance(config, str):
        mode, config = config, None
    _check_mode(mode)
    if config is None:
        if mode is None:
            raise ValueError("You must provide either `mode` or `config` to `quantize`.")
        if mode in _CALIBRATED:
            name = _CALIBRATED[mode].__name__
            raise ValueError(
                f"For {mode.upper()}, you must pass a `{name}` object in the `config` argument."
            )
        return _DEFAULTS[mode]()
    if not isinstance(config, QuantizationConfig):
        raise ValueError(
            "Argument `config` must be an instance of `QuantizationConfig`. Received: "
            f"config={config!r} (of type {type(config).__name__})"
        )
    if mode is not None and config.mode != mode:
        raise ValueError(f"Contradictory arguments: mode='{mode}' but config.mode='{config.mode}'")
    _check_mode(config.mode)
    wanted = _CALIBRATED.get(config.mode)
    if wanted is not None and not isinstance(config, wanted):
        raise ValueError(
            f"Mode '{config.mode}' requires a valid `config` argument of type "
            f"`{wanted.__name__}`. Received: {type(config).__name__}"
        )
    return config


def _check_mode(mode: Any) -> None:
    if mode is not None and mode not in QUANTIZATION_MODES:
        raise ValueError(
            f"Invalid quantization mode. Expected one of {QUANTIZATION_MODES}. Received: "
            f"mode={mode}"
        )
