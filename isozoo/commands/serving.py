"""serve-model: a model of texts behind HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .output import print_json


def add(command: Callable[..., Any]) -> None:
    """Declares the commands of this module."""
    made = command(
        "serve-model",
        _serve_model,
        "Answer requests for embeddings, completions and talks, in OpenAI's form of JSON.",
        "isozoo serve-model all_minilm_l6_v2 --port 8000",
        "isozoo serve-model smollm2_135m_instruct all_minilm_l6_v2 --backend torch",
    )
    made.add_argument("names", metavar="NAME", nargs="+", help="presets, hf://org/name, or folders")
    made.add_argument("--host", default="127.0.0.1", help="this machine alone, unless told")
    made.add_argument("--port", type=int, default=8000, help="8000; 0 takes a free one")
    made.add_argument("--backend", help="jax, torch, tensorflow or numpy; the best if absent")
    made.add_argument("--dtype", help="of the weights: float32, float16, bfloat16")
    made.add_argument("--max-batch", type=int, default=32, help="texts in the network at once; 32")
    made.add_argument(
        "--max-waiting", type=int, default=1000, help="requests, 1000; the next gets status 503"
    )
    made.add_argument("--timeout", type=float, default=120.0, help="seconds for a request; 120")
    made.offline()


def _serve_model(arguments: Any) -> int:
    from ..catalog import from_preset
    from ..nlp.serving.app import Limits
    from ..nlp.serving.server import TextServer, served_names

    limits = Limits(
        batch=arguments.max_batch, waiting=arguments.max_waiting, seconds=arguments.timeout
    )
    options = {"backend": arguments.backend, "dtype": arguments.dtype, "offline": arguments.offline}
    options = {name: value for name, value in options.items() if value is not None}
    models = {
        shown: from_preset(name, **options)
        for shown, name in zip(served_names(arguments.names), arguments.names, strict=True)
    }
    server = TextServer(models, arguments.host, arguments.port, limits)
    server.warm()

    def ready() -> None:
        if arguments.json:
            print_json({"url": server.url, "models": list(models)})
        else:
            print(f"{server.url}/v1 serves {', '.join(models)}; Ctrl-C stops", flush=True)

    server.serve(ready)
    return 0
