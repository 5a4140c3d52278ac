"""Whether a server of a model holds many clients at once, without a lost or a mixed answer.

    python -m isozoo.scripts.measure_serving all_minilm_l6_v2 --clients 200 --seconds 300
    python -m isozoo.scripts.measure_serving smollm2_135m_instruct --clients 8 --seconds 60

Starts `isozoo serve-model` in a process of its own, and as many clients as are asked for. Each
sends one request after the other; every answer is compared with what the model itself gives for
the same text. Prints the requests, how many were lost or wrong, and how long they took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from typing import Any

import numpy as np

_WORDS = "the a cat dog bird river house green old small sleeps runs sings sees under over".split()


def texts(count: int, seed: int = 0) -> list[str]:
    """Returns `count` different texts of 3 to 40 words."""
    rng = np.random.default_rng(seed)
    made = (" ".join(rng.choice(_WORDS, rng.integers(3, 41))) for _ in range(count))
    return [f"{number} {text}" for number, text in enumerate(made)]


def expected(name: str, backend: str | None, prompts: list[str], tokens: int) -> list[Any]:
    """Returns what the model itself answers: vectors, or texts."""
    from ..hub import load_preset

    options = {"backend": backend} if backend else {}
    model = load_preset(name, **options)
    if hasattr(model, "embed"):
        return list(model.embed(prompts))
    return [model.generate(prompt, tokens) for prompt in prompts]


async def _client(
    http: Any, number: int, end: float, prompts: list[str], right: list[Any], tokens: int, log: Any
) -> None:
    at = number
    while time.perf_counter() < end:
        at = (at + 1) % len(prompts)
        begun = time.perf_counter()
        embeds = isinstance(right[at], np.ndarray)
        path = "/v1/embeddings" if embeds else "/v1/completions"
        asked = {"input": prompts[at]} if embeds else {"prompt": prompts[at], "max_tokens": tokens}
        try:
            answer = await http.post(path, json=asked)
            body = answer.json()
        except Exception as error:  # what a client sees of a lost answer, whatever it is
            log["lost"].append(repr(error))
            continue
        if answer.status_code != 200:
            log["refused"].append(body["error"]["message"])
            continue
        log["seconds"].append(time.perf_counter() - begun)
        if embeds:
            vector = np.array(body["data"][0]["embedding"])
            # Vectors of length 1: another text's is farther than 1e-3, rounding nearer than 1e-5.
            log["wrong"] += [at] * bool(np.abs(vector - right[at]).max() > 1e-4)
        else:
            log["wrong"] += [at] * (body["choices"][0]["text"] != right[at])


async def _load(url: str, arguments: Any, prompts: list[str], right: list[Any]) -> dict[str, Any]:
    import httpx2

    log: dict[str, Any] = {"seconds": [], "lost": [], "refused": [], "wrong": []}
    end = time.perf_counter() + arguments.seconds
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=url, timeout=120, limits=limits) as http:
        work = (
            _client(http, i * 7, end, prompts, right, arguments.tokens, log)
            for i in range(arguments.clients)
        )
        await asyncio.gather(*work)
        health = (await http.get("/health")).json()
    return {**log, "batches": health["models"][0]["batches"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", nargs="?", default="all_minilm_l6_v2")
    parser.add_argument("--backend")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--tokens", type=int, default=16, help="that are written for a text")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    prompts = texts(arguments.texts)
    right = expected(arguments.name, arguments.backend, prompts, arguments.tokens)
    command = [sys.executable, "-m", "isozoo", "serve-model", arguments.name, "--port", "0"]
    command += ["--backend", arguments.backend] if arguments.backend else []
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.match(r"(http://\S+)/v1 serves", server.stdout.readline())
        if found is None:
            print("the server did not start", file=sys.stderr)
            return 1
        log = asyncio.run(_load(found[1], arguments, prompts, right))
    finally:
        server.terminate()
        code = server.wait(60)
    taken = np.sort(log["seconds"])
    result = {
        "requests": len(taken),
        "lost": len(log["lost"]),
        "refused": len(log["refused"]),
        "wrong": len(log["wrong"]),
        "batches": log["batches"],
        "a second": round(len(taken) / arguments.seconds, 1),
        "median seconds": round(float(np.median(taken)), 3),
        "99 % below, seconds": round(float(taken[int(len(taken) * 0.99)]), 3),
        "exit code after SIGTERM": code,
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:28} {value}")
    for reason in sorted(set(log["lost"] + log["refused"]))[:5]:
        print(f"  {reason}", file=sys.stderr)
    return int(bool(log["lost"] or log["refused"] or log["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
