"""The command line: its commands, and what their exit codes mean.

Exit codes: 0 done; 1 the answer is no (`verify` found a difference); 2 the call was wrong (no
command, an unknown name or option, an unreadable input); 3 the files cannot be had or are not what
they should be; 4 isozoo itself failed (the traceback is shown); 5 look at it (`audit` calls for
caution); 130 interrupted.
"""

from __future__ import annotations

import difflib
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .commands import bulk, run_options
from .commands.output import NO, NOT_TO_BE_HAD, OUR_FAULT, WRONG_CALL, print_json, print_tree
from .commands.parsing import Parser

_NAME = "a preset, hf://org/name[@revision], or a folder"
# Nothing that a user types, and no file, raises these on purpose.
_NEVER_MEANT = (AttributeError, NameError, AssertionError, NotImplementedError)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. Without one the help is shown."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return WRONG_CALL
    try:
        if getattr(arguments, "accept_licence", False):
            _accept_licence(arguments.name)
        return arguments.run(arguments)
    except BrokenPipeError:
        return 0  # who reads our output has seen enough
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        code = _exit_code(error)
        if code == OUR_FAULT:
            traceback.print_exc()
            print("isozoo: this is a fault of isozoo itself; please report it", file=sys.stderr)
        else:
            print(f"isozoo: {error}", file=sys.stderr)
        return code


def _exit_code(error: BaseException) -> int:
    """Whose fault an error is: the caller's, the files', or ours."""
    from .framework.graphs.errors import GraphError
    from .framework.ops.errors import InvalidArgumentError
    from .hub.errors import ChoiceError, HubError, UnknownPresetError

    if isinstance(error, GraphError):
        return WRONG_CALL  # what an op refuses in a graph was asked for by its file
    link: BaseException | None = error
    while link is not None:
        # The command line gives no arrays: what an op refuses was made by us.
        if isinstance(link, (*_NEVER_MEANT, InvalidArgumentError)):
            return OUR_FAULT
        link = link.__cause__
    if isinstance(error, (UnknownPresetError, ChoiceError)):
        return WRONG_CALL
    if isinstance(error, HubError):
        return NOT_TO_BE_HAD
    if isinstance(error, ImportError):
        # A backend or an extra that is not installed; modules of our own always are.
        return OUR_FAULT if (error.name or "").startswith(__package__ or "isozoo") else WRONG_CALL
    return WRONG_CALL if isinstance(error, (ValueError, OSError)) else OUR_FAULT


