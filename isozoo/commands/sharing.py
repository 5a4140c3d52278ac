"""convert and publish: a model for others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..framework.files import readable_size
from .output import byte_count, print_json, show

_FORMATS = "tf_saved_model, litert, tfjs, torch, aoti, onnx, openvino or stablehlo"


def add(command: Callable[..., Any]) -> None:
    """Declares the commands of this module."""
    made = command(
        "convert",
        _convert,
        "Write a model's files in another layout, tensor by tensor.",
        "isozoo convert all_minilm_l6_v2 --out my_model --dtype float16",
    )
    made.add_argument(
        "source",
        metavar="SOURCE",
        help="a preset, hf://org/name, a folder, a FILE.onnx, or timm:NAME",
    )
    made.add_argument("--out", metavar="FOLDER", required=True, help="a folder that is made")
    made.add_argument(
        "--to",
        metavar="LAYOUT",
        default="hf",
        help="a layout of the family: hf (transformers'), timm, gguf, ctranslate2, kerashub, …",
    )
    made.add_argument("--file", help="of a folder or repository, an ONNX file: onnx/model.onnx")
    made.add_argument("--task", help="as which task the source is read")
    made.add_argument("--dtype", help="of the numbers: float32, float16, bfloat16; q8_0 in GGUF")
    made.add_argument(
        "--max-shard-size", metavar="SIZE", type=byte_count, default=5 * 10**9, help="such as 2GB"
    )
    made.add_argument("--overwrite", action="store_true", help="replace files that are there")
    made.offline()

    made = command(
        "export",
        _export,
        "Write a model for programs that run it without isozoo.",
        "isozoo export all_minilm_l6_v2 --format onnx --out minilm.onnx",
    )
    made.add_argument("name", metavar="NAME", help="a preset, hf://org/name, or a folder")
    made.add_argument("--format", default="tf_saved_model", help=_FORMATS)
    made.add_argument("--out", metavar="PATH", required=True, help="a file, or a folder")
    made.add_argument("--task", help="as which task it is read")
    made.add_argument("--dtype", help="of the weights: float32, float16, …")
    made.add_argument("--part", metavar="PATH", help="a part alone, such as backbone.encoder")
    made.add_argument(
        "--preprocessing",
        action="store_true",
        help="take pictures as uint8 pixels of any size, and give probabilities or boxes",
    )
    made.add_argument(
        "--quantize", choices=("weights", "int8"), help="litert: 8-bit weights, or all 8-bit"
    )
    made.add_argument(
        "--samples", metavar="FILE.npz", help="inputs by name, rows together: ranges for int8"
    )
    made.offline()

    made = command(
        "bundle",
        _bundle,
        "Write presets' files to a wheel that pip installs, for places without a network.",
        "isozoo bundle all_minilm_l6_v2 --out wheels",
    )
    made.add_argument("names", metavar="NAME", nargs="+", help="presets, hf://org/name, or folders")
    made.add_argument("--out", metavar="FOLDER", default=".", help="where the wheel goes")
    made.add_argument("--distribution", help="what pip calls it")
    made.add_argument("--version", default="1.0.0", help="of the wheel; 1.0.0 if absent")
    made.add_argument("--name", help="under which a single model is found")
    made.add_argument(
        "--sdist", action="store_true", help="write a source distribution beside the wheel"
    )
    made.offline()

    made = command(
        "serve",
        _serve,
        "Offer a folder of models (FOLDER/ORG/NAME) over the hub's read protocol.",
        "isozoo serve models --port 8080",
    )
    made.add_argument("folder", metavar="FOLDER", help="holds ORG/NAME/config.json, …")
    made.add_argument("--host", default="127.0.0.1", help="this machine alone, unless told")
    made.add_argument("--port", type=int, default=8080, help="8080 if absent")

    made = command(
        "publish",
        _publish,
        "Upload a folder to a repository of the hub, with a card.",
        "isozoo publish my_model hf://org/name --license apache-2.0",
    )
    made.add_argument("folder", metavar="FOLDER", help="a folder that from_preset takes")
    made.add_argument("to", metavar="REPOSITORY", help="hf://org/name[@branch]")
    made.add_argument("--message", default="", help="of the commit")
    made.add_argument("--license", help="its SPDX name, for the card")
    made.add_argument("--base", metavar="ORG/NAME", help="the model that it was trained from")
    made.add_argument("--description", default="", help="a sentence for the card")
    made.add_argument("--private", action="store_true", help="a repository that is made is private")
    made.add_argument("--pr", action="store_true", help="propose the change instead of making it")
    made.add_argument("--parent", metavar="COMMIT", help="the commit that it is known to be at")
    made.add_argument(
        "--with-training-state", action="store_true", help="send optimizer states, too"
    )
    made.add_argument(
        "--sign", metavar="KEY.pem", help="sign the folder first, by this private key (extra sign)"
    )
    made.add_argument(
        "--sign-password-file", metavar="FILE", help="holds the key's password, where it has one"
    )
    made.add_argument("--dry-run", action="store_true", help="show what would be sent")


def _given(arguments: Any, *names: str) -> dict[str, Any]:
    """What the command line says for arguments of these names."""
    return {name: getattr(arguments, name) for name in names}


def _show_files(found: dict[str, Any], as_json: bool) -> int:
    """Prints what a command wrote: sizes as people read them, unless a program reads."""
    if not as_json:
        found["files"] = {name: readable_size(count) for name, count in found["files"].items()}
    show(found, as_json)
    return 0


def _convert(arguments: Any) -> int:
    from ..hub import convert

    if arguments.file or arguments.source.endswith(".onnx"):
        from ..hub.graphs import convert_onnx

        options = _given(arguments, "file", "dtype", "overwrite", "offline")
        done = convert_onnx(arguments.source, arguments.out, **options)
        return _show_files({"folder": arguments.out, **asdict(done)}, arguments.json)
    if arguments.source.startswith("timm:"):
        from ..hub.torch_modules import convert_timm

        options = _given(arguments, "dtype", "overwrite")
        options["max_shard_bytes"] = arguments.max_shard_size
        name = arguments.source.removeprefix("timm:")
        done = convert_timm(name, arguments.out, **options)
        return _show_files({"folder": arguments.out, **asdict(done)}, arguments.json)
    options = _given(arguments, "task", "dtype", "overwrite", "offline")
    options["max_shard_bytes"] = arguments.max_shard_size
    done = convert(arguments.source, arguments.out, arguments.to, **options)
    return _show_files({"folder": arguments.out, **asdict(done)}, arguments.json)


def _export(arguments: Any) -> int:
    from ..catalog import from_preset
    from ..framework.exporting.formats import backend_of, export_model

    if arguments.part and arguments.preprocessing:
        raise ValueError("--preprocessing is for a whole model, not for a --part of one.")
    backend = backend_of(arguments.format)
    options = _given(arguments, "task", "dtype", "offline")
    model = from_preset(arguments.name, backend=backend, **options)
    settings = {"quantize": arguments.quantize} if arguments.quantize else {}
    if arguments.samples:
        settings["representative_dataset"] = _samples(arguments.samples)
    if arguments.part:
        export_model(_part(model, arguments.part), arguments.out, arguments.format, **settings)
    else:
        whole = arguments.preprocessing
        model.export(arguments.out, arguments.format, False, preprocessing=whole, **settings)
    out = Path(arguments.out)
    files = [path for path in out.rglob("*") if path.is_file()] if out.is_dir() else [out]
    found = {"path": str(out), "format": arguments.format}
    found["files"] = {path.name: path.stat().st_size for path in files}
    return _show_files(found, arguments.json)


def _part(model: Any, path: str) -> Any:
    """The layer at a path of attributes. ValueError for none."""
    from ..framework.layers import Layer

    found = model
    for name in path.split("."):
        parts = {key: x for key, x in vars(found).items() if isinstance(x, Layer)}
        if name not in parts:
            raise ValueError(
                f"{type(found).__name__} has no part {name!r} (of --part {path}); it has "
                f"{', '.join(sorted(parts)) or 'none'}."
            )
        found = parts[name]
    return found


def _samples(path: str) -> list[dict[str, Any]]:
    """The rows of the arrays of a .npz file, each as a batch of one, by name."""
    import numpy as np

    with np.load(path, allow_pickle=False) as held:
        arrays = dict(held)
    return [
        {name: x[place : place + 1] for name, x in arrays.items()}
        for place in range(min(map(len, arrays.values()), default=0))
    ]


def _bundle(arguments: Any) -> int:
    from ..hub.bundles import bundle

    options = _given(arguments, "distribution", "version", "name", "offline")
    done = bundle(arguments.names, arguments.out, source=arguments.sdist, **options)
    found = {"path": str(done.path), "presets": done.presets, "files": done.files}
    if done.source is not None:
        found["source"] = str(done.source)
    return _show_files(found, arguments.json)


def _serve(arguments: Any) -> int:
    from ..hub.serving import ModelServer

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    server = ModelServer(arguments.folder, arguments.host, arguments.port, log=log)
    if arguments.json:
        print_json({"url": server.url, "models": server.names()})
    else:
        print(f"{server.url}: {', '.join(server.names())}", flush=True)
        print(f"clients find them with HF_ENDPOINT={server.url}; Ctrl-C stops", flush=True)
    server.serve()
    return 0


def _publish(arguments: Any) -> int:
    from ..hub import publish

    names = ("message", "license", "base", "description", "private", "parent", "dry_run", "sign")
    password = arguments.sign_password_file
    done = publish(
        arguments.folder,
        arguments.to,
        pull_request=arguments.pr,
        training_state=arguments.with_training_state,
        sign_password=None if password is None else Path(password).read_text("utf-8").rstrip("\n"),
        **_given(arguments, *names),
    )
    found = asdict(done)
    if not arguments.json and not arguments.dry_run:
        del found["card"]
    return _show_files(found, arguments.json)
