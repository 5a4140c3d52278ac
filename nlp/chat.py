"""Talks with models that were trained for them, in the forms that they were trained with.

A file's chat template is a program. It is shown, and never run: known ones are told by the hash of
their text, and what they do is written here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ROLES = ("system", "user", "assistant")
Messages = Sequence[Mapping[str, str]]


def checked_messages(messages: Any) -> list[dict[str, str]]:
    """Returns messages as dicts of `role` and `content`.

    Raises:
        TypeError: something that is no list of such dicts.
        ValueError: no messages, an unknown role, or a last message that is not the user's.
    """
    if isinstance(messages, str | bytes | Mapping) or not hasattr(messages, "__iter__"):
        raise TypeError(
            "Expected a list of messages, such as [{'role': 'user', 'content': 'Hello'}]; got "
            f"{type(messages).__name__}."
        )
    found = []
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
            raise TypeError(
                f"Message {number} must be a dict of 'role' and 'content'; got {message!r:.80}."
            )
        if message["role"] not in ROLES:
            raise ValueError(
                f"Message {number} has the role {message['role']!r}; there are: {', '.join(ROLES)}."
            )
        if not isinstance(message["content"], str):
            raise TypeError(f"The content of message {number} must be a text.")
        found.append(dict(message))
    if not found:
        raise ValueError("Expected at least one message; got none.")
    if found[-1]["role"] != "user":
        raise ValueError(f"The last message must be the user's; got the {found[-1]['role']}'s.")
    return found


def chatml(default: str | None) -> Callable[[Messages], str]:
    """Returns the form in which each message stands between <|im_start|> and <|im_end|>.

    Args:
        default: what the system says where the first message is not its own; None for nothing.
    """

    def prompt(messages: Messages) -> str:
        given = list(messages)
        if default is not None and given[0]["role"] != "system":
            given.insert(0, {"role": "system", "content": default})
        said = [f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in given]
        return "".join(said) + "<|im_start|>assistant\n"

    return prompt


# SHA-256 of a template's text -> what it makes of messages.
KNOWN: dict[str, Callable[[Messages], str]] = {
    # SmolLM2's.
    "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788": chatml(
        "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    ),
    # ChatML without a default; in the second, newlines are written as escapes.
    "153280e3ff55d19da1398bdb3914ee2a51b80429bfaedde11d7d216c39db80f3": chatml(None),
    "fcf7a096fe99a48fd9ad2b250bf9237e96e8f48bffec1c7ea4d3f225176cd40e": chatml(None),
}


def prompt_of(template: str | None, messages: Any) -> str:
    """Returns the text that a model goes on from, in the form that its template describes.

    Args:
        template: the text of the model's chat template; None where it has none.
        messages: dicts of `role` ("system", "user", "assistant") and `content`.

    Raises:
        TypeError: something that is no list of such dicts.
        ValueError: no template, one that is not known, or messages out of order.
    """
    given = checked_messages(messages)
    if template is None:
        raise ValueError(
            "This model has no chat template: it was not trained for talks. Use `generate`."
        )
    found = KNOWN.get(digest := hashlib.sha256(template.encode()).hexdigest())
    if found is None:
        raise ValueError(
            f"The model's chat template is not known here (SHA-256 {digest}), and templates are "
            "not run: they are programs. Read it as `model.preprocessor.chat_template`, write the "
            "prompt by it, and use `generate`."
        )
    return found(given)