def make_parser() -> Parser:
    """Returns the parser of the whole command line, with all commands declared."""
    from . import __version__

    codes = (__doc__ or "").split("\n\n")[1].replace("\n", " ")
    parser = Parser(
        prog="isozoo",
        description="Pretrained models on JAX, PyTorch, TensorFlow and NumPy: the same numbers.",
    )
    parser.epilog = f"`isozoo COMMAND --help` tells of one command, with examples.\n\n{codes}"
    parser.add_argument("--version", action="version", version=f"isozoo {__version__}")
    command = parser.command

    listing = command(
        "list",
        _list,
        "The presets there are.",
        "isozoo list",
        "isozoo list --family whisper --json",
    )
    listing.add_argument("--family", help="only those of one family")
    listing.add_argument("--names", action="store_true", help="print names alone, one in a line")

    info = command(
        "info",
        _info,
        "What a preset is, where its files lie, and what pins them.",
        "isozoo info all_minilm_l6_v2",
    )
    info.add_argument("name", metavar="NAME", help=_NAME)

    pull = command(
        "pull",
        _pull,
        "Fetch a preset's files into the cache, checked.",
        "isozoo pull bert_base",
        "isozoo pull hf://org/name@main --json",
    )
    pull.add_argument("name", metavar="NAME", help=_NAME)
    _fetching(pull)

    run = command(
        "run",
        _run,
        "Run a model on texts, image files or sound files.",
        "isozoo run whisper_tiny_en speech.wav",
        "isozoo run ppocr_v6_small page.png --draw lines.png",
        "isozoo run efficientnet_lite0 pictures --csv classes.csv --backend torch",
        'isozoo run stable_diffusion_1_5 "a photo of a cat" --draw cat.png',
        "isozoo run model.onnx --input x.npy --out outputs.npz",
        "isozoo run all_minilm_l6_v2 --input lines.txt --out vectors.jsonl --processes 4",
    )
    run.add_argument("name", metavar="NAME", help=_NAME)
    run.add_argument(
        "inputs", metavar="INPUT", nargs="*", help="a text, or the path of a file or of a folder"
    )
    run.add_argument(
        "--input",
        action="append",
        metavar="[NAME=]FILE",
        help="a .npy file, of a model that is a graph (FILE.onnx, or a folder converted from one); "
        "or a .txt or .jsonl file, whose lines are texts",
    )
    run.add_argument(
        "--out",
        metavar="FILE",
        help="write the outputs of a graph to a .npz file, the results of lines to a .jsonl file",
    )
    run.add_argument(
        "--processes",
        metavar="N",
        type=int,
        default=1,
        help="that share the lines of --input; 1. Run again, they go on where they were ended",
    )
    run.add_argument("--file", help="of a folder or repository, an ONNX or GGUF file: x/y.onnx")
    run.add_argument(
        "--backend", help="jax, torch, tensorflow or numpy; the best installed if absent"
    )
    run.add_argument("--draw", metavar="FILE", help="draw the result, or a sheet, to a PNG file")
    run_options.add(run)
    run.add_argument("--table", action="store_true", help="print a table, tabs between its columns")
    run.add_argument("--csv", metavar="FILE", help="write a table to a CSV file")
    _fetching(run)

    verify = command(
        "verify",
        _verify,
        "Run a model on every backend and in float64, and compare.",
        "isozoo verify all_minilm_l6_v2",
        "isozoo verify all_minilm_l6_v2 --against",
        "isozoo verify my_model --against my_model/parity.json",
        "isozoo verify my_model --signed-by key.pub",
    )
    verify.add_argument("name", metavar="NAME", help=_NAME)
    verify.add_argument("inputs", metavar="INPUT", nargs="*", help="instead of its own samples")
    verify.add_argument(
        "--backend",
        action="append",
        help="only these, perhaps with a device (torch:cuda); may be given repeatedly",
    )
    verify.add_argument(
        "--precision", action="append", help="of float32; may be given repeatedly (float32, tf32)"
    )
    verify.add_argument("--layers", action="store_true", help="show each layer too")
    verify.add_argument("--write", metavar="FILE", help="write a certificate, such as parity.json")
    verify.add_argument(
        "--against",
        metavar="FILE",
        nargs="?",
        const="",
        help="compare with a certificate; the preset's published one if no file is named",
    )
    verify.add_argument(
        "--signed-by",
        metavar="KEY.pub",
        help="first check the folder's signature, model.sig, by this public key (extra sign)",
    )
    _fetching(verify)

    bench = command(
        "bench",
        _bench,
        "Time a model on every backend here, and name the fastest.",
        "isozoo bench efficientnet_lite0 photo.jpg --seconds 5",
    )
    bench.add_argument("name", metavar="NAME", help=_NAME)
    bench.add_argument("inputs", metavar="INPUT", nargs="*", help="instead of its own samples")
    bench.add_argument("--backend", action="append", help="only these; may be given repeatedly")
    bench.add_argument(
        "--seconds", type=float, default=10.0, help="for all runs that count; 10 if absent"
    )
    _fetching(bench)

    tune = command(
        "finetune",
        _finetune,
        "Train a classifier or a detector from a preset on your data, and write a preset.",
        "isozoo finetune all_minilm_l6_v2 reviews.csv --to my_classifier",
        "isozoo finetune efficientnet_lite0 pictures --to my_classifier --mode head",
        "isozoo finetune yolov8n my_coco_folder --to my_detector --accept-licence",
    )
    tune.add_argument("name", metavar="NAME", help=_NAME)
    tune.add_argument(
        "data",
        metavar="DATA",
        help="a .csv or .tsv file of texts and labels; a folder with a folder of images a class; "
        "or a folder of pictures and boxes in COCO's or YOLO's form",
    )
    tune.add_argument("--to", metavar="FOLDER", required=True, help="where the preset is written")
    tune.add_argument("--backend", help="jax, torch or tensorflow; the best installed if absent")
    tune.add_argument(
        "--mode",
        default="full",
        choices=("full", "lora", "head"),
        help="what is trained: all weights, low-rank adapters and the head, or the head alone",
    )
    tune.add_argument("--epochs", type=int, default=3, help="how often each example is seen; 3")
    tune.add_argument("--batch-size", type=int, default=32, help="examples of a step; 32")
    tune.add_argument("--learning-rate", type=float, help="1e-3; 5e-5 for full of classifiers")
    tune.add_argument("--rank", type=int, default=8, help="of the adapters; 8")
    tune.add_argument(
        "--adapter-only", action="store_true", help="write the adapters alone, with the base's hash"
    )
    tune.add_argument(
        "--validation",
        type=float,
        default=0.1,
        help="the share that is held out, if the data sets none apart; 0.1",
    )
    tune.add_argument("--seed", type=int, default=0, help="of all draws; 0")
    tune.add_argument("--text-column", help="where it is not called text")
    tune.add_argument("--label-column", help="where it is not called label")
    _fetching(tune)

    from .commands import cache, catalog, completion, health, mirrors, serving, sharing

    for module in (sharing, serving, catalog, cache, mirrors, health, completion):
        module.add(command)
    return parser


