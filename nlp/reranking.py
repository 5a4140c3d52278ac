"""Rerankers, whatever their family: how well texts fit a query, each pair read as one text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..hub.adapters import CommandLineAdapter, ParityAdapter, PresetAdapter
from ..hub.bases import Backbone
from ..hub.labels import label_entries
from .classification import PooledTask
from .pairs import are_pairs
from .text import check_texts, preprocessor_of

SAMPLES = (
    ("Where does the cat sit?", "A cat sits on the mat."),
    ("Where does the cat sit?", "Stock markets fell sharply on Tuesday."),
    ("When did the markets fall?", "Stock markets fell sharply on Tuesday."),
)
# What sentence-transformers' files call the function behind the score -> whether it is a sigmoid.
_FUNCTIONS = {"Sigmoid": True, "Identity": False}


class Ranked(NamedTuple):
    """A text, its number in the list that was given, and how well it fits."""

    index: int  # pyright: ignore[reportIncompatibleMethodOverride]
    score: float
    text: str


class RerankerPresetAdapter(PresetAdapter):
    """Whether scores go through a sigmoid, as sentence-transformers' files say."""

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns `sigmoid`, where the settings or config.json say it; yes where they do not."""
        if "sigmoid" in settings:
            return {"sigmoid": settings["sigmoid"]}
        config = files["config.json"] if "config.json" in files else {}
        newer = config.get("sentence_transformers")
        named = newer.get("activation_fn") if isinstance(newer, Mapping) else None
        named = named or config.get("sbert_ce_default_activation_function")
        if named is None:
            return {"sigmoid": True}
        name = str(named).rpartition(".")[2]
        if name not in _FUNCTIONS:
            raise ValueError(
                f"config.json puts {named!r} behind the scores; known are "
                f"{', '.join(_FUNCTIONS)}. Overrule it: from_preset(..., sigmoid=False)."
            )
        return {"sigmoid": _FUNCTIONS[name]}

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns that there is one class, and the function behind its score."""
        name = next(name for name, on in _FUNCTIONS.items() if on == model.sigmoid)
        named = f"torch.nn.modules.{'activation' if model.sigmoid else 'linear'}.{name}"
        return {
            **label_entries(None, 1),
            "sentence_transformers": {"activation_fn": named},
            "sbert_ce_default_activation_function": named,
        }


class RerankerCommandLineAdapter(CommandLineAdapter):
    """A query and texts in, the texts in their order out."""

    options = ("truncate",)

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the order of texts for "query | text | text", as plain data."""
        query, *texts = (part.strip() for part in text.split("|"))
        if not texts:
            raise ValueError("A query and texts are needed, with | between them.")
        return {"ranked": [one._asdict() for one in self.model.rank(query, texts, **options)]}

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns a line for each text: score, text."""
        return "\n".join(f"{one['score']:9.4f}  {one['text']}" for one in result["ranked"])


class RerankerParityAdapter(ParityAdapter):
    """Pairs of texts; their scores, and their order."""

    def sample_inputs(self) -> list[tuple[str, str]]:
        """Returns pairs of a query and a text."""
        return list(SAMPLES)

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns the scores before a sigmoid, by the uncompiled call."""
        return {"scores": self.model(self.model.prepare_inputs(list(inputs)))}

    def decide(self, inputs: Any) -> list[int]:
        """Returns the numbers of the pairs, the one that fits best first."""
        return np.argsort(-self.model.score(list(inputs)), kind="stable").tolist()


class Reranker(PooledTask):
    """A backbone and one number for a pair of texts (Nogueira & Cho 2019, arXiv:1901.04085).

    Inputs are those of the backbone, or pairs of texts where `fit`, `evaluate` and `predict` take
    data; the output is (batch, 1), before a sigmoid. Subclasses make the backbone.

    Args:
        backbone: the backbone, which gives `pooled_output`, (batch, hidden_dim).
        dropout: share of features dropped before the last layer while training.
        sigmoid: whether `score` and `rank` give sigmoid(output) and not the output.
        kernel_initializer: of the last layer.
    """

    task = "reranker"
    preset_adapter = RerankerPresetAdapter
    command_line_adapter = RerankerCommandLineAdapter
    parity_adapter = RerankerParityAdapter

    def __init__(
        self,
        backbone: Backbone,
        dropout: float = 0.1,
        sigmoid: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, 1, dropout, kernel_initializer, **kwargs)
        self.sigmoid = sigmoid

    def prepare_inputs(self, x: Any) -> Any:
        """Returns pairs of texts as the backbone's inputs; anything else as it is.

        Args:
            x: a list of pairs of texts; or the backbone's inputs.

        Raises:
            ValueError: a pair that is longer than the model takes, and is not to be cut; or there
                is no preprocessor.
        """
        if not are_pairs(x):
            return x
        return self._inputs(x, None, even_lengths=True)

    def _inputs(self, pairs: Any, truncate: bool | None, **options: Any) -> dict[str, Any]:
        tools = preprocessor_of(self)
        ids, segments = tools.encode_pairs(pairs, truncate)
        return tools.pad(ids, segments=segments, **options)

    def score(
        self, pairs: Sequence[Sequence[str]], batch_size: int = 32, truncate: bool | None = None
    ) -> np.ndarray:
        """Computes how well the texts of each pair fit: float32 (n,).

        Args:
            pairs: n pairs (query, text).
            batch_size: how many are computed at a time.
            truncate: whether the second text of a pair that is longer than the model takes is cut;
                as the preprocessor was made if None.

        Raises:
            ValueError: no pairs, or one that is too long.
            TypeError: something that is no pair of texts.
        """
        inputs = self._inputs(pairs, truncate, rounded=self._backend.compiles)
        found = self.predict(inputs, batch_size, verbose=0)[: len(pairs), 0].astype(np.float64)
        return (1 / (1 + np.exp(-found)) if self.sigmoid else found).astype(np.float32)

    def rank(
        self,
        query: str,
        texts: Sequence[str],
        top: int | None = None,
        batch_size: int = 32,
        truncate: bool | None = None,
    ) -> list[Ranked]:
        """Returns texts with their scores, the one that fits a query best first.

        Args:
            query: what is looked for.
            texts: n texts.
            top: how many; all if None.
            batch_size: how many are computed at a time.
            truncate: see `score`.

        Raises:
            ValueError: no texts, one that is too long, or a `top` that is not positive.
            TypeError: something that is no text.
        """
        if top is not None and top < 1:
            raise ValueError(f"`top` must be at least 1 or None; got {top!r}.")
        (query,), texts = check_texts([query]), check_texts(texts)
        scores = self.score([(query, text) for text in texts], batch_size, truncate)
        order = np.argsort(-scores, kind="stable").tolist()
        return [Ranked(i, float(scores[i]), texts[i]) for i in order[:top]]
