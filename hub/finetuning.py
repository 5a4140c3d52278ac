"""Fine-tuning of a preset on a user's labelled data, and the preset that comes of it."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .errors import HubError
from .weight_map import Template

# What is trained, and the learning rate that goes with it unless the user names one.
MODES = {"full": 5e-5, "lora": 1e-3, "head": 1e-3}
_IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
_TEXT_NAMES = ("text", "sentence", "review", "content")
_LABEL_NAMES = ("label", "class", "category", "target", "sentiment")
_MAX_CLASSES = 10_000


class DataError(ValueError):
    """Labelled data that cannot be used; the message says where, and what is expected."""


@dataclass
class Labelled:
    """Examples with the names of their classes.

    Attributes:
        kind: "texts" or "images".
        inputs: texts, or paths of images.
        labels: the name of each example's class.
        classes: the names of all classes, sorted.
    """

    kind: str
    inputs: list[str]
    labels: list[str]
    classes: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.classes = sorted(set(self.labels))

    def numbers(self) -> np.ndarray:
        """Returns the number of each example's class, int32 (n,)."""
        at = {name: number for number, name in enumerate(self.classes)}
        return np.array([at[name] for name in self.labels], np.int32)


def read_labelled(
    path: str | os.PathLike[str], text_column: str | None = None, label_column: str | None = None
) -> Labelled:
    """Reads labelled examples: a CSV or TSV file of texts, or a folder of class folders of images.

    Args:
        path: a file whose name ends in `.csv` or `.tsv` and whose first line names the columns, or
            a folder that holds a folder of images for each class.
        text_column: the column of texts; "text", "sentence", "review" or "content" if None.
        label_column: the column of classes; "label", "class", "category", "target" or "sentiment"
            if None.

    Raises:
        DataError: no such file, no such column, a row without a text or a class, fewer than two
            classes, a folder without images.
    """
    path = Path(path)
    if path.is_dir():
        found = _folder(path)
    elif path.is_file() and path.suffix.lower() in (".csv", ".tsv"):
        found = _table(path, text_column, label_column)
    elif path.is_file():
        raise DataError(f"{path}: expected a .csv or .tsv file, or a folder of class folders.")
    else:
        raise DataError(f"{path}: there is no such file or folder.")
    if len(found.classes) < 2:
        raise DataError(f"{path}: at least two classes are needed; it has {found.classes}.")
    if len(found.classes) > _MAX_CLASSES:
        raise DataError(
            f"{path}: {len(found.classes)} different classes in {len(found.labels)} rows; is "
            "the label column that of the classes? Name it with --label-column."
        )
    return found


def _table(path: Path, text_column: str | None, label_column: str | None) -> Labelled:
    dialect = "excel-tab" if path.suffix.lower() == ".tsv" else "excel"
    texts, labels = [], []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, dialect=dialect, strict=True)
            names = list(rows.fieldnames or ())
            text = _column(path, names, text_column, _TEXT_NAMES, "text")
            label = _column(path, names, label_column, _LABEL_NAMES, "label")
            for row in rows:
                if not row[text] or not row[label]:
                    raise DataError(
                        f"{path}, line {rows.line_num}: a text and a label are needed; got "
                        f"{row[text]!r} and {row[label]!r}."
                    )
                texts.append(row[text])
                labels.append(row[label].strip())
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: it cannot be read as a table in UTF-8: {error}") from error
    if not texts:
        raise DataError(f"{path}: there is no row below the names of the columns.")
    return Labelled("texts", texts, labels)


def _column(
    path: Path, names: list[str], asked: str | None, usual: Sequence[str], what: str
) -> str:
    if asked is not None:
        if asked in names:
            return asked
        raise DataError(f"{path}: there is no column {asked!r}; its columns are {names}.")
    found = [name for name in names if name.strip().lower() in usual]
    if len(found) == 1:
        return found[0]
    raise DataError(
        f"{path}: which column holds each row's {what}? Its first line names {names}; one of "
        f"{', '.join(usual)} is expected, or say it with --{what}-column."
    )


