"""Classifiers of tokens, whatever their family: names in texts, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..framework.typing import Tensor
from ..hub.adapters import CommandLineAdapter, ParityAdapter
from .classification import ClassesTask
from .pairs import Located
from .tasks import SAMPLES
from .text import check_texts, preprocessor_of

OUTSIDE = "O"
MERGES = ("first", "average", "max")


class Tagged(NamedTuple):
    """A stretch of a text that a tagger named: what it is, how surely, and where it stands."""

    label: str
    probability: float
    text: str
    start: int
    end: int


class TokenClassifierCommandLineAdapter(CommandLineAdapter):
    """One text in, what is named in it out."""

    options = ("truncate",)

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns what is named in a text, as plain data."""
        return {"found": [found._asdict() for found in self.model.tag(text, **options)]}

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns a line for each find: probability, label, text."""
        return "\n".join(
            f"{one['probability']:7.1%}  {one['label']:8}  {one['text']}" for one in result["found"]
        )


class TokenClassifierParityAdapter(ParityAdapter):
    """Texts of several lengths; the scores of their tokens, and what is named in them."""

    def sample_inputs(self) -> list[str]:
        """Returns texts of several lengths and kinds."""
        return list(SAMPLES)

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns the scores, by the uncompiled call, for each text by itself."""
        tools = self.model.preprocessor
        return {
            f"scores of text {number}": self.model(tools.pad([row]))
            for number, row in enumerate(tools.encode(inputs))
        }

    def decide(self, inputs: Any) -> list[list[list[Any]]]:
        """Returns the label and the place of everything that is named."""
        return [
            [[one.label, one.start, one.end] for one in found]
            for found in self.model.tag(list(inputs))
        ]


