"""Kills the hub's commands with SIGKILL at random moments, and looks at what they leave behind.

    python -m isozoo.scripts.kill_hub --kills 50

`pull`, `convert`, `publish` and `cache prune` run against a server on 127.0.0.1. Each is run once
undisturbed, which tells how long it takes; then it is killed at a random moment, of which one in
five lies before its first write. After each kill nothing may have a final name that is not whole,
every lock can be read, nothing lies outside of the cache and of the folder that was to be made, and
the same command, run again, must end with the files of the undisturbed run and leave no temporary
folder; then `cache verify` and `cache list` must end well. The exit status is 1 where anything is
otherwise, and where no kill fell while a file was being written or removed (`midway`, which of
`publish` the server alone would see).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

NAME = "org/model"
_STEP, _PAUSE = 1 << 16, 0.002
_BLOBS = 3000  # for `cache prune`


def start_server(files: dict[str, bytes]) -> tuple[int, str]:
    """Forks a process that serves a repository, and takes publications; returns (id, address)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        from .loopback.reading import Fault
        from .loopback.writing import WritableHub

        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # of clients that are gone
        hub = WritableHub()
        hub.add(NAME, files)
        for name in files:
            hub.faults[name] = Fault(drip=(_STEP, _PAUSE))
        os.write(writing, f"{hub.url}\n".encode())
        signal.pause()
    return child, os.read(reading, 200).decode().strip()


