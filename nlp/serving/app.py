"""The routes: embeddings, completions, talks, the models that are there, and their health."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..chat import prompt_of
from ..text import preprocessor_of
from .batching import Batcher, BusyError
from .requests import (
    EmbeddingRequest,
    RequestError,
    WritingRequest,
    chat_request,
    completion_request,
    embedding_request,
)


@dataclass(frozen=True)
class Limits:
    """What one server takes.

    Attributes:
        body: bytes of a request.
        texts: texts of a request.
        new_tokens: tokens that are written for a text.
        batch: texts that go through the network at once.
        waiting: requests that wait for their turn; the next one gets status 503.
        streams: texts that are shown while they are written; the next one gets status 503.
        seconds: for an answer, waiting included; then its status is 504, and a stream ends.
        receive: seconds for a client to send a request; then its status is 408.
        gather: seconds for which a batch waits for more requests.
    """

    body: int = 1 << 20
    texts: int = 256
    new_tokens: int = 2048
    batch: int = 32
    waiting: int = 1000
    streams: int = 64
    seconds: float = 120.0
    receive: float = 30.0
    gather: float = 0.005


class Served:
    """A model behind HTTP: what it is asked, and the batches that come of it.

    Args:
        model: a text embedder, or a model that writes (`CausalLM`, `Seq2SeqLM`), with its
            preprocessor.
        name: what clients call it.
        limits: what is taken.

    Raises:
        TypeError: a model of another kind.
    """

    def __init__(self, model: Any, name: str, limits: Limits) -> None:
        self.embeds, self.writes = hasattr(model, "embed"), hasattr(model, "generate")
        if not self.embeds and not self.writes:
            raise TypeError(
                f"{name} is a {type(model).__name__}; served are text embedders and models that "
                "write text."
            )
        preprocessor_of(model)
        self.model, self.name, self.limits = model, name, limits
        self.batcher = Batcher(limits.batch, limits.gather, limits.waiting)
        self.streams = 0

    # In the model's thread -----------------------------------------------------------------------

    def embed(self, requests: Sequence[EmbeddingRequest]) -> list[tuple[np.ndarray, int]]:
        """Returns each request's vectors, and its number of tokens."""
        texts = [text for request in requests for text in request.texts]
        counts = [len(row) for row in preprocessor_of(self.model).encode(texts)]
        vectors = self.model.embed(texts, batch_size=self.limits.batch)
        found, at = [], 0
        for request in requests:
            end = at + len(request.texts)
            found.append((vectors[at:end], sum(counts[at:end])))
            at = end
        return found

    def write(self, requests: Sequence[WritingRequest]) -> list[dict[str, Any]]:
        """Returns what was written for each request: texts, why they end, and token counts."""
        first = requests[0]
        prompts = [text for request in requests for text in request.prompts]
        options = dict(first.options)
        written: list[Any] = []
        # A request may have more texts than go through the network at once.
        for at in range(0, len(prompts), self.limits.batch):
            some = prompts[at : at + self.limits.batch]
            written += self.model.generate(some, first.max_new_tokens, details="tokens", **options)
        if "num_sequences" in options:
            written = [one for texts in written for one in texts]
        copies = options.get("num_sequences", 1)
        found, at = [], 0
        for request in requests:
            end = at + len(request.prompts) * copies
            texts = [(one.text, "stop" if one.ended else "length") for one in written[at:end]]
            count = sum(len(one.tokens) for one in written[at:end])
            found.append({"texts": texts, "usage": _usage(self.tokens(request.prompts), count)})
            at = end
        return found

    def tokens(self, texts: Sequence[str]) -> int:
        """Returns the number of tokens of prompts."""
        return sum(map(len, preprocessor_of(self.model).encode(list(texts))))

    def as_prompt(self, request: WritingRequest) -> WritingRequest:
        """Returns the request of a talk as one that writes on from a text. Raises RequestError."""
        template = getattr(preprocessor_of(self.model), "chat_template", None)
        try:
            prompt = prompt_of(template, request.messages)
        except (TypeError, ValueError) as error:
            raise RequestError(str(error), "messages") from error
        return WritingRequest((prompt,), (), *_rest(request))


def _rest(request: WritingRequest) -> tuple[int, Any, bool, bool]:
    return request.max_new_tokens, request.options, request.stream, request.usage_in_stream


def _usage(prompt: int, written: int = 0) -> dict[str, int]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
    }


