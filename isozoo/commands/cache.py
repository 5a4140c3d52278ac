"""cache: what lies in it, whether it is whole, and what may go."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from ..framework.files import readable_size
from .output import NO, print_json


def add(command: Callable[..., Any]) -> None:
    """Declares the commands of this module."""
    made = command("cache", None, "Look after the files that presets left on this machine.")
    made.command(
        "list",
        _list,
        "The files, the longest unused first, and which presets need them.",
        "isozoo cache list",
    )
    check = made.command(
        "verify",
        _verify,
        "Read every file again and compare it with its hash.",
        "isozoo cache verify --repair",
    )
    check.add_argument("--repair", action="store_true", help="remove what is damaged")
    prune = made.command(
        "prune",
        _prune,
        "Remove files that are not pinned, after asking.",
        "isozoo cache prune --older-than 90",
        "isozoo cache prune --unknown --yes",
    )
    prune.add_argument("--older-than", metavar="DAYS", type=float, help="unused for so long")
    prune.add_argument("--unknown", action="store_true", help="only what no preset needs")
    prune.add_argument("--yes", action="store_true", help="do not ask")
    kept = made.command(
        "pin", _pin, "Keep a preset's files, whatever is pruned.", "isozoo cache pin bert_base"
    )
    kept.add_argument("name", metavar="NAME", help="a preset")
    freed = made.command(
        "unpin", _unpin, "Let a preset's files be pruned again.", "isozoo cache unpin bert_base"
    )
    freed.add_argument("name", metavar="NAME", help="a preset")
    out = made.command(
        "export",
        _export,
        "Write files and locks to an archive for another machine.",
        "isozoo cache export models.tar bert_base",
    )
    out.add_argument("file", metavar="FILE", help="the archive, such as models.tar")
    out.add_argument("names", nargs="*", metavar="NAME", help="presets; all when none is named")
    read = made.command(
        "import",
        _import,
        "Read such an archive, each file checked.",
        "isozoo cache import models.tar",
    )
    read.add_argument("file", metavar="FILE", help="the archive")


def _rows(blobs: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "sha256": blob.sha256,
            "size": blob.size,
            "used": time.strftime("%Y-%m-%d %H:%M", time.localtime(blob.used)),
            "presets": blob.presets,
            "pinned": blob.pinned,
        }
        for blob in blobs
    ]


def _show(blobs: list[Any], as_json: bool) -> None:
    rows = _rows(blobs)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        users = ", ".join(row["presets"]) or "(no preset)"
        mark = " pinned" if row["pinned"] else ""
        print(
            f"{row['sha256'][:12]}  {readable_size(row['size']):>9}  {row['used']}  {users}{mark}"
        )
    print(f"{len(rows)} files, {readable_size(sum(row['size'] for row in rows))}")


def _list(arguments: Any) -> int:
    from ..hub.cache_keeping import list_blobs

    _show(list_blobs(), arguments.json)
    return 0


def _verify(arguments: Any) -> int:
    from ..hub.cache_keeping import list_blobs, verify_blobs

    damaged = verify_blobs(repair=arguments.repair)
    if arguments.json:
        print_json(_rows(damaged))
    else:
        for blob in damaged:
            done = "removed" if arguments.repair else "damaged: --repair removes it"
            print(f"{blob.path}: {done}")
        print(f"{len(list_blobs()) - (0 if arguments.repair else len(damaged))} files are whole")
    return NO if damaged and not arguments.repair else 0


def _prune(arguments: Any) -> int:
    from ..hub.cache_keeping import prunable, prune

    blobs = prunable(older_than=arguments.older_than, unknown=arguments.unknown)
    if not arguments.yes:
        _show(blobs, arguments.json)
        if not blobs:
            return 0
        if not sys.stdin.isatty():
            print("nothing was removed: say --yes where nobody can be asked", file=sys.stderr)
            return NO
        if input("Remove these files? [y/N] ").strip().lower() not in ("y", "yes"):
            return NO
    freed = prune(blobs)
    if arguments.json:
        print_json({"removed": _rows(blobs), "freed": freed})
    else:
        print(f"{len(blobs)} files were removed, {readable_size(freed)}")
    return 0


def _pin(arguments: Any) -> int:
    from ..hub.cache_keeping import pin

    held = pin(arguments.name)
    if arguments.json:
        print_json({"preset": arguments.name, "files": held})
    else:
        print(f"{arguments.name}: {len(held)} files are kept")
    return 0


def _unpin(arguments: Any) -> int:
    from ..hub.cache_keeping import unpin

    unpin(arguments.name)
    print_json({"preset": arguments.name}) if arguments.json else None
    return 0


def _export(arguments: Any) -> int:
    from ..hub.cache_keeping import export_cache

    _show(export_cache(arguments.file, arguments.names), arguments.json)
    return 0


def _import(arguments: Any) -> int:
    from ..hub.cache_keeping import import_cache

    new = import_cache(arguments.file)
    print_json({"new": new}) if arguments.json else print(f"{new} new files")
    return 0