def _fetching(parser: Parser) -> None:
    parser.add_argument("--folder", metavar="FOLDER", help="a folder that holds the files")
    parser.add_argument(
        "--accept-licence",
        action="store_true",
        help="agree to a licence that restricts the use of the weights; see `isozoo info`",
    )
    parser.offline()


def _accept_licence(name: str) -> None:
    """Writes down that the user agrees to the licence of a preset."""
    from .hub import find_preset
    from .hub.licences import check_licence

    check_licence(find_preset(name), accepts=True)


def _list(arguments: Any) -> int:
    from .hub import list_presets

    presets = list_presets(arguments.family)
    if arguments.family and not presets:
        _check_family(arguments.family, list_presets())
    if arguments.json:
        print_json([_summary(preset) for preset in presets])
        return 0
    if arguments.names:
        print("\n".join(preset.name for preset in presets))
        return 0
    width = max((len(p.name) for p in presets), default=0)
    for preset in presets:
        print(
            f"{preset.name:{width}}  {preset.task:17}  {_millions(preset):>8}  {preset.description}"
        )
    return 0


def _check_family(name: str, presets: Any) -> None:
    """ValueError for a family that there is not; some that there are have no presets."""
    from .hub.errors import HubError
    from .hub.registry import get_family

    try:
        get_family(name)
    except HubError as error:
        families = sorted({preset.family for preset in presets})
        near = difflib.get_close_matches(name, families, n=3, cutoff=0.5) or families
        raise ValueError(f"there is no family {name!r}; there are: {', '.join(near)}") from error


def _summary(preset: Any) -> dict[str, Any]:
    names = ("name", "family", "task", "num_parameters", "license", "description")
    return {name: getattr(preset, name) for name in names}


def _millions(preset: Any) -> str:
    count = preset.num_parameters
    return f"{count / 1e6:.1f} M" if count else "?"


def _info(arguments: Any) -> int:
    from .hub import describe, find_preset

    described = describe(find_preset(arguments.name))
    if arguments.json:
        print_json(described)
        return 0
    print_tree(described)
    return 0


def _pull(arguments: Any) -> int:
    from .hub import fetch_preset

    local = fetch_preset(arguments.name, folder=arguments.folder, offline=arguments.offline)
    found = {
        "name": local.preset.name,
        "source": local.source,
        "pinned": local.pinned,
        "commit": local.commit,
        "files": {name: str(path) for name, path in local.paths.items()},
    }
    if arguments.json:
        print_json(found)
    else:
        print_tree(found)
    return 0


