"""What clients may ask for, read from JSON and checked. Definition: OpenAI's HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Fields that change nothing in the answer.
_NOTES = {"user", "metadata", "store", "model", "safety_identifier", "prompt_cache_key"}
# Fields that are taken at the one value that changes nothing, and refused at others.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0, None),
    "logit_bias": ({}, None),
    "logprobs": (False, None, 0),
    "top_logprobs": (0, None),
    "echo": (False, None),
    "suffix": ("", None),
    "best_of": (1, None),
    "tools": ([], None),
    "tool_choice": ("none", "auto", None),
    "response_format": ({"type": "text"}, None),
    "parallel_tool_calls": (True, False, None),
    "dimensions": (None,),
    "service_tier": ("auto", "default", None),
}
_OPTIONS = {
    "temperature": (float, 0.0, 2.0),
    "top_p": (float, 0.0, 1.0),
    "top_k": (int, 1, 1_000_000),
    "min_p": (float, 0.0, 1.0),
    "presence_penalty": (float, -2.0, 2.0),
    "repetition_penalty": (float, 1e-3, 10.0),
    "seed": (int, -(2**63), 2**63 - 1),
}


class RequestError(Exception):
    """A request that cannot be answered as it is.

    Attributes:
        param: the field that is wrong; None for the whole.
        status: the HTTP status.
        code: a word for programs.
    """

    def __init__(
        self, message: str, param: str | None = None, status: int = 400, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.param, self.status, self.code = param, status, code

    def described(self) -> dict[str, Any]:
        """Returns the error in the form that clients expect."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        message = str(self) if self.param is None else f"{self.param}: {self}"
        error = {"message": message, "type": kind, "param": self.param, "code": self.code}
        return {"error": error}


@dataclass(frozen=True)
class EmbeddingRequest:
    """Texts to be embedded; `base64` says in which form the numbers go back."""

    texts: tuple[str, ...]
    base64: bool = False


@dataclass(frozen=True)
class WritingRequest:
    """Texts to be written on from, or a talk to be answered.

    `options` are arguments of `generate`, as sorted pairs, so that equal ones are told.
    """

    prompts: tuple[str, ...] = ()
    messages: tuple[Mapping[str, str], ...] = ()
    max_new_tokens: int = 256
    options: tuple[tuple[str, Any], ...] = ()
    stream: bool = False
    usage_in_stream: bool = False

    @property
    def draws(self) -> bool:
        """Whether tokens are drawn; such texts hang on their place in a batch."""
        return bool(dict(self.options).get("temperature"))


def embedding_request(body: Any, max_texts: int) -> EmbeddingRequest:
    """Reads the body of /v1/embeddings. Raises RequestError."""
    body = _checked(body, {"input", "encoding_format"})
    form = body.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise RequestError(f"must be 'float' or 'base64'; got {form!r:.40}", "encoding_format")
    return EmbeddingRequest(_texts(body, "input", max_texts), form == "base64")


def completion_request(body: Any, max_texts: int, max_tokens: int) -> WritingRequest:
    """Reads the body of /v1/completions. Raises RequestError."""
    body = _checked(body, {"prompt", "max_tokens", *_WRITING})
    prompts = _texts(body, "prompt", max_texts)
    made = WritingRequest(prompts, (), *_writing(body, ("max_tokens",), max_tokens))
    if made.stream and len(prompts) > 1:
        raise RequestError("one prompt at a time can be streamed", "stream")
    return made


def chat_request(body: Any, max_tokens: int) -> WritingRequest:
    """Reads the body of /v1/chat/completions. Raises RequestError."""
    names = ("max_completion_tokens", "max_tokens")
    body = _checked(body, {"messages", *names, *_WRITING})
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestError("expected a list of messages", "messages")
    read = tuple(_message(one, number) for number, one in enumerate(messages))
    return WritingRequest((), read, *_writing(body, names, max_tokens))


_WRITING = {"stop", "n", "stream", "stream_options", *_OPTIONS}


def _checked(body: Any, known: set[str]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise RequestError("the body must be a JSON object")
    for name, value in body.items():
        if name in known or name in _NOTES:
            continue
        if name not in _NEUTRAL:
            raise RequestError("is not known here; leave it out", name, code="unknown_parameter")
        if value not in _NEUTRAL[name]:
            raise RequestError(f"is not supported here; got {value!r:.60}", name)
    return body


def _texts(body: dict[str, Any], name: str, most: int) -> tuple[str, ...]:
    value = body.get(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        raise RequestError("expected a text, or a list of texts", name)
    if len(texts) > most:
        raise RequestError(f"at most {most} texts a request; got {len(texts)}", name)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise RequestError(f"item {number} is no text", name)
        if not text:
            raise RequestError(f"text {number} is empty", name)
    return tuple(texts)


def _message(one: Any, number: int) -> dict[str, str]:
    if not isinstance(one, dict) or not {"role", "content"} <= set(one):
        raise RequestError(f"message {number} must have a role and a content", "messages")
    content = one["content"]
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        parts = [text for text in texts if isinstance(text, str)]
        if len(parts) != len(content):
            raise RequestError(f"message {number} holds something that is no text", "messages")
        content = "".join(parts)
    if not isinstance(content, str) or not isinstance(one["role"], str):
        raise RequestError(f"message {number}: role and content must be texts", "messages")
    return {"role": one["role"], "content": content}


def _writing(
    body: dict[str, Any], length_names: tuple[str, ...], most: int
) -> tuple[int, tuple[tuple[str, Any], ...], bool, bool]:
    options: dict[str, Any] = {}
    for name, (kind, low, high) in _OPTIONS.items():
        if body.get(name) is not None:
            options[name] = _number(body[name], name, kind, low, high)
    if "seed" in options:
        options["seed"] %= 2**63
    stop = body.get("stop")
    if stop:
        stops = [stop] if isinstance(stop, str) else stop
        if not isinstance(stops, list) or not all(isinstance(s, str) and s for s in stops):
            raise RequestError("expected a text, or a list of texts", "stop")
        options["stop"] = tuple(stops)
    count = body.get("n")
    if count is not None:
        count = _number(count, "n", int, 1, 16)
        if count > 1 and not options.get("temperature"):
            raise RequestError("set a temperature for several different texts", "n")
        if count > 1:
            options["num_sequences"] = count
    stream = body.get("stream") or False
    if not isinstance(stream, bool):
        raise RequestError("must be true or false", "stream")
    if stream and count not in (None, 1):
        raise RequestError("one text at a time can be streamed", "n")
    noted = body.get("stream_options") or {}
    if not isinstance(noted, dict) or set(noted) - {"include_usage", "include_obfuscation"}:
        raise RequestError("expected {'include_usage': true}", "stream_options")
    found = next((body[name] for name in length_names if body.get(name) is not None), None)
    length = min(256, most) if found is None else _number(found, length_names[0], int, 1, most)
    return length, tuple(sorted(options.items())), stream, bool(noted.get("include_usage"))


def _number(value: Any, name: str, kind: type, low: float, high: float) -> Any:
    right = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
    if not right or not low <= value <= high:
        word = "an integer" if kind is int else "a number"
        raise RequestError(f"must be {word} from {low} to {high}; got {value!r:.40}", name)
    return kind(value)