def run(arguments: list[str], log: Path, kill_after: float | None = None) -> int | None:
    """Runs a command of isozoo in a process of its own, which is killed after some seconds.

    The process is a fork of this one, which has imported everything, so that a kill falls into the
    work. Returns the exit code; None where it was killed.
    """
    child = os.fork()
    if child == 0:
        code = 99
        try:
            handle = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            (command,) = entry_points(group="console_scripts", name="isozoo")
            code = command.load()(arguments)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 98
        finally:
            sys.stdout.flush()
            os._exit(code)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def hashes(folder: Path) -> dict[str, str]:
    """Returns name -> sha256 of the files in a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@dataclass
class Place:
    """The folders of a trial: the cache, the models, and what a command makes."""

    root: Path
    model: Path = field(init=False)
    cache: Path = field(init=False)
    out: Path = field(init=False)

    def __post_init__(self) -> None:
        self.cache, self.out = self.root / "cache", self.root / "out"
        self.model = self.root / "model"

    def wrong(self) -> list[str]:
        """Returns what is not as it must be, whatever was killed."""
        from ..hub.cache import Cache
        from ..hub.cache_keeping import list_blobs, verify_blobs
        from ..hub.lock import Lock

        cache, found = Cache(self.cache), []
        found += [f"blob {blob.sha256[:8]} is not whole" for blob in verify_blobs(cache)]
        for path in (self.cache / "lock").glob("*.json"):
            Lock(cache, path.stem).read()
        list_blobs(cache)
        for path in self.root.iterdir():
            known = path.name in ("cache", "out", "model", "log", "hf")
            if not known and not (path.name.startswith(".out.") and path.name.endswith(".tmp")):
                found.append(f"{path.name} lies outside")
        return found

    def blobs(self) -> list[Path]:
        """What lies among the blobs of the cache, temporary files too."""
        folder = self.cache / "blobs" / "sha256"
        return list(folder.iterdir()) if folder.is_dir() else []

    def midway(self) -> bool:
        """Whether something was being written, or removed."""
        temporary = [path for path in self.blobs() if path.name.startswith(".incoming-")]
        return bool([*self.root.glob(".out.*"), *temporary]) or 0 < len(self.blobs()) < _BLOBS


class Trial:
    """One command: how its place is made anew, what it is called with, and what it must give."""

    def __init__(
        self,
        place: Place,
        reset: Callable[[Place, int], None],
        arguments: list[str],
        result: Callable[[Place], Any],
    ) -> None:
        self.place, self.reset, self.arguments, self.result = place, reset, arguments, result


def _no_files(place: Place, number: int) -> None:
    shutil.rmtree(place.cache, ignore_errors=True)
    shutil.rmtree(place.out, ignore_errors=True)
    for left in place.root.glob(".out.*"):
        shutil.rmtree(left)


def _full_cache(place: Place, number: int) -> None:
    _no_files(place, number)
    folder = place.cache / "blobs" / "sha256"
    folder.mkdir(parents=True)
    for index in range(_BLOBS):
        content = f"{number} {index}".encode()
        (folder / hashlib.sha256(content).hexdigest()).write_bytes(content)


def _other_weights(place: Place, number: int) -> None:
    from ..hub.saving import save_to_preset
    from .small_models import small_model

    shutil.rmtree(place.model)
    save_to_preset(small_model("bert", seed=number), place.model)


def _blobs(place: Place) -> list[str]:
    return sorted(path.name for path in place.blobs() if not path.name.startswith("."))


def _published(place: Place) -> Any:
    from ..hub.download import HubRepository
    from ..hub.preset import HuggingFace

    _, files = HubRepository(HuggingFace("org/sent")).listing("main")
    sent = files["model.safetensors"].sha256
    there = hashlib.sha256((place.model / "model.safetensors").read_bytes()).hexdigest()
    return sorted(files) if sent == there else f"another file of weights: {sent}"


def trials(root: Path) -> dict[str, Trial]:
    """Returns the commands by their names, each with a place of its own."""
    from ..hub.saving import save_to_preset
    from .small_models import small_model

    places = {name: Place(root / name) for name in ("pull", "convert", "publish", "prune")}
    for place in places.values():
        place.root.mkdir(parents=True)
    save_to_preset(small_model("efficientnet_lite"), places["convert"].model)
    save_to_preset(small_model("bert"), places["publish"].model)
    sending = ["publish", str(places["publish"].model), "hf://org/sent", "--license", "mit"]
    making = [str(places["convert"].model), "--out", str(places["convert"].out)]
    return {
        "pull": Trial(
            places["pull"],
            _no_files,
            ["pull", f"hf://{NAME}"],
            _blobs,
        ),
        "convert": Trial(
            places["convert"],
            _no_files,
            ["convert", *making, "--max-shard-size", "20kB", "--dtype", "float16"],
            lambda place: hashes(place.out),
        ),
        "publish": Trial(places["publish"], _other_weights, sending, _published),
        "prune": Trial(
            places["prune"],
            _full_cache,
            ["cache", "prune", "--yes"],
            _blobs,
        ),
    }


def kill(name: str, trial: Trial, kills: int, draws: random.Random) -> tuple[list[Any], list[str]]:
    """Kills a command so often; returns the row of the table, and what was wrong."""
    place, wrong = trial.place, []
    log = place.root / "log"
    os.environ["ISOZOO_CACHE"] = str(place.cache)

    def must(what: str, arguments: list[str]) -> None:
        if (code := run(arguments, log)) != 0:
            wrong.append(f"{what} ended with {code}: {log.read_text()[-300:]}")

    lengths, whole = [], None
    for number in range(3):
        trial.reset(place, number)
        begun = time.monotonic()
        must("the undisturbed run", trial.arguments)
        lengths.append(time.monotonic() - begun)
        whole = trial.result(place)
    counts = {"killed": 0, "ended": 0, "midway": 0}
    while counts["killed"] < kills and not wrong:
        trial.reset(place, 3 + counts["killed"] + counts["ended"])
        length = sorted(lengths)[1]
        after = draws.uniform(0, length * (0.2 if counts["killed"] % 5 == 4 else 1.0))
        killed = run(trial.arguments, log, after) is None
        counts["killed" if killed else "ended"] += 1
        counts["midway"] += killed and place.midway()
        told = f"killed after {after:.3f} s: "
        wrong += [told + one for one in place.wrong()]
        if not place.out.exists():  # else it was made before the kill, and is compared below
            must(told + "again", trial.arguments)
        found = trial.result(place)
        if found != whole:
            wrong.append(f"{told}the result is {str(found)[:200]}, not {str(whole)[:200]}")
        if list(place.root.glob(".out.*")):
            wrong.append(f"{told}a temporary folder stays")
        if counts["killed"] % 10 == 0:
            must("cache verify", ["cache", "verify"])
            must("cache list", ["cache", "list"])
    row = [name, counts["killed"], counts["ended"], counts["midway"], f"{sorted(lengths)[1]:.2f} s"]
    return row, wrong


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 where anything was not as it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="pull, convert, publish or prune")
    arguments = parser.parse_args(argv)
    draws = random.Random(arguments.seed)
    content = draws.randbytes(1 << 20)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        from ..hub.saving import save_to_preset
        from .small_models import small_model

        served = Path(scratch, "served")
        save_to_preset(small_model("efficientnet_lite"), served)
        files = {path.name: path.read_bytes() for path in served.iterdir()}
        server, url = start_server({**files, "notes.bin": content})
        try:
            os.environ |= {
                "HF_ENDPOINT": url,
                "HF_TOKEN": "hf_for_this_test_alone",
                "HF_HUB_DISABLE_XET": "1",
                "HF_HOME": str(Path(scratch, "hf")),
            }
            heads = ("command", "killed", "had ended", "midway", "takes", "wrong")
            print("".join(f"{head:>11}" for head in heads), flush=True)
            for name, trial in trials(Path(scratch, "trials")).items():
                if arguments.only and name not in arguments.only:
                    continue
                row, wrong = kill(name, trial, arguments.kills, draws)
                print("".join(f"{cell:>11}" for cell in (*row, len(wrong))), flush=True)
                for one in wrong:
                    print(f"  {one}")
                failed |= bool(wrong) or (name != "publish" and not row[3])
        finally:
            os.kill(server, signal.SIGTERM)
            os.waitpid(server, 0)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
