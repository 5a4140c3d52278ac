"""Fine-tuning of a preset on a user's labelled data, and the preset that comes of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import HubError
from .labelled import DataError, Labelled, read_classes
from .labelled_boxes import LabelledBoxes, has_boxes, read_boxes
from .weight_map import Template

MODES = ("full", "lora", "head")


def read_labelled(
    path: str | os.PathLike[str], text_column: str | None = None, label_column: str | None = None
) -> Labelled | LabelledBoxes:
    """Reads labelled examples: texts or pictures with classes, or pictures with boxes.

    Args:
        path: a file or a folder; see `read_classes` and `read_boxes`.
        text_column: see `read_classes`.
        label_column: see `read_classes`.

    Raises:
        DataError: it cannot be used.
    """
    path = Path(path)
    if path.is_dir() and has_boxes(path):
        return read_boxes(path)
    return read_classes(path, text_column, label_column)


@dataclass
class Finetuned:
    """What came of a fine-tuning.

    Attributes:
        model: the trained model.
        history: metric -> its value after each epoch; of what is computed but once, one value.
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
    data: str | os.PathLike[str] | Labelled | LabelledBoxes,
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
    """Trains a classifier or a detector from a preset on labelled data, and writes it as a preset.

    Texts make a text classifier, images an image classifier, pictures with boxes an object
    detector, with a new head for the data's classes. The learning rate rises over the first tenth
    of the steps and falls to zero by a cosine. Texts that are longer than the model takes are cut.

    Args:
        name: a preset; see `isozoo.from_preset`.
        data: a file or folder, see `read_labelled`; or what it returns.
        to: the folder that is written, which `from_preset` takes; it is made where there is none.
        backend: where the training runs; the current backend if None.
        mode: "full" trains all weights, "lora" low-rank adapters and the head, "head" the head.
            Adapters stand on dense kernels, or where only the head is dense on convolutions.
        epochs: how often each example is seen.
        batch_size: examples of a step.
        learning_rate: the highest; if None what the task's adapter has: 1e-3, and for "full" of
            classifiers 5e-5.
        rank: of the adapters.
        validation: the share of each class, or of pictures with boxes, that is held out and
            evaluated after each epoch. Where a folder of boxes has a part for validation, that part
            is taken, unless the share is 0.
        seed: of the head, the draws of dropout and the order of examples.
        text_column: see `read_labelled`.
        label_column: see `read_labelled`.
        adapter_only: whether, with "lora", the adapter alone is written, as a small preset that
            names its base by hash; else the merged model is written, with the adapter beside it.
        verbose: see `Model.fit`.
        **options: see `isozoo.from_preset`.

    Raises:
        DataError: the data cannot be used.
        HubError: the preset cannot be had, or makes no such model.
        ValueError: an unknown mode, or a number out of its range.
    """
    from ..framework import lora, optimizers
    from ..framework.utils import set_random_seed
    from .loading import load_preset

    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}; got {mode!r}.")
    if adapter_only and mode != "lora":
        raise ValueError(f"an adapter alone comes of mode='lora'; got {mode!r}.")
    for what, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{what} must be positive; got {value}.")
    if not 0 <= validation < 1:
        raise DataError(f"The share for validation must lie in [0, 1); got {validation}.")
    if not isinstance(data, Labelled | LabelledBoxes):
        data = read_labelled(data, text_column, label_column)
    (train_x, train_y), (test_x, test_y) = data.split(validation, seed)
    if not train_x:
        raise DataError("Nothing is left to train on: make the share for validation smaller.")
    set_random_seed(seed)
    model = _with_new_head(load_preset, name, data.task, len(data.classes), backend, options)
    model.labels = data.classes
    if mode == "lora":
        lora.enable(model, rank, targets=_adaptable(model), train=_exactly(head_paths(model)))
    elif mode == "head":
        model.freeze_backbone()
    adapter = model.finetuning_adapter(model)
    steps = epochs * -(-len(train_x) // batch_size)
    rate = optimizers.schedules.CosineDecay(
        0.0,
        max(steps - steps // 10, 1),
        warmup_target=learning_rate or adapter.rates[mode],
        warmup_steps=max(steps // 10, 1),
    )
    model.compile(
        optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0),
        adapter.loss(),
        metrics=list(adapter.metrics) or None,
    )
    workers = 1 if data.kind == "texts" else 2
    source = _source(adapter, train_x, train_y, batch_size, workers)
    checks = _source(adapter, test_x, test_y, batch_size, workers) if test_x else None
    fitted = model.fit(source, epochs=epochs, validation_data=checks, verbose=verbose)
    history = dict(fitted.history)
    if test_x:
        judged = adapter.judge(test_x, test_y, batch_size)
        history.update({f"val_{name}": [value] for name, value in judged.items()})
    files: list[Path] = []
    rows = len(train_x), len(test_x)
    if adapter_only:
        from .lora_presets import save_adapter

        files = save_adapter(model, to, str(name), offline=options.get("offline"))
        return Finetuned(model, history, files, data.classes, rows)
    if mode == "lora":
        Path(to).mkdir(parents=True, exist_ok=True)
        files.append(lora.save(model, Path(to) / "adapter.safetensors"))
        lora.merge(model)
    files += model.save_to_preset(to)
    return Finetuned(model, history, files, data.classes, rows)


def head_paths(model: Any) -> list[str]:
    """Returns the paths of the variables of a task's head, by the templates of its class."""
    templates = [Template(text) for text in model.head]
    return [
        path
        for path in model.weights_by_path()
        if any(t.match(path.removeprefix("backbone.")) is not None for t in templates)
    ]


def _adaptable(model: Any) -> list[str] | None:
    """What `lora.enable` is told to adapt: None for dense kernels, or, in a network that has none
    but its head's, the kernels of convolutions."""
    from ..framework import lora

    head = set(head_paths(model))
    kinds = {path: v.memory_format for path, v in model.weights_by_path().items()}
    rest = {path: kind for path, kind in kinds.items() if path not in head}
    if any(kind in lora.PRODUCTS for kind in rest.values()):
        return None
    return _exactly(path for path, kind in rest.items() if kind in ("conv", "conv_rows"))


def _exactly(paths: Iterable[str]) -> list[str]:
    return [f"^{re.escape(path)}$" for path in paths]


def _with_new_head(
    load: Any, name: Any, task: str, count: int, backend: str | None, options: dict[str, Any]
) -> Any:
    """The preset with a head of `count` classes; that it is new need not be said."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*begin with new values")
        model = load(name, task=task, backend=backend, num_classes=count, **options)
    if model.preprocessor is None:
        raise HubError(f"{name} has no preprocessor, so it cannot be trained on {task} data.")
    if hasattr(model.preprocessor, "truncate"):
        model.preprocessor.truncate = True
    return model


def _source(adapter: Any, inputs: list[str], targets: Any, batch_size: int, workers: int) -> Any:
    """What `fit` is given: a dataset that reads and prepares batch by batch."""
    from ..framework.utils import PyDataset

    class Examples(PyDataset):
        """Examples batch by batch, in another order in each epoch."""

        def __init__(self) -> None:
            super().__init__(workers=workers)
            self._order = np.arange(len(inputs))
            self._draws = np.random.default_rng(len(inputs))

        def __len__(self) -> int:
            return -(-len(inputs) // batch_size)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            rows = self._order[index * batch_size : (index + 1) * batch_size]
            return adapter.examples([inputs[i] for i in rows], [targets[i] for i in rows])

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
