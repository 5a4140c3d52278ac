"""Accuracy of a fine-tuned sentence classifier on each backend, on real reviews.

    pip download --no-deps --no-binary :all: vaderSentiment==0.5
    python -m isozoo.scripts.measure_finetuning vaderSentiment-0.5.zip

The data: snippets of film reviews with mean human scores from -4 to 4 (MIT), in the source archive
of vaderSentiment 0.5. Those with a score of at least 1 or at most -1 are shuffled by seed 0; 3,000
train and 1,000 test. A frozen all-MiniLM-L6-v2 with logistic regression reaches 0.794.
"""

import argparse
import hashlib
import io
import json
import random
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from ..framework.config import available_backends
from ..hub import load_preset
from ..hub.finetuning import MODES, finetune
from ..hub.labelled import Labelled

_SHA256 = "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a"
_INNER = "hutto_ICWSM_2014.tar.gz"
_TABLE = "movieReviewSnippets_GroundTruth.txt"


def read_snippets(archive: Path) -> list[tuple[str, str]]:
    """Returns pairs (text, "positive" or "negative") of the archive's snippets, shuffled.

    Raises:
        ValueError: another archive.
    """
    content = archive.read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise ValueError(f"{archive} is not the source archive of vaderSentiment 0.5 ({_SHA256}).")
    outer = zipfile.ZipFile(io.BytesIO(content))
    inner = outer.read(next(n for n in outer.namelist() if n.endswith(_INNER)))
    with tarfile.open(fileobj=io.BytesIO(inner)) as table:
        member = next(m for m in table if Path(m.name).name == _TABLE)
        lines = (table.extractfile(member) or io.BytesIO()).read().decode("latin-1").splitlines()
    rows = [line.split("\t") for line in lines if line.strip()]
    scored = [(row[2].strip(), float(row[1])) for row in rows]
    found = [(text, "positive" if x > 0 else "negative") for text, x in scored if abs(x) >= 1]
    random.Random(0).shuffle(found)
    return found


def accuracy(backend: str, mode: str, rows: list[tuple[str, str]], epochs: int) -> dict[str, float]:
    """Returns the test accuracy after fine-tuning on the first 3,000 rows, and the seconds."""
    train, test = rows[:3000], rows[3000:4000]
    with tempfile.TemporaryDirectory() as folder:
        data = Labelled("texts", [text for text, _ in train], [label for _, label in train])
        start = time.perf_counter()
        finetune(
            *("all_minilm_l6_v2", data, folder),
            backend=backend,
            mode=mode,
            epochs=epochs,
            validation=0.0,
        )
        seconds = time.perf_counter() - start
        model = load_preset(folder, backend=backend)
        found = model.classify([text for text, _ in test], top=1)
    right = sum(best[0].label == label for best, (_, label) in zip(found, test, strict=True))
    return {"accuracy": right / len(test), "seconds": round(seconds)}


def main(argv: list[str] | None = None) -> int:
    """Print one line of JSON for each backend and mode."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("archive", type=Path)
    names = [name for name in available_backends() if name != "numpy"]
    parser.add_argument("--backend", action="append", choices=names)
    parser.add_argument("--mode", action="append", choices=list(MODES))
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args(argv)
    rows = read_snippets(arguments.archive)
    for backend in arguments.backend or names:
        for mode in arguments.mode or ["lora", "full"]:
            found = accuracy(backend, mode, rows, arguments.epochs)
            print(json.dumps({"backend": backend, "mode": mode, **found}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