def application(served: Sequence[Served]) -> Any:
    """Returns the ASGI application of models.

    `GET /health`, `GET /v1/models`, `POST /v1/embeddings`, `POST /v1/completions`,
    `POST /v1/chat/completions`. The field `model` chooses among several models.
    """
    from contextlib import asynccontextmanager

    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    began = time.time()
    by_name = {one.name: one for one in served}
    most = max(one.limits.body for one in served)
    patience = max(one.limits.receive for one in served)

    async def health(request: Any) -> Any:
        models = [
            {
                "name": one.name,
                "backend": one.model.backend,
                "waiting": one.batcher.waiting,
                "requests": one.batcher.requests,
                "batches": one.batcher.batches,
            }
            for one in served
        ]
        return JSONResponse({"status": "ok", "seconds": time.time() - began, "models": models})

    async def models(request: Any) -> Any:
        rows = [
            {"id": one.name, "object": "model", "created": int(began), "owned_by": "isozoo"}
            for one in served
        ]
        return JSONResponse({"object": "list", "data": rows})

    def answering(act: Callable[[Served, Any], Awaitable[Any]], kind: str) -> Any:
        async def endpoint(request: Any) -> Any:
            try:
                body = await _body(request, most, patience)
                one = _chosen(by_name, served, body, kind)
                return await asyncio.wait_for(act(one, body), one.limits.seconds)
            except RequestError as error:
                # What is left of a body that is not read would be taken for the next request.
                ends = {"Connection": "close"} if error.status in (408, 413) else None
                return JSONResponse(error.described(), error.status, ends)
            except BusyError as error:
                wrong = RequestError(f"{error}; try again", status=503, code="busy")
                return JSONResponse(wrong.described(), 503, {"Retry-After": "1"})
            except TimeoutError:
                wrong = RequestError("the answer took too long", status=504, code="timeout")
                return JSONResponse(wrong.described(), 504)
            except (TypeError, ValueError) as error:  # what the model says of its input
                return JSONResponse(RequestError(str(error)).described(), 400)

        return endpoint

    async def embeddings(one: Served, body: Any) -> Any:
        asked = embedding_request(body, one.limits.texts)
        size = len(asked.texts)
        vectors, count = await one.batcher.submit(one.embed, asked, size=size, key="embed")
        rows = [
            {"object": "embedding", "index": number, "embedding": _numbers(row, asked.base64)}
            for number, row in enumerate(vectors)
        ]
        usage = {"prompt_tokens": count, "total_tokens": count}
        return JSONResponse({"object": "list", "data": rows, "model": one.name, "usage": usage})

    async def completions(one: Served, body: Any) -> Any:
        limits = one.limits
        asked = completion_request(body, limits.texts, limits.new_tokens)
        copies = dict(asked.options).get("num_sequences", 1)
        if asked.draws and len(asked.prompts) * copies > limits.batch:
            # Texts of one seed draw alike where they stand alike in their batches.
            text = f"at most {limits.batch} texts (prompts times n) are drawn in a request"
            raise RequestError(f"{text}; got {len(asked.prompts) * copies}", "prompt")
        return await written(one, asked, False)

    async def chat(one: Served, body: Any) -> Any:
        asked = chat_request(body, one.limits.new_tokens)
        return await written(one, one.as_prompt(asked), True)

    async def written(one: Served, asked: WritingRequest, talk: bool) -> Any:
        if asked.stream:
            return await _streamed(one, asked, talk)
        # Draws hang on a text's place in its batch, so such requests go alone.
        key = None if asked.draws else ("write", asked.max_new_tokens, asked.options)
        size = len(asked.prompts)
        found = await one.batcher.submit(one.write, asked, size=size, key=key)
        choices = [
            {"index": number, "finish_reason": reason, **_said(text, talk)}
            for number, (text, reason) in enumerate(found["texts"])
        ]
        head = _head(one, talk, "")
        return JSONResponse({**head, "choices": choices, "usage": found["usage"]})

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        yield
        for one in served:
            await one.batcher.close()

    async def missing(request: Any, error: Any) -> Any:
        text = f"{request.method} {request.url.path} is not served"
        wrong = RequestError(text, status=error.status_code, code="unknown_url")
        return JSONResponse(wrong.described(), error.status_code)

    async def failed(request: Any, error: Exception) -> Any:
        wrong = RequestError("the server failed; its log says where", status=500, code="fault")
        return JSONResponse(wrong.described(), 500)

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/v1/models", models),
            Route("/v1/embeddings", answering(embeddings, "embeds"), methods=["POST"]),
            Route("/v1/completions", answering(completions, "writes"), methods=["POST"]),
            Route("/v1/chat/completions", answering(chat, "writes"), methods=["POST"]),
        ],
        exception_handlers={404: missing, 405: missing, Exception: failed},
        lifespan=lifespan,
    )