def _folder(path: Path) -> Labelled:
    inputs, labels = [], []
    for folder in sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")):
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _IMAGES)
        inputs += [str(file) for file in files]
        labels += [folder.name] * len(files)
    if not inputs:
        raise DataError(
            f"{path}: no images were found. A folder for each class is expected, with images in "
            f"it ({', '.join(sorted(_IMAGES))})."
        )
    return Labelled("images", inputs, labels)


def split(
    data: Labelled, fraction: float, seed: int
) -> tuple[tuple[list[str], np.ndarray], tuple[list[str], np.ndarray]]:
    """Returns (inputs, class numbers) to train on and to validate with, drawn class by class.

    Args:
        data: the examples.
        fraction: the share of each class, rounded, that is for validation.
        seed: of the draw.

    Raises:
        DataError: `fraction` is not in [0, 1).
    """
    if not 0 <= fraction < 1:
        raise DataError(f"The share for validation must lie in [0, 1); got {fraction}.")
    numbers = data.numbers()
    order = np.random.default_rng(seed).permutation(len(numbers))
    held: list[int] = []
    for number in range(len(data.classes)):
        rows = order[numbers[order] == number]
        held += rows[: round(fraction * len(rows))].tolist()
    out = set(held)
    train = [int(i) for i in order if int(i) not in out]
    parts = [([data.inputs[i] for i in rows], numbers[rows]) for rows in (train, held)]
    return parts[0], parts[1]


@dataclass
class Finetuned:
    """What came of a fine-tuning.

    Attributes:
        model: the trained model.
        history: metric -> its value after each epoch.
        files: what was written.
        classes: the names of the classes.
        rows: how many examples were trained on, and how many validated with.
    """

    model: Any
    history: Mapping[str, list[float]]
    files: list[Path]
    classes: list[str]
    rows: tuple[int, int]


