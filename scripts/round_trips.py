"""Converts a small model of each family and task to each layout and back, and compares the bits.

    python -m isozoo.scripts.round_trips

A model of random weights is written for transformers, converted to the layout, and back. The bytes
of every tensor, and the config's keys, must be the same. Layouts that can only be read, and dtypes
that a layout does not have, are named. timm's files are tried on whole networks, for they name one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .small_models import ARGUMENTS, KERASHUB, NAMED, small_model


class Trip(NamedTuple):
    """A family, a task and the layout that a model of it is converted to."""

    family: str
    task: str
    layout: str


# What a model can lose on the way: a GGUF file has no backbone without a head.
_ANOTHER_TASK = {"gguf": "causal_lm"}
# What KerasHub has of our tasks. OPT and RoBERTa do not come back bit for bit: its tables of places
# lack the rows of padding, and its RoBERTa has no segments, of which transformers' has one.
_OF_KERASHUB = {
    "bert": ("backbone", "text_classifier"),
    "distilbert": ("backbone", "text_classifier"),
    "llama": ("causal_lm",),
}
# Keys that a folder of ours has more of when the preprocessor is known.
_ADDED = {"image_preprocessing", "object_preprocessing"}


def trips() -> Iterator[Trip]:
    """Yields every family, task and layout that can be written."""
    from ..hub.errors import HubError
    from ..hub.registry import get_family
    from ..hub.saving import writable_layout

    for family in ARGUMENTS:
        described = get_family(family)
        for task in described.tasks:
            for layout in described.layouts:
                try:
                    writable_layout(described, layout)
                except HubError:
                    continue
                wanted = (_ANOTHER_TASK.get(layout, task),)
                if layout == "kerashub":
                    wanted = _OF_KERASHUB.get(family, ())
                if task in wanted:
                    yield Trip(family, task, layout)


def read_only() -> list[tuple[str, str]]:
    """Returns (family, layout) of what can only be read."""
    from ..hub.registry import get_family

    written = {(trip.family, trip.layout) for trip in trips()}
    written |= {("roberta", "kerashub"), ("opt", "kerashub")}
    pairs = [(family, layout) for family in ARGUMENTS for layout in get_family(family).layouts]
    return [pair for pair in pairs if pair not in written]


def names_networks(trip: Trip) -> bool:
    """Whether files of the layout name whole networks, of which none is small."""
    return trip.layout == "timm" or (trip.family, trip.layout) == ("published", "torchvision")


def tried(trip: Trip, folder: Path) -> str:
    """Converts there and back in an empty folder; returns what differs, "" for nothing."""
    from ..hub import convert
    from ..hub.saving import save_to_preset

    more = KERASHUB.get(trip.family, {}) if trip.layout == "kerashub" else {}
    model = small_model(trip.family, trip.task, named=names_networks(trip), **more)
    before, there, after = folder / "before", folder / "there", folder / "after"
    save_to_preset(model, before)
    _add_vocabulary(trip.family, before)
    dtype = "float32" if trip.layout == "gguf" else None  # it would be float16
    convert(before, there, trip.layout, task=trip.task, dtype=dtype)
    # A file with all networks has no config beside it: its tensors tell what it is.
    source = there / "model.safetensors" if trip.layout == "single" else there
    convert(source, after, "huggingface", task=trip.task)
    return compared(before, after)


def _add_vocabulary(family: str, folder: Path) -> None:
    """Writes the files of a tokenizer, without which tasks on texts are not read."""
    if family in ("bert", "distilbert"):
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrs"]
        (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    elif family == "roberta":
        words = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefghijklmnopqr", "ab", "<mask>"]
        ids = {word: at for at, word in enumerate(words)}
        (folder / "vocab.json").write_text(json.dumps(ids))
        (folder / "merges.txt").write_text("a b\n")


def compared(before: Path, after: Path) -> str:
    """Returns what differs between two folders of transformers' layout, or of diffusers'."""
    from ..hub import open_reader

    for path in sorted(before.rglob("*.safetensors")):
        name = path.relative_to(before)
        with open_reader(path) as one, open_reader(after / name) as other:
            if set(one) != set(other):
                return f"other tensors in {name}: {sorted(set(one) ^ set(other))[:4]}"
            for key in one:
                left, right = one.read(key), other.read(key)
                if left.dtype != right.dtype or left.tobytes() != right.tobytes():
                    return f"{key} differs"
    for path in (*before.rglob("*config.json"), *before.glob("model_index.json")):
        name = path.relative_to(before)
        first, second = (json.loads((folder / name).read_text()) for folder in (before, after))
        lost = [key for key in first if first[key] != second.get(key, first[key])]
        more = [key for key in second if key not in first and key not in _ADDED]
        if lost or more:
            return f"{name} differs in {lost + more}"
    return ""


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", help="one family")
    arguments = parser.parse_args(argv)
    failed = 0
    print(f"{'family':<20}{'task':<20}{'layout':<14}there and back")
    for trip in trips():
        if arguments.only not in (None, trip.family):
            continue
        if trip.layout == "timm" and trip.family not in NAMED:
            continue
        with tempfile.TemporaryDirectory() as folder:
            wrong = tried(trip, Path(folder))
        failed += bool(wrong)
        print(f"{trip.family:<20}{trip.task:<20}{trip.layout:<14}{wrong or 'equal bit for bit'}")
    for family, layout in read_only():
        print(f"{family:<20}{'':<20}{layout:<14}can only be read")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