async def _body(request: Any, most: int, seconds: float) -> Any:
    """The request's JSON. Raises RequestError."""
    held = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                held += part
                if len(held) > most:
                    raise RequestError(f"the body has more than {most} bytes", status=413)
    except TimeoutError as error:
        text = f"the body did not come within {seconds:g} seconds"
        raise RequestError(text, status=408, code="timeout") from error
    try:
        return json.loads(held)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from error


def _chosen(by_name: dict[str, Served], served: Sequence[Served], body: Any, kind: str) -> Served:
    """The model that a request names, or the first that can do it. Raises RequestError."""
    name = body.get("model") if isinstance(body, dict) else None
    if name is not None:
        one = by_name.get(name) if isinstance(name, str) else None
        if one is None:
            there = ", ".join(by_name)
            text = f"there is no model {name!r:.80}; there are: {there}"
            raise RequestError(text, "model", 404, "model_not_found")
        if not getattr(one, kind):
            raise RequestError(f"{name} does not do this", "model")
        return one
    for one in served:
        if getattr(one, kind):
            return one
    raise RequestError("no model here does this", status=404, code="model_not_found")


def _numbers(row: np.ndarray, as_base64: bool) -> Any:
    if as_base64:
        return base64.b64encode(row.astype("<f4").tobytes()).decode()
    return [float(x) for x in row]


def _said(text: str, talk: bool) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}} if talk else {"text": text}


def _head(one: Served, talk: bool, chunk: str) -> dict[str, Any]:
    kind = f"chat.completion{chunk}" if talk else "text_completion"
    number = uuid.uuid4().hex
    return {
        "id": f"{'chatcmpl' if talk else 'cmpl'}-{number}",
        "object": kind,
        "created": int(time.time()),
        "model": one.name,
    }


async def _streamed(one: Served, asked: WritingRequest, talk: bool) -> Any:
    """The answer in pieces, as server-sent events, while it is written."""
    (prompt,) = asked.prompts
    if not hasattr(one.model, "stream"):
        raise RequestError(f"{one.name} writes a text as a whole; leave it out", "stream")
    if one.batcher.waiting >= one.limits.waiting:
        raise BusyError(f"{one.batcher.waiting} requests wait already")
    if one.streams >= one.limits.streams:
        raise BusyError(f"{one.streams} texts are being streamed already")
    end = asyncio.get_running_loop().time() + one.limits.seconds
    one.streams += 1
    try:
        pieces = one.model.stream(prompt, asked.max_new_tokens, **dict(asked.options))
        # The first piece is asked for before the answer begins: a bad prompt still gets its status.
        first = await one.batcher.step(pieces)
    except BaseException:
        one.streams -= 1
        raise
    return _stream(_events(one, asked, talk, pieces, first, end), one, end)


async def _events(
    one: Served, asked: WritingRequest, talk: bool, pieces: Any, piece: str | None, end: float
) -> AsyncIterator[str]:
    """The events of a stream, whose first piece is there; an error ends one that takes too long."""
    head = _head(one, talk, ".chunk")
    time_of = asyncio.get_running_loop().time

    def event(choice: dict[str, Any] | None, **more: Any) -> str:
        choices = [] if choice is None else [{"index": 0, "finish_reason": None, **choice}]
        return f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n"

    def part(text: str) -> dict[str, Any]:
        return {"delta": {"content": text}} if talk else {"text": text}

    if talk:
        yield event({"delta": {"role": "assistant", "content": ""}})
    text = ""
    while piece is not None:
        text += piece
        yield event(part(piece))
        if time_of() > end:
            wrong = RequestError("the answer took too long", status=504, code="timeout")
            yield f"data: {json.dumps(wrong.described())}\n\n"
            return
        piece = await one.batcher.step(pieces)
    count = len(preprocessor_of(one.model).tokenizer.encode(text)) if text else 0
    reason = "length" if count >= asked.max_new_tokens else "stop"
    yield event({**({"delta": {}} if talk else {"text": ""}), "finish_reason": reason})
    if asked.usage_in_stream:
        yield event(None, usage=_usage(one.tokens(asked.prompts), count))
    yield "data: [DONE]\n\n"


def _stream(events: AsyncIterator[str], one: Served, end: float) -> Any:
    """The response of events; it counts among the model's streams until it is sent or given up."""
    from starlette.responses import StreamingResponse

    class Stream(StreamingResponse):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            try:
                # A client that does not read what it asked for keeps no model waiting.
                async with asyncio.timeout_at(end + 1.0):
                    await super().__call__(scope, receive, send)
            except TimeoutError:
                pass  # the server closes the connection of an answer that is not whole
            finally:
                one.streams -= 1

    return Stream(events, media_type="text/event-stream")