def finetune(
    name: Any,
    data: str | os.PathLike[str] | Labelled,
    to: str | os.PathLike[str],
    *,
    backend: str | None = None,
    mode: str = "full",
    epochs: int = 3,
    batch_size: int = 32,
    learning_rate: float | None = None,
    rank: int = 8,
    validation: float = 0.1,
    seed: int = 0,
    text_column: str | None = None,
    label_column: str | None = None,
    adapter_only: bool = False,
    verbose: Any = "auto",
    **options: Any,
) -> Finetuned:
    """Trains a classifier from a preset on labelled data, and writes it as a preset.

    Texts make a text classifier, images an image classifier, with a new head for the data's
    classes. The learning rate rises over the first tenth of the steps and falls to zero by a
    cosine. Texts that are longer than the model takes are cut.

    Args:
        name: a preset; see `isozoo.from_preset`.
        data: a file or folder, see `read_labelled`; or what it returns.
        to: the folder that is written, which `from_preset` takes; it is made where there is none.
        backend: where the training runs; the current backend if None.
        mode: "full" trains all weights, "lora" low-rank adapters and the head, "head" the head.
            Adapters stand on dense kernels, or where only the head is dense on convolutions.
        epochs: how often each example is seen.
        batch_size: examples of a step.
        learning_rate: the highest; 5e-5 for "full", 1e-3 for the others, if None.
        rank: of the adapters.
        validation: the share of each class that is held out and evaluated after each epoch.
        seed: of the head, the draws of dropout and the order of examples.
        text_column: see `read_labelled`.
        label_column: see `read_labelled`.
        adapter_only: whether, with "lora", the adapter alone is written, as a small preset that
            names its base by hash; else the merged model is written, with the adapter beside it.
        verbose: see `Model.fit`.
        **options: see `isozoo.from_preset`.

    Raises:
        DataError: the data cannot be used.
        HubError: the preset cannot be had, or makes no such classifier.
        ValueError: an unknown mode, or a number out of its range.
    """
    from ..framework import lora, optimizers
    from ..framework.losses import SparseCategoricalCrossentropy
    from ..framework.utils import set_random_seed
    from .loading import load_preset

    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}; got {mode!r}.")
    if adapter_only and mode != "lora":
        raise ValueError(f"an adapter alone comes of mode='lora'; got {mode!r}.")
    for what, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{what} must be positive; got {value}.")
    if not isinstance(data, Labelled):
        data = read_labelled(data, text_column, label_column)
    (train_x, train_y), (test_x, test_y) = split(data, validation, seed)
    if not train_x:
        raise DataError("Nothing is left to train on: make the share for validation smaller.")
    set_random_seed(seed)
    task = "text_classifier" if data.kind == "texts" else "image_classifier"
    model = _classifier(load_preset, name, task, len(data.classes), backend, options)
    model.labels = data.classes
    if mode == "lora":
        lora.enable(model, rank, targets=_adaptable(model), train=_exactly(head_paths(model)))
    elif mode == "head":
        model.freeze_backbone()
    steps = epochs * -(-len(train_x) // batch_size)
    rate = optimizers.schedules.CosineDecay(
        0.0,
        max(steps - steps // 10, 1),
        warmup_target=learning_rate or MODES[mode],
        warmup_steps=max(steps // 10, 1),
    )
    model.compile(
        optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0),
        SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    source = _source(model, data.kind, train_x, train_y, batch_size)
    checks = _source(model, data.kind, test_x, test_y, batch_size) if test_x else None
    history = model.fit(source, epochs=epochs, validation_data=checks, verbose=verbose)
    files: list[Path] = []
    rows = len(train_x), len(test_x)
    if adapter_only:
        from .lora_presets import save_adapter

        files = save_adapter(model, to, str(name), offline=options.get("offline"))
        return Finetuned(model, dict(history.history), files, data.classes, rows)
    if mode == "lora":
        Path(to).mkdir(parents=True, exist_ok=True)
        files.append(lora.save(model, Path(to) / "adapter.safetensors"))
        lora.merge(model)
    files += model.save_to_preset(to)
    return Finetuned(model, dict(history.history), files, data.classes, rows)


def head_paths(model: Any) -> list[str]:
    """Returns the paths of the variables of a task's head, by the templates of its class."""
    templates = [Template(text) for text in model.head]
    return [
        path
        for path in model.weights_by_path()
        if any(template.match(path.removeprefix("backbone.")) for template in templates)
    ]


def _adaptable(model: Any) -> list[str] | None:
    """What `lora.enable` is told to adapt: None for dense kernels, or, in a network that has none
    but its head's, the kernels of convolutions."""
    head = set(head_paths(model))
    kinds = {path: v.memory_format for path, v in model.weights_by_path().items()}
    rest = {path: kind for path, kind in kinds.items() if path not in head}
    if "dense" in rest.values():
        return None
    return _exactly(path for path, kind in rest.items() if kind == "conv")


def _exactly(paths: Iterable[str]) -> list[str]:
    return [f"^{re.escape(path)}$" for path in paths]


def _classifier(
    load: Any, name: Any, task: str, count: int, backend: str | None, options: dict[str, Any]
) -> Any:
    """The preset as a classifier of `count` classes; that its head is new need not be said."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*begin with new values")
        model = load(name, task=task, backend=backend, num_classes=count, **options)
    if model.preprocessor is None:
        raise HubError(f"{name} has no preprocessor, so it cannot be trained on {task} data.")
    if hasattr(model.preprocessor, "truncate"):
        model.preprocessor.truncate = True
    return model


def _source(model: Any, kind: str, inputs: list[str], targets: np.ndarray, batch_size: int) -> Any:
    """What `fit` is given: a dataset that reads and prepares batch by batch."""
    from ..framework.utils import PyDataset

    class Examples(PyDataset):
        """Examples batch by batch, in another order in each epoch."""

        def __init__(self) -> None:
            super().__init__(workers=2 if kind == "images" else 1)
            self._order = np.arange(len(inputs))
            self._draws = np.random.default_rng(len(inputs))

        def __len__(self) -> int:
            return -(-len(inputs) // batch_size)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            rows = self._order[index * batch_size : (index + 1) * batch_size]
            return model.prepare_inputs([inputs[i] for i in rows]), targets[rows]

        def on_epoch_end(self) -> None:
            self._draws.shuffle(self._order)

    return Examples()


def summary(found: Finetuned) -> Iterator[str]:
    """Yields what is worth knowing of a fine-tuning, as lines of text."""
    yield f"trained on {found.rows[0]} examples of {len(found.classes)} classes"
    for name, values in found.history.items():
        yield f"{name}: {values[-1]:.4f}"
    for path in found.files:
        yield f"written: {path}"