class TokenClassifier(ClassesTask):
    """A backbone and a dense layer on each token: scores of each class for each token.

    Inputs are those of the backbone; the output is (batch, length, num_classes), scores before
    softmax. Subclasses make the backbone, which gives `sequence_output`. Arguments are those of
    ClassesTask.
    """

    task = "token_classifier"
    command_line_adapter = TokenClassifierCommandLineAdapter
    parity_adapter = TokenClassifierParityAdapter
    optional_parts = ()

    def pooled(self, inputs: Any) -> Tensor:
        """Returns each token's vector, (batch, length, hidden_dim)."""
        return self.backbone(inputs)["sequence_output"]

    def examples(
        self,
        texts: Sequence[str],
        names: Sequence[Sequence[tuple[int, int, str]]],
        truncate: bool | None = None,
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Returns texts and what is named in them as `fit` takes them: (x, y, sample_weight).

        The first token of each word is to be learned, as `tag` reads it with `merge="first"`; the
        others, and special ones, weigh nothing. Of a stretch the first word gets the class
        `B-label`, the others `I-label`, where `labels` has these, and else `label`; what lies in no
        stretch gets `O`.

        Args:
            texts: n texts.
            names: for each text its stretches: the characters from where to where each stands, and
                its label.
            truncate: whether texts that are longer than the model takes are cut; as the
                preprocessor was made if None.

        Returns:
            The backbone's inputs, int32 and bool (n, length); int32 classes (n, length); and
            float32 weights (n, length).

        Raises:
            ValueError: no labels, one that is unknown, another number of lists than of texts, or a
                stretch that lies in no text or has no word.
        """
        tools = preprocessor_of(self)
        numbers = {name: number for number, name in enumerate(self.labels or ())}
        if OUTSIDE not in numbers:
            raise ValueError(
                f"The labels must be named first, with {OUTSIDE!r} among them: "
                f'model.labels = ("O", "B-PER", "I-PER"); they are {self.labels}.'
            )
        given = check_texts(texts)
        if len(given) != len(names):
            raise ValueError(f"{len(given)} texts have {len(names)} lists of what is named.")
        inputs = tools.pad(tools.encode(given, truncate), even_lengths=True)
        shape = inputs["token_ids"].shape
        classes = np.full(shape, numbers[OUTSIDE], np.int32)
        weights = np.zeros(shape, np.float32)
        for row, (text, stretches) in enumerate(zip(given, names, strict=True)):
            located = tools.tokenizer.located(text)
            count = min(len(located.ids), int(inputs["padding_mask"][row].sum()) - 2)
            begins = [i for i in range(count) if i == 0 or located.begins[i]]
            weights[row, [i + 1 for i in begins]] = 1
            for start, end, label in stretches:
                if not 0 <= start < end <= len(text):
                    raise ValueError(
                        f"Text {row} has {len(text)} characters: {start} to {end} is no stretch."
                    )
                inside = [
                    i
                    for i in begins
                    if located.offsets[i][0] < end and located.offsets[i][1] > start
                ]
                if not inside and count == len(located.ids):
                    raise ValueError(
                        f"Text {row}: no word begins in {text[start:end]!r} ({start} to {end})."
                    )
                for place, i in enumerate(inside):
                    classes[row, i + 1] = _number_of(label, place == 0, numbers)
        return inputs, classes, weights

    def tag(
        self,
        texts: str | Sequence[str],
        merge: str = "first",
        batch_size: int = 32,
        truncate: bool | None = None,
    ) -> list[Any]:
        """Names stretches of texts: words, and words that belong together.

        Tokens are merged to words first. Words one after the other with the same label then make
        one stretch; a label that begins with `B-` begins a new one. The label `O` is left out.
        This is how transformers' token-classification pipeline groups by the strategies of these
        names.

        Args:
            texts: n texts, or one.
            merge: what a word of several tokens is: as its "first" token says, by the "average" of
                their probabilities, or as the surest token says ("max").
            batch_size: how many texts are computed at a time.
            truncate: whether texts that are longer than the model takes are cut; as the
                preprocessor was made if None.

        Returns:
            For one text a list of `Tagged` (label, probability, text, start, end), in their order;
            for several, a list of such lists.

        Raises:
            ValueError: an unknown `merge`, no text, or one that is too long.
            TypeError: something that is no text.
        """
        tools = preprocessor_of(self)
        if merge not in MERGES:
            raise ValueError(f"`merge` must be one of {', '.join(MERGES)}; got {merge!r}.")
        given = check_texts(texts)
        inputs = tools.pad(tools.encode(given, truncate), self._backend.compiles)
        scores = self.predict(inputs, batch_size, verbose=0)[: len(given)]
        names = [*(self.labels or map("class {}".format, range(self.num_classes)))]
        found = [
            _stretches(_words(located, row, merge), names, text)
            for text, located, row in zip(
                given, map(tools.tokenizer.located, given), scores, strict=True
            )
        ]
        return found[0] if isinstance(texts, str) else found


def _number_of(label: str, first: bool, numbers: Mapping[str, int]) -> int:
    """The class of a word of a stretch."""
    for name in (("B-" if first else "I-") + label, label):
        if name in numbers:
            return numbers[name]
    raise ValueError(f"There is no label {label!r}; the labels are: {', '.join(numbers)}.")


class _Word(NamedTuple):
    """A word: its class, the probability of that, and where it stands."""

    index: int  # pyright: ignore[reportIncompatibleMethodOverride]
    probability: float
    start: int
    end: int


def _words(located: Located, scores: np.ndarray, merge: str) -> list[_Word]:
    """The words of a text, by the scores of its tokens, which follow one special token."""
    count = min(len(located.ids), len(scores) - 2)  # a text that was cut has fewer
    scores = scores[1 : count + 1].astype(np.float64)
    power = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = power / power.sum(axis=1, keepdims=True)
    starts = [i for i in range(count) if i == 0 or located.begins[i]]
    words = []
    for first, end in zip(starts, [*starts[1:], count], strict=True):
        part = shares[first:end]
        if merge == "first":
            row = part[0]
        elif merge == "average":
            row = part.mean(axis=0)
        else:
            row = part[int(part.max(axis=1).argmax())]
        index = int(row.argmax())
        place = located.offsets[first][0], located.offsets[end - 1][1]
        words.append(_Word(index, float(row[index]), *place))
    return words


def _stretches(words: Sequence[_Word], names: Sequence[str], text: str) -> list[Tagged]:
    """Words with the same label one after the other, together."""
    groups: list[tuple[str, list[_Word]]] = []
    for word in words:
        name = names[word.index]
        begins, label = name.startswith("B-"), name.removeprefix("B-").removeprefix("I-")
        if groups and groups[-1][0] == label and not begins:
            groups[-1][1].append(word)
        else:
            groups.append((label, [word]))
    return [
        Tagged(
            label,
            float(np.mean([word.probability for word in group])),
            text[group[0].start : group[-1].end],
            group[0].start,
            group[-1].end,
        )
        for label, group in groups
        if label != OUTSIDE
    ]
