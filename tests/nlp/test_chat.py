"""Talks: known templates against what jinja makes of them, and those that are refused."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import nlp
from isozoo.nlp.chat import KNOWN, prompt_of

_EACH = "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
_END = "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
_DEFAULT = (
    "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}"
    "{% endif %}"
)
_FOR = "{% for message in messages %}"
PLAIN = _FOR + _EACH + _END
TEMPLATES = (_FOR + _DEFAULT + _EACH + _END, PLAIN, PLAIN.replace("\n", "\\n"))
USER = {"role": "user", "content": "Hello?"}
TALKS = (
    [USER],
    [{"role": "system", "content": "Be short."}, USER],
    [USER, {"role": "assistant", "content": "Yes\n"}, {"role": "user", "content": "So?"}],
)


@pytest.mark.parametrize("template", TEMPLATES)
def test_prompts_are_what_the_templates_make(template):
    import jinja2

    original = jinja2.Environment().from_string(template)
    for talk in TALKS:
        expected = original.render(messages=talk, add_generation_prompt=True)
        assert prompt_of(template, talk) == expected
    assert len(KNOWN) == len(TEMPLATES)


@pytest.mark.parametrize(
    ("messages", "error", "words"),
    [
        ("Hello", TypeError, "Expected a list of messages"),
        ([], ValueError, "at least one message"),
        (["Hello"], TypeError, "Message 0 must be a dict"),
        ([{"role": "user"}], TypeError, "Message 0 must be a dict"),
        ([{"role": "robot", "content": ""}], ValueError, "the role 'robot'; there are: system"),
        ([{"role": "user", "content": 3}], TypeError, "content of message 0"),
        ([{"role": "assistant", "content": "a"}], ValueError, "must be the user's"),
    ],
)
def test_what_is_no_talk(messages, error, words):
    with pytest.raises(error, match=words):
        prompt_of(PLAIN, messages)


def test_templates_are_never_run():
    with pytest.raises(ValueError, match="is not known here .SHA-256 .* they are programs"):
        prompt_of(PLAIN + "{{ 1 / 0 }}", [USER])
    with pytest.raises(ValueError, match="no chat template"):
        prompt_of(None, [USER])


def test_a_model_answers():
    class Words:
        def encode(self, text):
            self.seen = text
            return [1, 2]

        def decode(self, ids, skip_special_tokens=True):
            return " ".join(map(str, ids))

    with isozoo.use_backend("numpy"):
        model = nlp.LlamaCausalLM(
            vocabulary_size=9, num_layers=1, num_heads=1, hidden_dim=8, intermediate_dim=8
        )
    model.preprocessor = nlp.CausalLMPreprocessor(Words(), 16, (), PLAIN)
    answer = model.chat([USER], 3)
    assert model.preprocessor.tokenizer.seen == prompt_of(PLAIN, [USER])
    scores = model(np.array([[1, 2]]))
    assert answer.split()[0] == str(scores[0, -1].argmax())
