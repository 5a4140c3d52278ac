"""Kills a training run with SIGKILL at random moments, starts it again, and compares its end.

    python -m isozoo.scripts.kill_training --backend torch --kills 20

The run is `fit` with dropout, batch normalization, a schedule, metrics and BackupAndRestore. It is
taken once without a disturbance; then the same command is started, killed and started again until
it has been killed so often. One kill of five falls into the start, before the first step is done;
the others fall between the first step and the last, wherever compiling has ended. Each run that
comes to its end must have the weights, the state of the optimizer and the history of the
undisturbed one, bit for bit; the exit status is 1 where one has not.

A run that begins anew would end like that too, and so would one that is killed before each first
step. So the starts that went on from a backup are counted, and the steps at which kills fell: where
either are few, the exit status is 1 as well.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..framework import layers, models, optimizers
from ..framework.config import use_backend
from ..framework.training import callbacks
from ..framework.utils import set_random_seed

BACKENDS = ("jax", "torch", "tensorflow")
ROWS, BATCH, SHARE = 1600, 8, 0.1
STEPS = int(ROWS * (1 - SHARE)) // BATCH


def train(backend: str, folder: Path, epochs: int) -> None:
    """Trains, saving a backup every 7 steps to `folder`, and writes what came of it beside it.

    Args:
        backend: of the model.
        folder: of the backup.
        epochs: of STEPS steps.
    """
    draws = np.random.default_rng(0)
    x = draws.standard_normal((ROWS, 6)).astype("float32")
    y = np.tanh(x.sum(-1, keepdims=True))
    set_random_seed(4)
    with use_backend(backend):
        model = models.Sequential(
            [
                layers.Dense(16, activation="relu"),
                layers.Dropout(0.3),
                layers.BatchNormalization(),
                layers.Dense(1),
            ]
        )
    schedule = optimizers.schedules.CosineDecay(0.01, epochs * STEPS)
    model.compile(optimizers.Adam(schedule), "mse", metrics=["mae"])
    epoch = [0]
    # Each step leaves its number, so that it is known where a kill fell.
    told = callbacks.LambdaCallback(
        on_epoch_begin=lambda number, logs: epoch.__setitem__(0, number),
        on_train_batch_end=lambda batch, logs: print(epoch[0] * STEPS + batch, flush=True),
    )
    history = model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=epochs,
        validation_split=SHARE,
        verbose=0,
        callbacks=[told, callbacks.BackupAndRestore(str(folder), save_freq=7)],
    )
    arrays = {v.path: v.numpy() for v in (*model.variables, *model.optimizer.variables)}
    arrays |= {f"history/{name}": np.array(h) for name, h in history.history.items()}
    np.savez(folder.with_suffix(".npz"), **arrays)


class Run:
    """One start of the command, its output in a file."""

    def __init__(self, backend: str, folder: Path, epochs: int) -> None:
        self.output = folder.with_suffix(".txt")
        command = [sys.executable, "-m", "isozoo.scripts.kill_training", "--child", str(folder)]
        command += ["--backend", backend, "--epochs", str(epochs)]
        self.start = time.monotonic()
        with self.output.open("w") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)

    def lines(self) -> list[str]:
        """Returns what it has said so far."""
        return self.output.read_text().split()

    def wait(self, seconds: float, until_begun: bool = False) -> bool:
        """Waits so long, or until a step is done; returns whether the process has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if until_begun and self.lines():
                return False
            time.sleep(0.005)
        return self.process.poll() is not None

    def kill(self) -> None:
        """Ends it at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def same(found: Path, expected: Path) -> list[str]:
    """Returns the names of the arrays that differ."""
    with np.load(found) as one, np.load(expected) as other:
        names = sorted({*one.files, *other.files})
        return [
            name
            for name in names
            if name not in one.files
            or name not in other.files
            or one[name].tobytes() != other[name].tobytes()
        ]


def tried(backend: str, kills: int, epochs: int, scratch: Path) -> bool:
    """Tries one backend; returns whether all runs had the undisturbed one's end.

    Args:
        backend: of the model.
        kills: how often a run is killed.
        epochs: of the run.
        scratch: folder for files.
    """
    whole = Run(backend, scratch / f"{backend}_whole", epochs)
    whole.wait(600, until_begun=True)
    startup = time.monotonic() - whole.start
    if not whole.wait(1800) or whole.process.returncode:
        raise RuntimeError(f"The undisturbed run on {backend} failed: {whole.lines()[-3:]}")
    length = time.monotonic() - whole.start - startup
    draws = random.Random(0)
    done = before = finished = writing = resumed = 0
    different: list[str] = []
    places = []
    folder = scratch / f"{backend}_{finished}"
    while done < kills or not finished or folder.exists():
        run = Run(backend, folder, epochs)
        early = done % 5 == 4
        if done >= kills:
            ended = run.wait(1800)
        elif early:
            ended = run.wait(draws.uniform(0, startup))
        else:
            run.wait(600, until_begun=True)
            ended = run.wait(draws.uniform(0, length / 4))  # so that a run is killed often
        if not ended:
            run.kill()
        lines = run.lines()
        resumed += bool(lines) and int(lines[0]) > 0
        if not ended:
            done += 1
            before += not lines
            writing += any(folder.glob(".*.tmp"))
            places += lines[-1:]
            continue
        if run.process.returncode:
            raise RuntimeError(f"A run on {backend} failed after {done} kills.")
        different += same(folder.with_suffix(".npz"), whole.output.with_suffix(".npz"))
        finished += 1
        folder = scratch / f"{backend}_{finished}"
    apart = len(set(places))
    shown = 2 * apart >= len(places) > 0 and 2 * resumed >= len(places)
    said = "equal bit for bit" if not different else f"different: {different[:5]}"
    said += "" if shown else "; NOTHING SHOWN: too few steps or resumptions, take more --epochs"
    counts = (done, before, len(places), apart, writing, resumed, finished)
    print(f"{backend:<12}" + "".join(f"{count:>9}" for count in counts) + f"   {said}", flush=True)
    return shown and not different


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 where a run ended otherwise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="only these")
    parser.add_argument("--kills", type=int, default=20, help="kills on each backend")
    parser.add_argument("--epochs", type=int, default=16, help="of 180 steps each")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        train(options.backend[0], options.child, options.epochs)
        return 0
    heads = ("killed", "at start", "stepping", "apart", "writing", "resumed", "finished")
    print(f"{'backend':<12}" + "".join(f"{head:>9}" for head in heads), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        found: list[Any] = [
            tried(backend, options.kills, options.epochs, Path(scratch))
            for backend in options.backend or BACKENDS
        ]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
