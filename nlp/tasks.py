"""What language models do, whatever their family: embed texts, and fill in masked words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..framework import ops
from ..framework.typing import Tensor
from ..hub.bases import Backbone, Task
from .sentence_files import SentenceAdapter
from .text import check_texts, preprocessor_of, token_inputs

POOLINGS = ("mean", "cls")
ANY_MASK = "[MASK]"  # what `fill` takes for each tokenizer's own mask token
# From so many batches on, a terminal shows how far it is.
_SHOWN = 20
SAMPLES = (
    "A cat sits on the mat.",
    "The kitten is asleep on the rug.",
    "Stock markets fell sharply on Tuesday, as investors worried about rising interest rates.",
    "Wo ist der Bahnhof?",
    "2 + 2 = 4",
)


class TextEmbedder(Task):
    """Texts to vectors: the vectors of a text's tokens, pooled.

    Inputs are those of the backbone; the output is (batch, hidden_dim). Subclasses make the
    backbone.

    Args:
        backbone: gives `sequence_output`, (batch, length, hidden_dim).
        pooling: "mean" of all tokens that are not padding, or "cls", the first token alone.
        normalize: whether vectors are divided by their Euclidean length.

    Raises:
        ValueError: an unknown pooling.
    """

    task = "text_embedder"
    preset_adapter = SentenceAdapter
    backbone: Any

    def __init__(
        self, backbone: Backbone, pooling: str = "mean", normalize: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if pooling not in POOLINGS:
            raise ValueError(
                f"pooling {pooling!r} is unknown; there are: {', '.join(POOLINGS)}. Where the "
                "files ask for another, overrule them: from_preset(..., pooling='mean')."
            )
        self.backbone = backbone
        self.pooling, self.normalize = pooling, normalize
        self.built = True

    def pooled(self, inputs: Any) -> Tensor:
        """Returns the vectors before they are normalized, (batch, hidden_dim).

        Args:
            inputs: those of the backbone: a dict of integers (batch, length), or `token_ids` alone.
        """
        inputs = token_inputs(inputs)
        x = self.backbone(inputs)["sequence_output"]
        if self.pooling == "cls":
            return ops.take(x, 0, axis=1)
        mask = inputs.get("padding_mask")
        if mask is None:
            return ops.mean(x, axis=1)
        mask = ops.expand_dims(ops.cast(mask, x.dtype), -1)
        # A row of padding alone has a vector of zeros.
        count = ops.maximum(ops.sum(mask, axis=1), 1.0)
        return ops.divide(ops.sum(ops.multiply(x, mask), axis=1), count)

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for ids that the backbone does not have."""
        self.backbone.check_inputs(inputs)

    def call(self, inputs: Any) -> Tensor:
        """Returns the vectors of texts, (batch, hidden_dim), of length 1 where `normalize` says so.

        Args:
            inputs: those of the backbone: a dict of integers (batch, length), or `token_ids` alone.
        """
        x = self.pooled(inputs)
        if not self.normalize:
            return x
        length = ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True))
        return ops.divide(x, ops.maximum(length, 1e-12))

    def embed(
        self,
        texts: str | Sequence[str],
        batch_size: int = 32,
        normalize: bool | None = None,
        truncate: bool | None = None,
    ) -> np.ndarray:
        """Returns the vectors of texts, in their order.

        Args:
            texts: n texts, or one.
            batch_size: how many go through the network at once.
            normalize: whether vectors have length 1; as the model was made if None.
            truncate: whether texts that are longer than the model takes are cut; as the
                preprocessor was made (an error) if None.

        Returns:
            float32 (n, hidden_dim); n is 1 for one text, and 0 for no texts.

        Raises:
            ValueError: a text that is too long.
            TypeError: something that is no text.
        """
        preprocessor_of(self)
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive; got {batch_size}.")
        if not isinstance(texts, str | bytes) and hasattr(texts, "__len__") and not len(texts):
            return np.zeros((0, self.backbone.hidden_dim), np.float32)
        from tqdm import tqdm

        texts = check_texts(texts)
        normalize = self.normalize if normalize is None else normalize
        run = self.infer if normalize == self.normalize else self.compiled_method("pooled")
        rows = self.preprocessor.encode(texts, truncate)
        # Texts of like length share a batch, so that little of it is padding.
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]), reverse=True)
        vectors: np.ndarray | None = None
        starts = range(0, len(order), batch_size)
        shown = None if len(starts) >= _SHOWN else True
        for start in tqdm(starts, "embedding", unit="batch", leave=False, disable=shown):
            chosen = order[start : start + batch_size]
            inputs = self.preprocessor.pad([rows[i] for i in chosen], self._backend.compiles)
            made = np.asarray(ops.convert_to_numpy(run(inputs)), np.float32)[: len(chosen)]
            if vectors is None:
                vectors = np.empty((len(rows), made.shape[1]), np.float32)
            vectors[chosen] = made
        assert vectors is not None
        if normalize and not self.normalize:
            vectors[:] /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors

    def run(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, text: str, truncate: bool = False
    ) -> dict[str, Any]:
        """Returns the vector of one text as plain data, for the command line."""
        return {"embedding": self.embed(text, truncate=truncate)[0].tolist()}

    def run_many(self, texts: Sequence[str], **options: Any) -> list[dict[str, Any]]:
        """Returns the vectors of texts as plain data, for the command line."""
        return [{"embedding": vector.tolist()} for vector in self.embed(texts, **options)]

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns `run`'s result in a line."""
        numbers = result["embedding"]
        return f"{len(numbers)} numbers: " + " ".join(f"{x:.4f}" for x in numbers[:8]) + " …"

    def sample_inputs(self) -> list[str]:
        """Returns texts of several lengths and kinds."""
        return list(SAMPLES)

    def decide(self, inputs: Any) -> list[list[int]]:
        """Returns, for each text, the numbers of the others, the likest first."""
        vectors = self.embed(inputs, normalize=True)
        order = np.argsort(-(vectors @ vectors.T), axis=1, kind="stable")
        return [[int(j) for j in row if j != i] for i, row in enumerate(order)]


