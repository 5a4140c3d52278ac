"""Models behind HTTP: answers are the models' own, whoever asks beside; bad requests say why."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import numpy as np
import pytest

import isozoo
from isozoo import nlp
from isozoo.nlp.serving.app import Limits, Served
from isozoo.nlp.serving.batching import Batcher, BusyError
from isozoo.nlp.serving.requests import (
    RequestError,
    chat_request,
    completion_request,
    embedding_request,
)
from isozoo.nlp.serving.server import TextServer, served_names

from ..patience import DEADLINE
from . import tiny_bert
from .test_chat import PLAIN

TEXTS = ["the cat sat", "a dog", "cat cat cat on the mat", "unknown"]


class Letters:
    """A tokenizer of 60 characters, for a model that has no files."""

    SIGNS = "\n !',-.:<>?_|" + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRS"

    def encode(self, text):
        return [1 + self.SIGNS.index(sign) if sign in self.SIGNS else 0 for sign in text]

    def decode(self, ids, skip_special_tokens=True):
        return "".join(self.SIGNS[one - 1] if one else "#" for one in ids)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tiny_bert.save(tiny_bert.random_model("BertModel"), tmp_path_factory.mktemp("bert"))
    with isozoo.use_backend("numpy"):
        embedder = nlp.BertTextEmbedder.from_preset(str(folder))
        writer = nlp.LlamaCausalLM(
            vocabulary_size=60, num_layers=1, num_heads=2, hidden_dim=16, intermediate_dim=16
        )
    writer.preprocessor = nlp.CausalLMPreprocessor(Letters(), 256, (), PLAIN)
    return {"embedder": embedder, "writer": writer}


@pytest.fixture(scope="module")
def server(models):
    made = TextServer(models, port=0, limits=Limits(texts=8, new_tokens=40, body=20_000))
    thread = threading.Thread(target=made.serve)
    thread.start()
    yield made
    made.stop()
    thread.join(DEADLINE)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def client(server):
    with httpx2.Client(base_url=server.url, timeout=DEADLINE) as made:
        yield made


def test_embeddings(client, models):
    expected = models["embedder"].embed(TEXTS)
    answer = client.post("/v1/embeddings", json={"input": TEXTS, "model": "embedder"}).json()
    found = np.array([row["embedding"] for row in answer["data"]], np.float32)
    np.testing.assert_array_equal(found, expected)
    assert [row["index"] for row in answer["data"]] == [0, 1, 2, 3]
    count = sum(map(len, models["embedder"].preprocessor.encode(TEXTS)))
    assert answer["usage"] == {"prompt_tokens": count, "total_tokens": count}
    packed = client.post("/v1/embeddings", json={"input": TEXTS[0], "encoding_format": "base64"})
    numbers = np.frombuffer(base64.b64decode(packed.json()["data"][0]["embedding"]), "<f4")
    np.testing.assert_allclose(numbers, expected[0], rtol=0, atol=1e-6)


def test_many_at_once_get_their_own_answers(client, models):
    texts = [" ".join([TEXTS[i % 4]] * (1 + i % 3)) for i in range(60)]
    expected = models["embedder"].embed(texts)

    def ask(text):
        return client.post("/v1/embeddings", json={"input": text}).json()["data"][0]["embedding"]

    with ThreadPoolExecutor(20) as pool:
        found = np.array(list(pool.map(ask, texts)), np.float32)
    # Padding changes the order of sums alone.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    health = client.get("/health").json()
    (row,) = [one for one in health["models"] if one["name"] == "embedder"]
    assert health["status"] == "ok" and row["batches"] < row["requests"]


def test_completions(client, models):
    prompts = ["the house", "a"]
    expected = models["writer"].generate(prompts, 12)
    asked = {"prompt": prompts, "max_tokens": 12}
    answer = client.post("/v1/completions", json=asked).json()
    assert [one["text"] for one in answer["choices"]] == expected
    assert {one["finish_reason"] for one in answer["choices"]} == {"length"}
    assert answer["usage"] == {"prompt_tokens": 10, "completion_tokens": 24, "total_tokens": 34}
    stop = expected[0][4]
    cut = client.post("/v1/completions", json={**asked, "stop": stop}).json()["choices"][0]
    assert cut["text"] == expected[0][: expected[0].index(stop)] and cut["finish_reason"] == "stop"


def test_draws_do_not_hang_on_who_asks_beside(client, models):
    options = {"temperature": 1.5, "seed": 5}
    expected = models["writer"].generate("the house", 10, **options)

    def ask(text):
        asked = {"prompt": text, "max_tokens": 10, **options}
        return client.post("/v1/completions", json=asked).json()["choices"][0]["text"]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, ["a dog", "the house", "b", "the house"]))
    assert found[1] == found[3] == expected


def test_talks_and_streams(client, models):
    messages = [{"role": "user", "content": "Hello?"}]
    expected = models["writer"].chat(messages, 16)
    asked = {"messages": messages, "max_completion_tokens": 16, "model": "writer"}
    answer = client.post("/v1/chat/completions", json=asked).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": expected}
    asked |= {"stream": True, "stream_options": {"include_usage": True}}
    lines = client.post("/v1/chat/completions", json=asked).text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    parts = [e["choices"][0]["delta"].get("content", "") for e in events if e["choices"]]
    assert "".join(parts) == expected and len(parts) > 10
    assert events[-2]["choices"][0]["finish_reason"] == "length"
    assert events[-1]["usage"] == answer["usage"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("embeddings", "{", 400, "not JSON"),
        ("embeddings", {"input": []}, 400, "expected a text"),
        ("embeddings", {"input": ["a", ""]}, 400, "text 1 is empty"),
        ("embeddings", {"input": ["a"] * 9}, 400, "at most 8 texts"),
        ("embeddings", {"input": "the " * 30}, 400, "30|32"),
        ("embeddings", {"input": "a" * 30_000}, 413, "more than 20000 bytes"),
        ("embeddings", {"input": "a", "model": "nobody"}, 404, "no model 'nobody'; there are"),
        ("embeddings", {"input": "a", "model": "writer"}, 400, "does not do this"),
        ("embeddings", {"input": "a", "dimensions": 8}, 400, "not supported here; got 8"),
        ("completions", {"prompt": "a", "temprature": 1}, 400, "not known here"),
        ("completions", {"prompt": "a", "max_tokens": 41}, 400, "from 1 to 40; got 41"),
        ("completions", {"prompt": "a", "temperature": True}, 400, "a number from 0"),
        ("completions", {"prompt": "a" * 300}, 400, "at most 256"),
        ("chat/completions", {"messages": []}, 400, "list of messages"),
        ("chat/completions", {"messages": [{"role": "user"}]}, 400, "message 0 must have"),
        ("chat/completions", {"messages": [{"role": "x", "content": "a"}]}, 400, "role 'x'"),
        ("nothing", {}, 404, "POST /v1/nothing is not served"),
    ],
)
def test_bad_requests(client, path, body, status, words):
    content = body if isinstance(body, str) else json.dumps(body)
    answer = client.post(f"/v1/{path}", content=content)
    assert answer.status_code == status
    assert any(word in answer.json()["error"]["message"] for word in words.split("|"))


def test_what_is_read_from_requests():
    assert embedding_request({"input": "a", "user": "x"}, 4).texts == ("a",)
    made = completion_request({"prompt": "a", "temperature": 0.5, "stop": "b", "n": 2}, 4, 99)
    assert dict(made.options) == {"temperature": 0.5, "stop": ("b",), "num_sequences": 2}
    assert made.draws and made.max_new_tokens == 99
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert chat_request({"messages": [{"role": "user", "content": parts}]}, 9).messages == (
        {"role": "user", "content": "ab"},
    )
    with pytest.raises(RequestError, match="several different texts"):
        completion_request({"prompt": "a", "n": 2}, 4, 9)
    with pytest.raises(ValueError, match="both be called b"):
        served_names(["a/b", "hf://c/b@main"])


def test_batches():
    async def main():
        seen = []

        def run(items):
            seen.append(list(items))
            if "bad" in items:
                raise ValueError("bad")
            return [item.upper() for item in items]

        batcher = Batcher(max_batch=3, wait=0.01, max_waiting=6)
        keys = {"a": 1, "b": 1, "c": 2, "d": 1, "e": 1, "f": None}
        work = [asyncio.ensure_future(batcher.submit(run, x, key=k)) for x, k in keys.items()]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="6 requests wait"):
            await batcher.submit(run, "g")
        assert await asyncio.gather(*work) == list("ABCDEF")
        assert seen == [["a", "b", "d"], ["c"], ["e"], ["f"]]
        # One request's fault is its own; who gave up is not run.
        work = [asyncio.ensure_future(batcher.submit(run, x, key=1)) for x in ("g", "bad", "h")]
        await asyncio.sleep(0)
        work[2].cancel()
        found = await asyncio.gather(*work, return_exceptions=True)
        assert found[0] == "G" and isinstance(found[1], ValueError)
        assert seen[4:] == [["g", "bad"], ["g"], ["bad"]]
        await batcher.close()

    asyncio.run(main())


def _sent(url, content):
    """What a server answers to bytes until it hangs up."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as one:
        one.sendall(content)
        answer = b""
        while part := one.recv(65536):
            answer += part
        return answer


