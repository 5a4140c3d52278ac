"""Dtype policies of layers whose weights are quantized, in Keras's forms.

A mode is "int8", "int4", "float8", "gptq" or "awq". Some modes have numbers behind them:
"int4/<block size>", "gptq/<bits>/<group size>" and "awq/<bits>/<group size>".
"""

from typing import Any

from .policy import DTypePolicy, dtype_policy, pair_of

QUANTIZATION_MODES = ("int8", "float8", "int4", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """The policy of a layer with quantized weights.

    Args:
        mode: one of `QUANTIZATION_MODES`.
        source_name: the name of the policy that the layer had before; the global one's if None.

    Raises:
        ValueError: another mode, or "int8" together with computations in float16.
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        source_name = dtype_policy().name if source_name is None else source_name
        self._source_name = source_name
        self._mode, self._numbers = self._parsed(mode)
        self._name = f"{self._whole_mode()}_from_{source_name}"
        self._compute_dtype, self._variable_dtype = pair_of(source_name)
        if self._mode not in QUANTIZATION_MODES:
            raise ValueError(
                f"Invalid quantization mode. Expected one of {QUANTIZATION_MODES}. Received: "
                f"mode={mode}"
            )
        refuse_float16(self._mode, self._compute_dtype)

    def _parsed(self, mode: str) -> tuple[str, tuple[int, ...]]:
        """The mode and the numbers behind it."""
        return mode, ()

    def _whole_mode(self) -> str:
        return "/".join(str(part) for part in (self._mode, *self._numbers))

    @property
    def quantization_mode(self) -> str | None:
        """How weights are quantized."""
        return self._mode

    def with_dtype(self, dtype: str) -> DTypePolicy:
        """Returns the policy of the same quantization from another dtype."""
        return type(self)(**{**self.get_config(), "source_name": dtype})

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same policy."""
        return {"mode": self._whole_mode(), "source_name": self._source_name}

    def unnamed_config(self) -> dict[str, Any]:
        """Returns the config of a policy whose dtypes are left to the global policy."""
        return {**self.get_config(), "source_name": None}


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer that multiplies float8 numbers while it is trained.

    Args:
        mode: "float8".
        source_name: the name of the policy before; the global one's if None.
        amax_history_length: over how many steps the largest magnitude is taken.

    Raises:
        TypeError: a length that is not an int.
        ValueError: another mode.
    """

    default_amax_history_length = 1024

    def __init__(
        self, mode: str, source_name: str | None = None, amax_history_length: int = 1024
    ) -> None:
        super().__init__(mode=mode, source_name=source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(
                "`amax_history_length` must be an integer. Received: "
                f"amax_history_length={amax_history_length!r}"
            )
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """Over how many steps the largest magnitude is taken."""
        return self._amax_history_length

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same policy."""
        return {**super().get_config(), "amax_history_length": self.amax_history_length}


class _WithNumbers(QuantizedDTypePolicy):
    """Base of the policies whose mode has numbers behind it."""

    # The mode, and the names of the numbers.
    _form: tuple[str, ...] = ()

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(mode=mode, source_name=source_name)
        self.mode = self._mode
        for name, number in zip(self._form[1:], self._numbers, strict=True):
            setattr(self, name, number)

    def _parsed(self, mode: str) -> tuple[str, tuple[int, ...]]:
        cls, (head, *names) = type(self).__name__, self._form
        shown = "/".join([head, *(f"<{name}>" for name in names)])
        parts = mode.split("/")
        if parts[0] != head or len(parts) != len(self._form):
            raise ValueError(
                f"Invalid mode for {cls}. Expected format '{shown}', but got '{mode}'."
            )
        try:
            numbers = tuple(int(part) for part in parts[1:])
        except ValueError as error:
            raise ValueError(
                f"Invalid mode for {cls}. {' and '.join(f'<{n}>' for n in names)} must be "
                f"{'an integer' if len(names) == 1 else 'integers'}. Expected format '{shown}', "
                f"but got '{mode}'."
            ) from error
        self._check(dict(zip(names, numbers, strict=True)), mode)
        return head, numbers

    def _check(self, numbers: dict[str, int], mode: str) -> None:
        """ValueError for a number that the mode does not have."""
        for name in ("block_size", "group_size"):
            size = numbers.get(name, -1)
            if size < -1 or size == 0:
                raise ValueError(
                    f"Invalid {name} in mode. Supported values are -1 (one group) or a positive "
                    f"integer, but got {size} from '{mode}'."
                )


class Int4DTypePolicy(_WithNumbers):
    """The policy of a layer with weights of 4 bits, with a scale for each block of inputs.

    Args:
        mode: "int4/<block size>"; a size of -1 stands for one scale for each output.
        source_name: the name of the policy before; the global one's if None.

    Raises ValueError for another form, or a size that is neither -1 nor positive.
    """

    _form = ("int4", "block_size")
    block_size: int


class GPTQDTypePolicy(_WithNumbers):
    """The policy of a layer whose weights GPTQ quantized.

    Args:
        mode: "gptq/<bits>/<group size>": 2, 3, 4 or 8 bits; a size of -1 stands for one group.
        source_name: the name of the policy before; the global one's if None.

    Raises ValueError for another form or other numbers.
    """

    _form = ("gptq", "weight_bits", "group_size")
    weight_bits: int
    group_size: int

    def _check(self, numbers: dict[str, int], mode: str) -> None:
        if numbers["weight_bits"] not in (2, 3, 4, 8):
            raise ValueError(
                "Invalid weight_bits in mode. Supported values are 2, 3, 4, and 8, but got "
                f"{numbers['weight_bits']} from '{mode}'."
            )
        super()._check(numbers, mode)


class AWQDTypePolicy(_WithNumbers):
    """The policy of a layer whose weights AWQ quantized.

    Args:
        mode: "awq/4/<group size>"; a size of -1 stands for one group.
        source_name: the name of the policy before; the global one's if None.

    Raises ValueError for another form or other numbers.
    """

    _form = ("awq", "weight_bits", "group_size")
    weight_bits: int
    group_size: int

    def _check(self, numbers: dict[str, int], mode: str) -> None:
        if numbers["weight_bits"] != 4:
            raise ValueError(
                "Invalid weight_bits in mode. AWQ only supports 4-bit quantization, but got "
                f"{numbers['weight_bits']} from '{mode}'."
            )
        super()._check(numbers, mode)


def refuse_float16(mode: str, compute_dtype: str) -> None:
    """Raises ValueError where sums of int8 products would be scaled in float16, and overflow."""
    if mode == "int8" and compute_dtype == "float16":
        raise ValueError(
            f"Quantization mode='{mode}' doesn't work well with compute_dtype='float16'. Consider "
            "a dtype policy other than 'mixed_float16', such as 'mixed_bfloat16'."
        )


def by_name(name: str) -> QuantizedDTypePolicy:
    """Returns the policy of a name such as "int4/128_from_float32".

    Raises ValueError for a name of another form.
    """
    mode, separator, source_name = name.partition("_from_")
    if not separator or "_from_" in source_name:
        raise ValueError(
            "Cannot convert `policy` into a valid pair (`mode`, `source_name`) to instantiate "
            f"`QuantizedDTypePolicy`: expected '<mode>_from_<dtype policy>'. Received: "
            f"policy={name}"
        )
    head = mode.partition("/")[0]
    if head == "int4" and "/" not in mode:
        return QuantizedDTypePolicy(mode, source_name)
    cls = _BY_MODE.get(head, QuantizedDTypePolicy)
    return cls(mode, source_name)


_BY_MODE: dict[str, Any] = {
    "int4": Int4DTypePolicy,
    "float8": QuantizedFloat8DTypePolicy,
    "gptq": GPTQDTypePolicy,
    "awq": AWQDTypePolicy,
}
