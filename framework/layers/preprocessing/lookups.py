"""Layers that look tokens up in a vocabulary: StringLookup and IntegerLookup."""

from typing import Any

from .index_lookup import IndexLookup


class StringLookup(IndexLookup):
    """Puts the place in a vocabulary for each string, or encodes samples of such places.

    The arguments are those of `IndexLookup`, which tells how a vocabulary is ordered; a layer
    without one learns it by `adapt`.

    Args:
        max_tokens: the most places, those of mask and unknown tokens included; None for any number.
        num_oov_indices: places of unknown strings; with more than 1 a hash chooses.
        mask_token: the string that is encoded as 0, or None.
        oov_token: what `invert` gives for an unknown place.
        vocabulary: the strings, or the path of a file with one a line.
        idf_weights: inverse document frequencies of the strings, for "tf_idf".
        invert: whether places are given and strings returned: string tensors on TensorFlow, an
            array of `str` on NumPy, lists of `str` elsewhere.
        output_mode: "int", or one of "one_hot", "multi_hot", "count", "tf_idf".
        pad_to_max_tokens: whether vectors have `max_tokens` elements.
        sparse: whether vectors store their non-zero elements alone.
        encoding: of strings that the vocabulary has as bytes.
        name: the layer's name.
        salt: a key for SipHash in the place of FarmHash.
        **kwargs: what configs have besides.

    Raises:
        ValueError: arguments that do not go together.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        # Before the vocabulary is set, which it tells how to read.
        vars(self)["encoding"] = encoding
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            "string",
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            sparse,
            pad_to_max_tokens,
            name=name,
            salt=salt,
            **kwargs,
        )

    encoding: str

    def _encoding(self) -> str:
        return self.encoding

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments; a vocabulary that was learned or read is none of them."""
        found = super().get_config()
        del found["vocabulary_dtype"]
        return {**found, "encoding": self.encoding}


class IntegerLookup(IndexLookup):
    """Puts the place in a vocabulary for each whole number, or encodes samples of such places.

    The arguments are those of `IndexLookup`, which tells how a vocabulary is ordered; a layer
    without one learns it by `adapt`.

    Args:
        max_tokens: the most places, those of mask and unknown tokens included; None for any number.
        num_oov_indices: places of unknown numbers; with more than 1 `oov_method` chooses.
        mask_token: the number that is encoded as 0, or None.
        oov_token: what `invert` gives for an unknown place.
        vocabulary: the numbers, or the path of a file with one a line.
        vocabulary_dtype: "int64".
        idf_weights: inverse document frequencies of the numbers, for "tf_idf".
        invert: whether places are given and numbers returned.
        output_mode: "int", or one of "one_hot", "multi_hot", "count", "tf_idf".
        sparse: whether vectors store their non-zero elements alone.
        pad_to_max_tokens: whether vectors have `max_tokens` elements.
        oov_method: "floormod", the number modulo `num_oov_indices`, or "farmhash", which spreads
            numbers of any pattern.
        salt: a key for SipHash in the place of FarmHash.
        name: the layer's name.
        **kwargs: what configs have besides.

    Raises:
        ValueError: arguments that do not go together.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if vocabulary_dtype != "int64":
            raise ValueError(
                "Only `vocabulary_dtype='int64'` is supported at this time. Received: "
                f"vocabulary_dtype={vocabulary_dtype}"
            )
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary_dtype,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            sparse,
            pad_to_max_tokens,
            oov_method,
            name,
            salt,
            **kwargs,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments; a vocabulary that was learned or read is none of them."""
        found = super().get_config()
        for name in ("oov_token", "mask_token"):
            found[name] = None if found[name] is None else int(found[name])
        if found["vocabulary"] is not None:
            found["vocabulary"] = [int(token) for token in found["vocabulary"]]
        return found
