"""catalog: the presets as pages to look around in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..framework.files import readable_size
from .output import print_json, show

_DEFAULT = "site"


def add(command: Callable[..., Any]) -> None:
    """Declares the commands of this module."""
    made = command(
        "catalog",
        None,
        "Make a folder of pages that show the presets, or open it in a browser.",
    )
    build = made.command(
        "build",
        _build,
        "Write static pages: an index that is searched in the browser, a page for each preset.",
        "isozoo catalog build --out site",
        "isozoo catalog build --out site --add my_model --measured measured",
    )
    build.add_argument("--out", metavar="FOLDER", default=_DEFAULT, help="site if absent")
    build.add_argument(
        "--add",
        metavar="NAME",
        action="append",
        default=[],
        help="a folder or hf://org/name that is shown too; may be given repeatedly",
    )
    build.add_argument("--only-added", action="store_true", help="leave the registered presets out")
    build.add_argument(
        "--measured",
        metavar="FOLDER",
        help="holds NAME.parity.json (`isozoo verify NAME --write`) and NAME.bench.json "
        "(`isozoo bench NAME --json`)",
    )
    serve = made.command(
        "serve",
        _serve,
        "Offer such a folder to a browser on this machine, and open it.",
        "isozoo catalog serve site",
    )
    serve.add_argument(
        "folder", metavar="FOLDER", nargs="?", default=_DEFAULT, help="site if absent"
    )
    serve.add_argument("--host", default="127.0.0.1", help="this machine alone, unless told")
    serve.add_argument("--port", type=int, default=0, help="a free one if absent")
    serve.add_argument("--no-browser", action="store_true", help="open no browser")


def _build(arguments: Any) -> int:
    from ..hub.catalog import build

    made = build(
        arguments.out,
        add=arguments.add,
        measured=arguments.measured,
        registered=not arguments.only_added,
    )
    total = sum(made.files.values())
    found: dict[str, Any] = {"path": str(made.path), "presets": made.presets}
    if arguments.json:
        print_json({**found, "files": made.files, "bytes": total})
    else:
        show({**found, "files": f"{len(made.files)}, {readable_size(total)}"}, False)
    return 0


def _serve(arguments: Any) -> int:
    from ..hub.catalog.serving import CatalogueServer

    server = CatalogueServer(arguments.folder, arguments.host, arguments.port)
    if arguments.json:
        print_json({"url": server.url})
    else:
        print(f"{server.url} (Ctrl-C stops)", flush=True)
    if not arguments.no_browser and sys.stdout.isatty():
        import webbrowser

        webbrowser.open(server.url)
    server.serve()
    return 0
