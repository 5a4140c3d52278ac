"""What StringLookup and IntegerLookup have in common."""

import os
from typing import Any

import numpy as np

from ... import config
from ...core.keras_tensor import KerasTensor
from ...files import write_atomically
from .host import HostLayer, host_batches
from .host_kernels import HostKernels
from .values import Ragged, decoded, host_value
from .vocabulary import (
    Counts,
    lines_of_tokens,
    read_tokens,
    refuse_path,
    repeated,
    shown,
    tokens_of,
    tokens_of_lines,
)

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
FILE = "vocabulary.txt"


def checked_mode(mode: str, modes: tuple[str, ...], who: str) -> str:
    """Returns an output mode by its present name. ValueError for one that is not among `modes`."""
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    if mode not in modes:
        raise ValueError(
            f"Unknown value for `output_mode` argument of layer {who}. Invalid value for argument "
            f"`output_mode`: expected one of {modes}. Received: output_mode={mode}"
        )
    return mode


def checked_salt(salt: Any, who: str) -> list[int] | None:
    """Returns a salt as a key of two numbers. ValueError for anything else."""
    if salt is None:
        return None
    if isinstance(salt, int):
        return [salt, salt]
    if isinstance(salt, tuple | list) and len(salt) == 2:
        return [salt[0], salt[1]]
    raise ValueError(
        f"The `salt` argument for `{who}` can only be a tuple of size 2 integers, or a single "
        f"integer. Received: salt={salt}."
    )


def encoded_shape(shape: Any, mode: str, depth: int | None) -> tuple[int | None, ...]:
    """Returns the shape of encoded categories, whose inputs have `shape`."""
    shape = tuple(shape)
    if mode == "int":
        return shape
    if mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
        return (*shape, depth)
    return (*shape[:-1], depth)