class MaskedLM(Task):
    """Guesses what stands in the place of masked tokens.

    Inputs are those of the backbone; the output is (batch, length, vocabulary_size), scores before
    softmax. Subclasses make the backbone and define `call`.
    """

    task = "masked_lm"
    backbone: Any

    def fill(
        self, texts: str | Sequence[str], top_k: int = 5, truncate: bool | None = None
    ) -> list[list[list[tuple[str, float]]]]:
        """Returns the likeliest words for the mask tokens (`[MASK]`) in texts.

        Args:
            texts: n texts, or one, with at least one mask token each. `[MASK]` stands for it
                with every model, whatever its tokenizer calls it.
            top_k: how many words for each.
            truncate: whether texts that are longer than the model takes are cut.

        Returns:
            For each text, for each mask token in it, `top_k` pairs (word, probability), the
            likeliest first.

        Raises:
            ValueError: no texts, one without a mask token, one that is too long, or a `top_k`
                outside 1 … vocabulary size.
            TypeError: something that is no text.
        """
        tokenizer = preprocessor_of(self).tokenizer
        filled = []
        for number, text in enumerate(check_texts(texts)):
            if tokenizer.mask_token not in text:
                text = text.replace(ANY_MASK, tokenizer.mask_token)
            ids = self.preprocessor.encode([text], truncate)[0]
            places = [i for i, token in enumerate(ids) if token == tokenizer.mask_id]
            if not places:
                raise ValueError(f"Text {number} has no {tokenizer.mask_token}: {text[:60]!r}.")
            inputs = self.preprocessor.pad([ids], self._backend.compiles)
            scores = np.asarray(ops.convert_to_numpy(self.infer(inputs)))[0, places]
            filled.append([_likeliest(row, top_k, tokenizer) for row in scores])
        return filled

    def run(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, text: str, truncate: bool = False
    ) -> dict[str, Any]:
        """Returns the likeliest words for the masks of one text as plain data, for the command
        line.
        """
        return {"words": self.fill(text, truncate=truncate)[0]}

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns `run`'s result in a line for each mask."""
        return "\n".join(
            ", ".join(f"{word} ({share:.1%})" for word, share in row) for row in result["words"]
        )

    def sample_inputs(self) -> list[str]:
        """Returns texts with a masked word."""
        mask = self.preprocessor.tokenizer.mask_token
        return [f"The capital of France is {mask}.", f"She {mask} the letter and put it {mask}."]

    def decide(self, inputs: Any) -> list[list[str]]:
        """Returns the likeliest word for each mask."""
        return [[row[0][0] for row in text] for text in self.fill(inputs, top_k=1)]


def _likeliest(scores: np.ndarray, top_k: int, tokenizer: Any) -> list[tuple[str, float]]:
    if not 1 <= top_k <= len(scores):
        raise ValueError(f"top_k must be in 1..{len(scores)}; got {top_k}.")
    scores = scores.astype(np.float64)
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    order = np.argsort(-shares, kind="stable")[:top_k]
    return [(tokenizer.token(int(i)), float(shares[i])) for i in order]
