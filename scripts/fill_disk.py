"""Runs the hub's commands on a disk without room, and on one without inodes.

    sudo python -m isozoo.scripts.fill_disk

A small tmpfs is mounted for the cache and for what is made; Linux and the right to mount are needed
(`unshare -rm python -m …` gives it, too). Each command must end with an error that says what is
wrong, leave nothing that is not whole under its final name and no temporary file, and work when
there is room.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .kill_hub import NAME, Place, hashes, run, start_server

FULL = {"no room": "size=16k,nr_inodes=1k", "no inodes": "size=64m,nr_inodes=4"}
_ROOM = "size=64m,nr_inodes=10k"


def tried(name: str, arguments: list[str], disk: Path, log: Path, options: str) -> list[str]:
    """Runs a command on a full disk, and then on one with room; returns what was wrong."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(disk)], check=True)
    try:
        code = run(arguments, log)
        said, wrong = log.read_text(), []
        if code not in (2, 3) or "Traceback" in said:
            wrong.append(f"it ended with {code}: {said[-300:]}")
        if not any(words in said for words in ("disk is full", "No space left")):
            wrong.append(f"it does not say that there is no room: {said[-300:]}")
        wrong += Place(disk).wrong()
        left = [path for path in hashes(disk) if "/." in f"/{path}" or path.endswith(".tmp")]
        wrong += [f"{path} is left" for path in left]
        subprocess.run(["mount", "-o", f"remount,{_ROOM}", str(disk)], check=True)
        if (code := run(arguments, log)) != 0:
            wrong.append(f"with room it ended with {code}: {log.read_text()[-300:]}")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    return wrong


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.parse_args(argv)
    from ..hub.saving import save_to_preset
    from .small_models import small_model

    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        disk, model, log = Path(scratch, "disk"), Path(scratch, "model"), Path(scratch, "log")
        disk.mkdir()
        save_to_preset(small_model("efficientnet_lite"), model)
        server, url = start_server({path.name: path.read_bytes() for path in model.iterdir()})
        os.environ |= {
            "HF_ENDPOINT": url,
            "HF_HOME": str(Path(scratch, "hf")),
            "ISOZOO_CACHE": str(disk / "cache"),
        }
        archive = Path(scratch, "cache.tar")
        try:
            os.environ["ISOZOO_CACHE"] = str(Path(scratch, "filled"))
            run(["pull", f"hf://{NAME}"], log)
            run(["cache", "export", str(archive)], log)
            os.environ["ISOZOO_CACHE"] = str(disk / "cache")
            commands = {
                "pull": ["pull", f"hf://{NAME}"],
                "convert": ["convert", str(model), "--out", str(disk / "out")],
                "cache import": ["cache", "import", str(archive)],
            }
            print(f"{'command':<14}{'disk':<12}{'wrong':>6}")
            for name, arguments in commands.items():
                for what, options in FULL.items():
                    wrong = tried(name, arguments, disk, log, options)
                    print(f"{name:<14}{what:<12}{len(wrong):>6}", flush=True)
                    print("".join(f"  {one}\n" for one in wrong), end="")
                    failed |= bool(wrong)
        finally:
            os.kill(server, 15)
            os.waitpid(server, 0)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
