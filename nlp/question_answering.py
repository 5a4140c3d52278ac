"""Answers to questions that stand in a text, whatever the model's family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..framework.layers import Dense
from ..framework.typing import Tensor
from ..hub.adapters import CommandLineAdapter, ParityAdapter
from ..hub.bases import Backbone, Task
from .text import check_texts, preprocessor_of

SAMPLES = (
    ("Where does the cat sit?", "A cat sits on the mat. The kitten is asleep on the rug."),
    ("When did the markets fall?", "Stock markets fell sharply on Tuesday, and rose on Friday."),
)


class Answer(NamedTuple):
    """A stretch of a text that answers a question, and how surely.

    `score` is the sum of the scores of its first and its last token; `probability` is its share
    among all stretches of the passage that could be the answer.
    """

    text: str
    start: int
    end: int
    score: float
    probability: float


class QuestionAnswererCommandLineAdapter(CommandLineAdapter):
    """A question and a passage in, the answer out."""

    options = ("truncate",)

    def run(self, text: str, truncate: bool = False, **options: Any) -> dict[str, Any]:
        """Returns the likeliest answers to "question | passage", as plain data.

        `truncate` changes nothing: a long passage is read in windows.
        """
        question, bar, passage = text.partition("|")
        if not bar:
            raise ValueError(
                "A question and the passage that it is about are needed, with | between them."
            )
        found = self.model.answer(question.strip(), passage.strip(), **options)
        return {"answers": [one._asdict() for one in found]}

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns a line for each answer: probability, text."""
        return "\n".join(f"{one['probability']:7.1%}  {one['text']}" for one in result["answers"])


class QuestionAnswererParityAdapter(ParityAdapter):
    """Questions with passages; the scores of their tokens, and the answers."""

    def sample_inputs(self) -> list[tuple[str, str]]:
        """Returns questions with passages."""
        return list(SAMPLES)

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns the scores, by the uncompiled call."""
        tools = self.model.preprocessor
        ids, segments = tools.encode_pairs(inputs)
        return self.model(tools.pad(ids, segments=segments))

    def decide(self, inputs: Any) -> list[str]:
        """Returns the likeliest answer to each question."""
        return [self.model.answer(*pair, top=1)[0].text for pair in inputs]


class QuestionAnswerer(Task):
    """A backbone and a dense layer on each token: how well an answer begins and ends there.

    Inputs are those of the backbone, a question and a passage as one text. Outputs are a dict of
    `start_logits` and `end_logits`, (batch, length), scores before softmax. Subclasses make the
    backbone, which gives `sequence_output`.

    Args:
        backbone: the backbone.
        kernel_initializer: of the last layer.
    """

    task = "question_answerer"
    backbone: Any
    head = ("span.{part}",)
    command_line_adapter = QuestionAnswererCommandLineAdapter
    parity_adapter = QuestionAnswererParityAdapter

    def __init__(
        self, backbone: Backbone, kernel_initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        size: Any = backbone
        self.span = Dense(2, kernel_initializer=kernel_initializer, input_dim=size.hidden_dim)
        self.built = True

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for ids that the vocabulary does not have; see the backbone."""
        self.backbone.check_inputs(inputs)

    def call(self, inputs: Any) -> dict[str, Tensor]:
        """Returns `start_logits` and `end_logits`, each (batch, length)."""
        x = self.span(self.backbone(inputs)["sequence_output"])
        return {"start_logits": x[..., 0], "end_logits": x[..., 1]}

    def answer(
        self,
        question: str,
        passage: str,
        top: int = 1,
        max_answer_tokens: int = 15,
        stride: int = 128,
        batch_size: int = 8,
    ) -> list[Answer]:
        """Finds the stretches of a passage that answer a question best.

        A passage that is too long for the model is read in windows that overlap.

        Args:
            question: the question.
            passage: the text that holds the answer.
            top: how many answers, at most.
            max_answer_tokens: most tokens of an answer.
            stride: by how many tokens windows overlap.
            batch_size: how many windows are computed at a time.

        Returns:
            Up to `top` answers, the best first, no two of which are the same stretch.

        Raises:
            ValueError: an empty question or passage, a question that leaves no room for the
                passage, or a number that is not positive.
            TypeError: something that is no text.
        """
        preprocessor_of(self)
        numbers = {"top": top, "max_answer_tokens": max_answer_tokens, "batch_size": batch_size}
        for name, number in numbers.items():
            if not isinstance(number, int) or number < 1:
                raise ValueError(f"`{name}` must be at least 1; got {number!r}.")
        (question,), (passage,) = check_texts([question]), check_texts([passage])
        tools = self.preprocessor
        asked, told = (tools.tokenizer.located(text) for text in (question, passage))
        if not asked.ids or not told.ids:
            raise ValueError("The question and the passage must not be empty.")
        windows = _windows(tools, asked.ids, len(told.ids), stride)
        pairs = [tools.tokenizer.pair(asked.ids, told.ids[a:b]) for a, b in windows]
        rows, segments = [ids for ids, _ in pairs], [parts for _, parts in pairs]
        inputs = tools.pad(rows, self._backend.compiles, segments=segments)
        found = self.predict(inputs, batch_size, verbose=0)
        scores: dict[tuple[int, int], float] = {}
        for number, (first, end) in enumerate(windows):
            # The passage's tokens stand before the last special token of a row.
            last = len(rows[number]) - 1
            part = slice(last - (end - first), last)
            starts, ends = (
                np.asarray(found[name][number], np.float64)[part]
                for name in ("start_logits", "end_logits")
            )
            for begin in range(end - first):
                for stop in range(begin, min(begin + max_answer_tokens, end - first)):
                    place, score = (first + begin, first + stop), float(starts[begin] + ends[stop])
                    scores[place] = max(score, scores.get(place, -np.inf))
        places = sorted(scores, key=lambda place: (-scores[place], place))[:top]
        highest = scores[places[0]]
        total = float(np.exp(np.array(list(scores.values())) - highest).sum())
        made = []
        for place in places:
            begin, end = told.offsets[place[0]][0], told.offsets[place[1]][1]
            share = float(np.exp(scores[place] - highest)) / total
            made.append(Answer(passage[begin:end], begin, end, scores[place], share))
        return made


def _windows(tools: Any, asked: list[int], count: int, stride: int) -> list[tuple[int, int]]:
    """Which tokens of a passage of `count` tokens are read together with a question."""
    special = len(tools.tokenizer.pair([], [])[0])
    room = tools.max_length - special - len(asked)
    if room < 1:
        raise ValueError(
            f"The question has {len(asked)} tokens, which leaves no room for a passage: this model "
            f"takes {tools.max_length} tokens in all."
        )
    if count <= room:
        return [(0, count)]
    if not isinstance(stride, int) or not 0 <= stride < room:
        raise ValueError(f"`stride` must be from 0 to {room - 1} for this question; got {stride}.")
    firsts = range(0, count - stride, room - stride)
    return [(first, min(first + room, count)) for first in firsts]