class IndexLookup(HostLayer):
    """Puts the place in a vocabulary for each token, or encodes samples of such places.

    The vocabulary is given, or learned by `adapt` from data: the tokens by how often they were
    seen, of equally frequent ones the greater first. Place 0 is the mask token's, if there is one
    and the output mode is "int"; then come `num_oov_indices` places of tokens that the vocabulary
    does not have, and then the tokens. Definition: keras/src/layers/preprocessing/index_lookup.py.

    Args:
        max_tokens: the most places that the vocabulary may have, those of mask and unknown tokens
            included; None for any number.
        num_oov_indices: places of unknown tokens. With 0 they are an error, with more than 1 a hash
            of the token chooses.
        mask_token: the token that is encoded as 0, and left out in other modes than "int"; or None.
        oov_token: what `invert` gives for an unknown place.
        vocabulary_dtype: "string" or "int64".
        vocabulary: the tokens, with or without those for mask and unknown in front; or the path of
            a file with one token a line.
        idf_weights: inverse document frequencies of the tokens, for "tf_idf".
        invert: whether places are given and tokens returned.
        output_mode: "int", or one of "one_hot", "multi_hot", "count", "tf_idf", which are vectors
            of the vocabulary's size in the default float dtype.
        sparse: whether vectors store their non-zero elements alone.
        pad_to_max_tokens: whether vectors have `max_tokens` elements.
        oov_method: of unknown whole numbers, "floormod" or "farmhash".
        name: the layer's name.
        salt: a key for SipHash in the place of FarmHash.
        **kwargs: what configs have besides.

    Raises:
        ValueError: arguments that do not go together.
    """

    input_vocabulary: Any
    input_idf_weights: Any
    salt: list[int] | None

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary_dtype: str,
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        frozen, has_vocabulary = kwargs.pop("vocabulary_size", None), vocabulary is not None
        has_vocabulary = kwargs.pop("has_input_vocabulary", has_vocabulary)
        trainable = kwargs.pop("trainable", True)
        kwargs.pop("dtype", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword argument(s): {kwargs}")
        super().__init__(name=name, trainable=trainable)
        who = type(self).__name__
        _check_sizes(max_tokens, num_oov_indices, pad_to_max_tokens, who)
        if oov_method not in ("floormod", "farmhash"):
            raise ValueError(
                f"Unknown value for `oov_method` argument of layer {who}: expected 'floormod' or "
                f"'farmhash'. Received: oov_method={oov_method}"
            )
        self._is_text = vocabulary_dtype == "string"
        if salt is not None and not self._is_text and oov_method != "farmhash":
            raise ValueError(
                "`salt` can only be used when `oov_method='farmhash'`. Received: "
                f"oov_method={oov_method}"
            )
        output_mode = checked_mode(output_mode, MODES, who)
        self._check_modes(output_mode, invert, sparse, idf_weights, has_vocabulary, vocabulary)
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.vocabulary_dtype, self.invert = vocabulary_dtype, invert
        self.output_mode, self.sparse = output_mode, sparse
        self.pad_to_max_tokens, self.oov_method = pad_to_max_tokens, oov_method
        vars(self)["salt"] = checked_salt(salt, who)
        # Long lists, which hold no parts of the layer.
        vars(self)["input_vocabulary"] = None if isinstance(vocabulary, str) else vocabulary
        vars(self)["input_idf_weights"] = idf_weights
        self._has_input_vocabulary, self._frozen_vocab_size = has_vocabulary, frozen
        self._tokens = tokens_of([], self._is_text, who)
        # Of all places, those in front included; None until they are known.
        self.idf_weights: np.ndarray | None = None
        self._counts = Counts(output_mode == "tf_idf")
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _check_modes(
        self, mode: str, invert: bool, sparse: bool, weights: Any, has_own: bool, vocabulary: Any
    ) -> None:
        if invert and mode != "int":
            raise ValueError(
                f"`output_mode` must be `'int'` when `invert` is true. Received: output_mode={mode}"
            )
        if sparse and mode == "int":
            raise ValueError(
                "`sparse` may only be true if `output_mode` is `'one_hot'`, `'multi_hot'`, "
                f"`'count'` or `'tf_idf'`. Received: sparse={sparse} and output_mode={mode}"
            )
        self._check_sparse(sparse)
        if weights is not None and mode != "tf_idf":
            raise ValueError(
                "`idf_weights` should only be set if `output_mode` is `'tf_idf'`. Received: "
                f"idf_weights={weights} and output_mode={mode}"
            )
        if mode == "tf_idf" and has_own and vocabulary is not None and weights is None:
            raise ValueError(
                "When specifying the `vocabulary` argument, in TF-IDF output mode, the "
                "`idf_weights` argument must also be provided."
            )

    def _check_sparse(self, sparse: bool) -> None:
        if sparse and not self._backend.has_sparse_tensors:
            raise ValueError(
                "`sparse=True` can only be used with the TensorFlow backend, or with JAX; this "
                f"layer is on {self.backend}."
            )

    # Places -----------------------------------------------------------------------------------

    @property
    def compute_dtype(self) -> str:
        """The dtype of the tokens."""
        return self.vocabulary_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the tokens."""
        return self.vocabulary_dtype

    def _oov_start_index(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    def _token_start_index(self) -> int:
        return self._oov_start_index() + self.num_oov_indices

    def _depth(self) -> int | None:
        return self.max_tokens if self.pad_to_max_tokens else self._frozen_vocab_size

    # Vocabulary -------------------------------------------------------------------------------

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Returns the tokens in the order of their places.

        Args:
            include_special_tokens: whether those for mask and unknown stand in front.
        """
        tokens = self._tokens
        known = decoded(tokens, self._encoding()).tolist() if self._is_text else tokens.tolist()
        if not include_special_tokens:
            return known
        return [
            *[self.mask_token] * self._oov_start_index(),
            *[self.oov_token] * self.num_oov_indices,
            *known,
        ]

    def _encoding(self) -> str:
        return "utf-8"

    def vocabulary_size(self) -> int:
        """Returns the number of places, those for mask and unknown tokens included."""
        return len(self._tokens) + self._token_start_index()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Puts a vocabulary in the place of the one that there is.

        Args:
            vocabulary: a list, array or tensor of tokens, or the path of a file with one a line.
            idf_weights: inverse document frequencies, one for each token of `vocabulary`; needed
                in the output mode "tf_idf", and not allowed in others.

        Raises:
            ValueError: repeated tokens, tokens for mask or unknown at another place than in front,
                more tokens than `max_tokens` allows, or weights that do not fit.
            RuntimeError: another size, after the layer was called in a mode that gives vectors.
        """
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(
                "`idf_weights` should only be set if output_mode is `'tf_idf'`. Received: "
                f"output_mode={self.output_mode} and idf_weights={idf_weights}"
            )
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError("`idf_weights` must be set if output_mode is 'tf_idf'.")
        if isinstance(vocabulary, str):
            if self.output_mode == "tf_idf":
                raise ValueError(
                    "output_mode `'tf_idf'` does not support loading a vocabulary from file."
                )
            self._tokens = read_tokens(vocabulary, self._is_text)
            self._record_vocabulary_size()
            return
        given = tokens_of(vocabulary, self._is_text, type(self).__name__, self._encoding())
        if not len(given):
            raise ValueError(f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        special = self._special_tokens()
        has_special = given[: len(special)].tolist() == special
        tokens = given[len(special) :] if has_special else given
        self._check_tokens(tokens, given, special)
        before, self._tokens = self._tokens, tokens
        try:
            self._record_vocabulary_size()
        except RuntimeError:
            self._tokens = before
            raise
        if self.output_mode == "tf_idf":
            self.idf_weights = self._all_weights(idf_weights, len(given), has_special)

    def _special_tokens(self) -> list[Any]:
        """What stands in front of the tokens, in the form of tokens."""
        front = [self.mask_token] * self._oov_start_index()
        front += [self.oov_token] * self.num_oov_indices
        return [self._as_token(x) for x in front]

    def _as_token(self, x: Any) -> Any:
        if x is None:
            return None
        return tokens_of([x], self._is_text, type(self).__name__).tolist()[0]

    def _check_tokens(self, tokens: np.ndarray, given: np.ndarray, special: list[Any]) -> None:
        twice = repeated(tokens)
        if twice:
            raise ValueError(
                "The passed vocabulary has at least one repeated term. Please uniquify your "
                f"dataset. The repeated terms are: {twice}"
            )
        reserved = [("mask", "mask_token", self.mask_token)]
        if self.invert:  # else the token for unknown ones is never looked up
            reserved.append(("OOV", "oov_token", self.oov_token))
        for kind, argument, token in reserved:
            if token is None or self._as_token(token) not in tokens.tolist():
                continue
            place = len(given) - 1 - given.tolist()[::-1].index(self._as_token(token))
            raise ValueError(
                f"Found reserved {kind} token at unexpected location in `vocabulary`. Note that "
                "passed `vocabulary` does not need to include the OOV and mask tokens. Either "
                "remove all mask and OOV tokens, or include them only at the start of the "
                f"vocabulary in precisely this order: {[shown(x) for x in special]}. Received: "
                f"{argument}={token} at vocabulary index {place}"
            )
        size = len(special) + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                "Attempted to set a vocabulary larger than the maximum vocab size. Received "
                f"vocabulary size is {size}; `max_tokens` is {self.max_tokens}."
            )

    def _all_weights(self, weights: Any, count: int, has_special: bool) -> np.ndarray:
        """Weights of all places, of those of the tokens, or of all but the padding."""
        found = np.asarray(host_value(weights, type(self).__name__), np.float64)
        if len(found) != count:
            raise ValueError(
                "`idf_weights` must be the same length as vocabulary. len(idf_weights) is "
                f"{len(found)}; len(vocabulary) is {count}"
            )
        if found.ndim != 1:
            raise ValueError(f"TF-IDF data must be a 1-index array. Received: shape {found.shape}")
        front = 0 if has_special else self._token_start_index()
        return self._padded_weights(np.pad(found, (front, 0), constant_values=np.mean(found)))

    def _padded_weights(self, weights: np.ndarray) -> np.ndarray:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            weights = np.pad(weights, (0, self.max_tokens - len(weights)))
        return weights.astype(config.floatx())

    def _record_vocabulary_size(self) -> None:
        fixed = self._frozen_vocab_size
        if self.output_mode != "int" and not self.pad_to_max_tokens and fixed is not None:
            if self.vocabulary_size() != fixed:
                raise RuntimeError(
                    f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, "
                    "the vocabulary size cannot be changed after the layer is called. Old vocab "
                    f"size is {fixed}, new vocab size is {self.vocabulary_size()}"
                )
        self._frozen_vocab_size = self.vocabulary_size()

    # Learning ---------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learns the vocabulary from data: what it learned before is forgotten.

        Args:
            data: an array, list, column or tensor of tokens, each of which is a document if there
                is one axis; or what yields batches, such as a `tf.data.Dataset`, a DataLoader or a
                generator.
            steps: at most so many batches.

        Raises:
            ValueError: the vocabulary was given, or data of another kind.
        """
        self.reset_state()
        for batch, is_whole in host_batches(data, steps):
            batch = self._on_host(batch)
            if is_whole and not isinstance(batch, Ragged) and batch.ndim == 1:
                batch = batch[:, None]
            self.update_state(batch)
        self.finalize_state()

    def _on_host(self, x: Any) -> Any:
        kernels = HostKernels(f"{type(self).__name__} {self.name!r}")
        return kernels.value(x, "text" if self._is_text else "integers")

    def update_state(self, data: Any) -> None:
        """Counts the tokens of a batch of documents, (batch, tokens), or of one, (tokens,)."""
        if self._has_input_vocabulary:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via "
                "`vocabulary` argument or `set_vocabulary()` method."
            )
        data = self._on_host(data)
        if not isinstance(data, Ragged) and data.ndim < 2:
            data = data.reshape(1, -1)
        self._counts.add(data)

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        if self._has_input_vocabulary or not self._counts.tokens:
            self._record_vocabulary_size()
            return
        without = [self._as_token(x) for x in (self.mask_token, self.oov_token)]
        start = self._token_start_index()
        most = self.max_tokens - start if self.max_tokens else None
        tokens = self._counts.most_frequent(without, most)
        self._tokens = tokens_of(tokens, self._is_text, type(self).__name__)
        if self.output_mode == "tf_idf":
            found = self._counts.inverse_document_frequencies(tokens)
            front = float(np.mean(found)) if len(found) else 0.0
            self.idf_weights = self._padded_weights(
                np.pad(found, (start, 0), constant_values=front)
            )
        self.reset_state()
        self._record_vocabulary_size()

    def reset_state(self) -> None:
        """Forgets what was counted."""
        self._counts = Counts(self.output_mode == "tf_idf")

    # Calls ------------------------------------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        """Returns places (int64), tokens if `invert`, or vectors of the vocabulary's size."""
        shapes = self._shapes_alone(inputs)
        if shapes is not None:
            return shapes
        kernels = self._kernels(inputs)
        kind = "integers" if self.invert or not self._is_text else "text"
        return self._encoded(kernels, self._value(kernels, inputs, kind))

    def _encoded(self, kernels: Any, x: Any) -> Any:
        """What the layer gives for inputs that are the kernels' own already."""
        found = self._places(kernels, x)
        if self.output_mode == "int":
            dtype = None if self.invert and self._is_text else "int64"
            return self._finished(kernels, found, dtype)
        return self._finished(kernels, self._vectors(kernels, found), config.floatx(), self.sparse)

    def _places(self, kernels: Any, x: Any) -> Any:
        if self.invert:
            return kernels.map_values(lambda values: self._inverted(kernels, values), x)
        return kernels.map_values(lambda values: self._looked_up(kernels, values), x)

    def _vectors(self, kernels: Any, places: Any) -> Any:
        depth, weights = self._depth(), None
        if depth is None:
            raise RuntimeError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, you "
                "must set the layer's vocabulary before calling it. Either pass a `vocabulary` "
                "argument to the layer, or call `adapt` with some sample data."
            )
        if self.output_mode == "tf_idf":
            weights = self.idf_weights
            if weights is None:
                raise ValueError(
                    "When `output_mode` is `'tf_idf'`, `idf_weights` must be provided: call "
                    "`adapt` or `set_vocabulary` first."
                )
        return kernels.encoded(
            places, self.output_mode, depth, config.floatx(), self.sparse, weights
        )

    def _inverted(self, kernels: Any, places: Any) -> Any:
        start = self._token_start_index()
        found = kernels.chosen(self._tokens, places - start, self._as_token(self.oov_token))
        if self.mask_token is None:
            return found
        is_mask = kernels.equal(places, 0)
        return kernels.where(is_mask, self._as_token(self.mask_token), found)

    def _looked_up(self, kernels: Any, values: Any) -> Any:
        found = self._table(kernels, self._tokens)(values)
        unknown, start = kernels.equal(found, -1), self._oov_start_index()
        is_mask = None
        if self.mask_token is not None:
            is_mask = kernels.equal(values, self._as_token(self.mask_token))
        if self.num_oov_indices == 0:
            wrong = unknown if is_mask is None else kernels.where(is_mask, False, unknown)
            kernels.refuse(
                wrong,
                values,
                "When `num_oov_indices=0` all inputs should be in vocabulary, found OOV values {}, "
                "consider setting `num_oov_indices=1`.",
            )
        buckets = start + self._buckets(kernels, values) if self.num_oov_indices > 1 else start
        found = kernels.where(unknown, buckets, found + self._token_start_index())
        if is_mask is not None:
            found = kernels.where(is_mask, 0 if self.output_mode == "int" else -1, found)
        return found

    def _buckets(self, kernels: Any, values: Any) -> Any:
        """Which of the places of unknown tokens each value gets."""
        if not self._is_text and self.oov_method != "farmhash":
            return kernels.floormod(values, self.num_oov_indices)
        return kernels.buckets(kernels.as_strings(values), self.num_oov_indices, self.salt)

    # Shapes -----------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of what a call gives."""
        return encoded_shape(input_shape, self.output_mode, self._depth())

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns the shape and dtype of what a call gives."""
        shape = self.compute_output_shape(inputs.shape)
        if self.output_mode == "int":
            return KerasTensor(shape, self.vocabulary_dtype if self.invert else "int64")
        return KerasTensor(shape, config.floatx(), sparse=self.sparse)

    # Files ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments; a vocabulary that was learned or read is none of them."""
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "vocabulary_dtype": self.vocabulary_dtype,
            "idf_weights": listed(self.input_idf_weights),
            "vocabulary": listed(self.input_vocabulary),
            "vocabulary_size": self._frozen_vocab_size,
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Makes a layer from a config. ValueError for one that names a file."""
        refuse_path(config.get("vocabulary"))
        return cls(**config)

    def save_own_variables(self, store: Any) -> None:
        """Writes the inverse document frequencies."""
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        """Reads the inverse document frequencies."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"], config.floatx())

    def save_assets(self, dir_path: str) -> None:
        """Writes the vocabulary, unless the config has it, to "vocabulary.txt" in a folder."""
        if self.input_vocabulary is None:
            write_atomically(os.path.join(dir_path, FILE), lines_of_tokens(self.get_vocabulary()))

    def load_assets(self, dir_path: str) -> None:
        """Reads the vocabulary that `save_assets` wrote."""
        path = os.path.join(dir_path, FILE)
        if self.input_vocabulary is not None or not os.path.exists(path):
            return
        with open(path, "rb") as file:
            tokens = tokens_of_lines(file.read(), self._is_text)
        if not len(tokens):
            return
        if self.output_mode == "tf_idf":
            weights = self.idf_weights
            self.set_vocabulary(tokens, None if weights is None else weights[: len(tokens)])
        else:
            self.set_vocabulary(tokens)


def listed(x: Any) -> Any:
    """Returns what a user gave as a config holds it: plain lists."""
    if x is None or isinstance(x, list):
        return None if x is None else list(x)
    found = host_value(x, "A config")
    if found.dtype == object:
        return [item.decode("utf-8") if isinstance(item, bytes) else item for item in found]
    return found.tolist()


def _check_sizes(max_tokens: int | None, num_oov: int, pad: bool, who: str) -> None:
    if max_tokens is not None and max_tokens <= 1:
        raise ValueError(
            f"If set, `max_tokens` must be greater than 1 for `{who}`. Received: "
            f"max_tokens={max_tokens}"
        )
    if pad and max_tokens is None:
        raise ValueError(
            "If pad_to_max_tokens is True, must set `max_tokens`. Received: "
            f"max_tokens={max_tokens}"
        )
    if num_oov < 0:
        raise ValueError(
            "`num_oov_indices` must be greater than or equal to 0. The value of `num_oov_indices` "
            f"argument for `{who}` must >= 0. Received: num_oov_indices={num_oov}"
        )
