"""BERT at work: sentence embedding, and masked words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...framework import ops
from ...framework.layers import Dense, LayerNormalization
from ...framework.typing import DType, Tensor
from ...hub.loading import JsonFiles
from .. import activations
from ..sentence_files import LENGTH_FILE
from ..tasks import MaskedLM, TextEmbedder
from ..text import check_vocabulary, token_inputs
from .backbone import BertBackbone, initializer
from .preprocessing import (
    BertMaskedLMPreprocessor,
    BertPreprocessor,
    BertTextEmbedderPreprocessor,
    BertTokenizer,
)


class OfBert:
    """How tasks on BERT make their backbone and their preprocessor; what is like BERT names its own
    classes.
    """

    backbone_class: type[BertBackbone] = BertBackbone
    tokenizer_class: Any = BertTokenizer
    preprocessor_class: type[BertPreprocessor]
    has_pooler = True  # where one number or several are said of a whole text

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Any:
        """Takes texts as long as the model was made for: `max_length` of the settings, or what
        sentence-transformers' file says, else as many tokens as there are positions."""
        json = JsonFiles(files)
        length = settings.get("max_length")
        if length is None and LENGTH_FILE in json:
            length = json[LENGTH_FILE].get("max_seq_length")
        more = cls.preprocessor_options(json, config)
        kind, tokenizer = cls.preprocessor_class, cls.tokenizer_class
        return preprocessor_for(kind, tokenizer, files, config, settings, length, **more)

    @classmethod
    def preprocessor_options(cls, json: Mapping[str, Any], config: Mapping[str, Any]) -> dict:
        """Returns further arguments of the preprocessor.

        Args:
            json: the preset's parsed JSON files.
            config: the model's arguments.
        """
        return {}


class BertTextEmbedder(OfBert, TextEmbedder):
    """Texts to vectors with BERT (Reimers & Gurevych 2019, arXiv:1908.10084).

    Args:
        pooling: "mean" or "cls".
        normalize: whether vectors have length 1.
        **config: arguments of BertBackbone. There is no pooler: its weights are not used.
    """

    preprocessor_class = BertTextEmbedderPreprocessor

    def __init__(
        self,
        *,
        pooling: str = "mean",
        normalize: bool = True,
        dtype: DType = None,
        **config: Any,
    ) -> None:
        config.setdefault("pooler", False)
        backbone = self.backbone_class(**config, dtype=dtype)
        super().__init__(backbone, pooling, normalize, dtype=dtype)


class BertMaskedLM(OfBert, MaskedLM):
    """Scores of every token for every place; the output layer is the word embeddings.

    Inputs are those of BertBackbone, and optionally `mask_positions`, int (batch, n): then the
    output is (batch, n, vocabulary_size), for these places alone.

    Args:
        **config: arguments of BertBackbone. There is no pooler: its weights are not used.
    """

    preprocessor_class = BertMaskedLMPreprocessor
    head_activation: str | None = None  # that of the feed-forward layers

    def __init__(self, *, dtype: DType = None, **config: Any) -> None:
        super().__init__(dtype=dtype)
        config.setdefault("pooler", False)
        self.backbone = backbone = self.backbone_class(**config, dtype=dtype)
        size = backbone.hidden_dim
        activation = activations.get(self.head_activation or config.get("activation", "gelu"))
        self.transform = Dense(size, activation, kernel_initializer=initializer(), input_dim=size)
        epsilon = config.get("layer_norm_epsilon", 1e-12)
        self.transform_norm = LayerNormalization(epsilon=epsilon, input_dim=size)
        self.output_bias = self.add_weight((backbone.vocabulary_size,), "zeros")
        self.built = True

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for ids that are not in the vocabulary, or segments there are not."""
        inputs = token_inputs(inputs, "mask_positions")
        inputs.pop("mask_positions", None)
        self.backbone.check_inputs(inputs)

    def call(self, inputs: Any) -> Tensor:
        """Returns scores before softmax, for each place or for `mask_positions` alone.

        Args:
            inputs: those of BertBackbone; in a dict also `mask_positions`, int (batch, n).

        Returns:
            (batch, length, vocabulary_size), or (batch, n, vocabulary_size).
        """
        inputs = token_inputs(inputs, "mask_positions")
        places = inputs.pop("mask_positions", None)
        x = self.backbone(inputs)["sequence_output"]
        if places is not None:
            x = ops.take_along_axis(x, ops.expand_dims(places, -1), axis=1)
        x = self.transform_norm(self.transform(x))
        words = self.backbone.embeddings.word.embeddings
        return ops.dense(x, ops.transpose(words), self.output_bias)


def preprocessor_for(
    kind: type[BertPreprocessor],
    tokenizer_class: Any,
    files: Mapping[str, Path],
    config: Mapping[str, Any],
    settings: Mapping[str, Any],
    length: int | None,
    **more: Any,
) -> Any:
    """Returns a preprocessor of a kind for texts of at most `length` tokens.

    Args:
        kind: the class.
        tokenizer_class: that of its tokenizer.
        files: name -> path of the preset's files.
        config: the model's arguments.
        settings: of the preset.
        length: most tokens of a text; as many as there are positions if None.
        **more: further arguments of the class.

    Raises:
        ValueError: there is no tokenizer, or it has ids that the model has no row for.
    """
    json = JsonFiles(files)
    tokenizer = tokenizer_class.from_files(files, settings, json.get("tokenizer_config.json", {}))
    rows = config["vocabulary_size"]
    check_vocabulary(tokenizer, rows)
    places = config.get("max_sequence_length", 512)
    return kind(tokenizer, min(length or places, places), **more)