def test_slow_clients_are_let_go(models):
    """One sends nothing, one half of its head, one half of its body; the others are served."""
    limits = Limits(receive=0.5, texts=8)
    made = TextServer({"embedder": models["embedder"]}, port=0, limits=limits)
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        head = b"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n"
        with ThreadPoolExecutor(4) as pool:
            waiting = [
                pool.submit(_sent, made.url, sent) for sent in (b"", head, head + b'\r\n{"input"')
            ]
            answer = httpx2.post(f"{made.url}/v1/embeddings", json={"input": "a"}, timeout=DEADLINE)
            assert answer.status_code == 200
            nothing, half, body = (one.result(DEADLINE) for one in waiting)
        assert nothing == half == b""
        assert body.startswith(b"HTTP/1.1 408") and b"did not come within 0.5 seconds" in body
        assert b"connection: close" in body.lower()
    finally:
        made.stop()
        thread.join(DEADLINE)


def test_a_stream_that_takes_too_long_ends(models):
    class Slow:
        backend = "numpy"
        preprocessor = models["writer"].preprocessor

        def generate(self, prompts, *args, **kwargs):
            return prompts

        def stream(self, prompt, count):
            for _ in range(1000):
                time.sleep(0.05)
                yield "a"

    limits = Limits(seconds=0.5, streams=1)
    made = TextServer({"slow": Slow()}, port=0, limits=limits)
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        asked = {"prompt": "a", "stream": True}
        with httpx2.Client(base_url=made.url, timeout=DEADLINE) as http:
            with http.stream("POST", "/v1/completions", json=asked) as first:
                lines = first.iter_lines()
                assert next(lines).startswith("data: ")
                second = http.post("/v1/completions", json=asked)
                assert second.status_code == 503 and "1 texts are being streamed" in second.text
                last = [line for line in lines if line][-1]
            assert "the answer took too long" in last
            third = http.post("/v1/completions", json=asked)  # its place is free again
            assert third.status_code == 200
    finally:
        made.stop()
        thread.join(DEADLINE)


def test_more_texts_than_go_through_at_once(models):
    one = Served(models["writer"], "writer", Limits(batch=2))
    prompts = ("the house", "a", "b", "a dog", "mat")
    asked = completion_request({"prompt": list(prompts), "max_tokens": 5}, 8, 40)
    (found,) = one.write([asked])
    assert [text for text, _ in found["texts"]] == models["writer"].generate(list(prompts), 5)


def test_draws_of_more_texts_than_go_through_at_once_are_refused(client):
    asked = {"prompt": ["a"] * 8, "n": 5, "temperature": 1.0, "max_tokens": 2}
    answer = client.post("/v1/completions", json=asked)
    assert answer.status_code == 400 and "at most 32 texts" in answer.text