def _run(arguments: Any) -> int:
    from .commands.opening import task_of

    if bulk.is_bulk(arguments):
        errors = bulk.run_bulk(arguments, _progress)
        if arguments.json:
            print_json({"preset": arguments.name, "file": arguments.out, "errors": errors})
        elif errors:
            print(f"isozoo: {errors} lines have an error, see {arguments.out}", file=sys.stderr)
        return WRONG_CALL if errors else 0
    if arguments.input or arguments.name.endswith(".onnx"):
        from .commands.graphs import run_graph

        return run_graph(arguments)
    if not arguments.inputs:
        raise ValueError("give a text, or the path of a file; --input FILE.npy for a graph")
    model = task_of(arguments)
    adapter = model.command_line_adapter(model)
    options = run_options.chosen(arguments, adapter)
    plain = not (arguments.draw or arguments.csv or arguments.json or arguments.table)
    if plain and sys.stdout.isatty() and len(arguments.inputs) == 1:
        # On a terminal what is written is shown as it comes.
        pieces = adapter.pieces(arguments.inputs[0], **options)
        if pieces is not None:
            for piece in pieces:
                print(piece, end="", flush=True)
            print()
            return 0
    results = adapter.run_all(arguments.inputs, _progress, **options)
    if arguments.draw:
        adapter.draw_all(results, Path(arguments.draw))
    if arguments.csv:
        import csv

        with open(arguments.csv, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(adapter.table(results))
    if arguments.json:
        print_json({"preset": arguments.name, "backend": model.backend, "results": results})
    elif arguments.table:
        print("\n".join("\t".join(row) for row in adapter.table(results)))
    elif not arguments.csv:
        for result in results:
            if len(results) > 1:
                print(f"{result['input']}:")
            print(model.show(result))
    failed = [result for result in results if "error" in result]
    for result in failed:
        print(f"isozoo: {result['error']}", file=sys.stderr)
    return WRONG_CALL if failed else 0


def _progress(done: int, total: int) -> None:
    """Shows on a terminal how far several inputs are; nothing in a pipe."""
    if sys.stderr.isatty() and total > 1:
        filled = 30 * done // total
        bar = "█" * filled + "·" * (30 - filled)
        end = "\r\033[K" if done == total else ""
        print(f"\r{bar} {done}/{total}{end}", end="", file=sys.stderr, flush=True)


def _bench(arguments: Any) -> int:
    from .hub.benchmark import bench_preset
    from .hub.certificates import measured_on

    found = bench_preset(
        arguments.name,
        arguments.inputs or None,
        backends=arguments.backend,
        seconds=arguments.seconds,
        folder=arguments.folder,
        offline=arguments.offline,
    )
    if arguments.json:
        print_json({"preset": arguments.name, **found.to_dict(), **measured_on()})
    else:
        print(found.table())
    return 0 if found.fastest else NO


def _verify(arguments: Any) -> int:
    from .hub.certificates import (
        certificate,
        compare_certificate,
        published_certificate,
        write_certificate,
    )
    from .hub.parity import verify
    from .hub.signing import check_signature, is_signed

    if arguments.signed_by:
        check_signature(arguments.name, arguments.signed_by)
    elif is_signed(arguments.name):
        print(
            f"isozoo: {arguments.name} is signed; --signed-by KEY.pub checks that", file=sys.stderr
        )

    against = arguments.against
    if against == "":
        # Asked for first: the runs take long, and would be for nothing where there is none.
        against = str(published_certificate(arguments.name, offline=arguments.offline))

    def tell(run: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{arguments.name}: {run} …", end="", file=sys.stderr, flush=True)

    report = verify(
        arguments.name,
        backends=arguments.backend,
        inputs=arguments.inputs or None,
        precisions=arguments.precision or ("float32",),
        progress=tell,
        folder=arguments.folder,
        offline=arguments.offline,
    )
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    differences = []
    if against:
        differences = compare_certificate(report, against)
    if arguments.write:
        write_certificate(report, arguments.write)
    if arguments.json:
        told = [asdict(one) for one in differences]
        print_json(certificate(report) | ({"against": told} if against else {}))
    else:
        print(report.table(layers=arguments.layers))
        for one in differences:
            print(one)
        if against and not any(one.matters for one in differences):
            print(f"as {against} says")
    return 0 if report.ok and not any(one.matters for one in differences) else NO


def _finetune(arguments: Any) -> int:
    from .hub.finetuning import finetune, summary

    found = finetune(
        arguments.name,
        arguments.data,
        arguments.to,
        backend=arguments.backend,
        mode=arguments.mode,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        rank=arguments.rank,
        adapter_only=arguments.adapter_only,
        validation=arguments.validation,
        seed=arguments.seed,
        text_column=arguments.text_column,
        label_column=arguments.label_column,
        verbose=0 if arguments.json else "auto",
        folder=arguments.folder,
        offline=arguments.offline,
    )
    if arguments.json:
        print_json(
            {
                "classes": found.classes,
                "rows": {"train": found.rows[0], "validation": found.rows[1]},
                "history": found.history,
                "files": found.files,
            }
        )
        return 0
    print("\n".join(summary(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
