"""TextVectorization: from text to places in a vocabulary."""

from collections.abc import Callable
from typing import Any

from ... import config
from ...core.keras_tensor import KerasTensor
from ...serialization import deserialize
from .host import HostLayer, host_batches
from .host_kernels import HostKernels
from .index_lookup import MODES, checked_mode, encoded_shape, listed
from .lookups import StringLookup
from .values import host_value
from .vocabulary import refuse_path

_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLIT = ("whitespace", "character")


class TextVectorization(HostLayer):
    """Standardizes text, splits it into tokens, and looks these up in a vocabulary.

    The vocabulary is given, or learned by `adapt`; place 0 is padding, 1 is for unknown tokens. In
    other output modes than "int" there is no padding, and unknown tokens have place 0.

    Args:
        max_tokens: the most places of the vocabulary; None for any number.
        standardize: "lower_and_strip_punctuation" (of ASCII), "lower", "strip_punctuation", None,
            or a function of strings that keeps their number. Functions get and return tensors on
            TensorFlow, on other backends NumPy arrays of `str`.
        split: "whitespace", "character", None, or a function from strings to a list of tokens for
            each; on TensorFlow to a ragged tensor.
        ngrams: None; the greatest number of tokens that are joined to one, or a tuple of numbers.
        output_mode: "int": rows of places, as long as the longest or `output_sequence_length`;
            "one_hot", "multi_hot", "count" or "tf_idf": see `StringLookup`.
        output_sequence_length: to which rows of places are cut or filled up.
        pad_to_max_tokens: whether vectors have `max_tokens` elements.
        vocabulary: the tokens, or the path of a file with one a line.
        idf_weights: inverse document frequencies of the tokens, for "tf_idf".
        sparse: whether vectors store their non-zero elements alone.
        ragged: whether rows of places keep their lengths, on TensorFlow.
        encoding: of tokens that the vocabulary has as bytes.
        name: the layer's name.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: arguments that do not go together.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        has_vocabulary = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        size = kwargs.pop("vocabulary_size", None)
        super().__init__(name=name, **kwargs)
        output_mode = checked_mode(output_mode, MODES, "TextVectorization")
        _check_choice("standardize", standardize, _STANDARDIZE)
        _check_choice("split", split, _SPLIT)
        _check_ngrams(ngrams)
        _check_length(output_sequence_length, output_mode)
        if ragged and self._backend.text_kernels is None:
            raise ValueError(
                "`ragged=True` can only be used with the TensorFlow backend; this layer is on "
                f"{self.backend}."
            )
        if ragged and output_mode != "int":
            raise ValueError(
                "`ragged` must not be true if `output_mode` is not `'int'`. Received: "
                f"ragged={ragged} and output_mode={output_mode}"
            )
        self._standardize, self._split, self._ngrams_arg = standardize, split, ngrams
        self._ngrams = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams
        self._ragged, self._output_mode = ragged, output_mode
        self._output_sequence_length, self._encoding = output_sequence_length, encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=output_mode,
            sparse=sparse,
            has_input_vocabulary=has_vocabulary,
            encoding=encoding,
            # Of other modes the size is fixed once it is known.
            vocabulary_size=None if output_mode == "int" else size or None,
        )

    @property
    def compute_dtype(self) -> str:
        """The dtype of the inputs."""
        return "string"

    @property
    def variable_dtype(self) -> str:
        """The dtype of the inputs."""
        return "string"

    @property
    def _has_input_vocabulary(self) -> bool:
        return self._lookup_layer._has_input_vocabulary

    # Vocabulary -------------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learns the vocabulary from text: what it learned before is forgotten.

        Args:
            data: an array, list, column or tensor of strings; or what yields batches of them.
            batch_size: ignored; data are read as they come.
            steps: at most so many batches.
        """
        self.reset_state()
        for batch, is_whole in host_batches(data, steps):
            if is_whole:
                batch = self._value(self._kernels(batch), batch, "text")
                if batch.ndim == 1:
                    batch = batch[:, None]
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Counts the tokens in a batch of strings."""
        kernels = self._kernels(data)
        tokens = self._preprocess(kernels, data)
        if not isinstance(kernels, HostKernels):
            tokens = host_value(tokens, self.name)
        self._lookup_layer.update_state(tokens)

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forgets what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Returns the tokens in the order of their places.

        Args:
            include_special_tokens: whether padding and the unknown token stand in front.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Returns the number of places, those of padding and unknown tokens included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Puts a vocabulary in the place of the one that there is; see `StringLookup`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights=idf_weights)

    # Calls ------------------------------------------------------------------------------------

    def _preprocess(self, kernels: Any, inputs: Any) -> Any:
        """The tokens of strings: rows of them, ragged unless `split` is None."""
        x = self._value(kernels, inputs, "text")
        if callable(self._standardize):
            x = self._custom(kernels, self._standardize, x, splits=False)
        elif self._standardize is not None:
            lower = self._standardize != "strip_punctuation"
            x = kernels.standardized(x, lower, self._standardize != "lower")
        if self._split is not None:
            if kernels.rank(x) > 1:
                if kernels.last_size(x) != 1:
                    raise ValueError(
                        "When using `TextVectorization` to tokenize strings, the input rank must "
                        "be 1 or the last shape dimension must be 1. Received: inputs.shape="
                        f"{tuple(x.shape)} with rank={kernels.rank(x)}"
                    )
                x = kernels.squeeze(x)
            if callable(self._split):
                x = self._custom(kernels, self._split, x, splits=True)
            else:
                x = kernels.split(x, self._split)
        return x if self._ngrams is None else kernels.ngrams(x, self._ngrams)

    def _custom(self, kernels: Any, function: Callable[[Any], Any], x: Any, splits: bool) -> Any:
        """A user's function: of tensors on TensorFlow, elsewhere of arrays."""
        if isinstance(kernels, HostKernels) or self._backend.text_kernels is not None:
            return kernels.custom(function, x)
        host = HostKernels(f"{type(self).__name__} {self.name!r}")
        return kernels.on_host(lambda values: host.custom(function, values), x, splits)

    def call(self, inputs: Any) -> Any:
        """Returns places (batch, length) as int64, or vectors (batch, vocabulary)."""
        kernels = self._kernels(inputs)
        tokens = self._preprocess(kernels, inputs)
        if self._output_mode != "int":
            return self._lookup_layer._encoded(kernels, tokens)
        places, length = self._lookup_layer._places(kernels, tokens), self._output_sequence_length
        if self._ragged:
            return self._finished(kernels, kernels.cut(places, length), "int64")
        return self._finished(kernels, kernels.padded(places, length), "int64")

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of what a call gives."""
        shape = tuple(input_shape)
        if self._output_mode == "int":
            if self._split is None:
                return (*shape[:-1], self._output_sequence_length or shape[-1])
            lead = shape[:-1] if len(shape) > 1 else shape
            return (*lead, self._output_sequence_length)
        if self._split is not None:
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        elif len(shape) <= 1:
            shape = (*shape, 1)
        return encoded_shape(shape, self._output_mode, self._lookup_layer._depth())

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns the shape and dtype of what a call gives."""
        dtype = "int64" if self._output_mode == "int" else config.floatx()
        sparse = self._lookup_layer.sparse
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype, sparse=sparse)

    # Files ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments; a vocabulary that was learned or read is none of them."""
        lookup = self._lookup_layer
        return {
            **super().get_config(),
            "max_tokens": lookup.max_tokens,
            "standardize": self._standardize,
            "split": self._split,
            "ngrams": self._ngrams_arg,
            "output_mode": self._output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup.pad_to_max_tokens,
            "sparse": lookup.sparse,
            "ragged": self._ragged,
            "vocabulary": listed(lookup.input_vocabulary),
            "idf_weights": listed(lookup.input_idf_weights),
            "encoding": self._encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Makes a layer from a config. ValueError for one that names a file."""
        refuse_path(config.get("vocabulary"))
        config = dict(config)
        for name in ("standardize", "split"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize(config[name])
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)

    def save_own_variables(self, store: Any) -> None:
        """Writes the inverse document frequencies."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Reads the inverse document frequencies."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Writes the vocabulary, unless the config has it, to "vocabulary.txt" in a folder."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Reads the vocabulary that `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value is not None and not callable(value) and value not in choices:
        raise ValueError(
            f"Unknown value for `{name}` argument of layer TextVectorization. If restricted to a "
            f"string, it must be one of {choices}; else None or a callable. Received: "
            f"{name}={value!r}"
        )


def _check_ngrams(ngrams: Any) -> None:
    numbers = isinstance(ngrams, tuple) and all(isinstance(n, int) for n in ngrams)
    if not (ngrams is None or isinstance(ngrams, int) or numbers):
        raise ValueError(
            f"`ngrams` must be None, an integer, or a tuple of integers. Received: ngrams={ngrams}"
        )


def _check_length(length: Any, mode: str) -> None:
    if mode == "int" and not (length is None or isinstance(length, int)):
        raise ValueError(
            "`output_sequence_length` must be either None or an integer when `output_mode` is "
            f"'int'. Received: output_sequence_length={length}"
        )
    if mode != "int" and length is not None:
        raise ValueError(
            "`output_sequence_length` must not be set if `output_mode` is not 'int'. Received "
            f"output_sequence_length={length}."
        )
