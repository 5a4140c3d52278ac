"""How image classifiers are loaded and saved, run from the command line, and verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..hub.adapters import CommandLineAdapter, ParityAdapter, PresetAdapter
from ..hub.labels import Classified, class_names, head_classes, label_entries
from ..hub.loading import JsonFiles
from .image_configs import FILE, OWN, image_settings, write_own, write_timm, write_transformers
from .labels import imagenet_classes
from .preprocessing import ImageClassifierPreprocessor


class ImageClassifierPresetAdapter(PresetAdapter):
    """The number of classes, their names, and how pictures are prepared."""

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the number of classes, from the preset's settings or its config.json."""
        return head_classes(files, settings, 1000)

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> ImageClassifierPreprocessor:
        """Returns the preprocessor that a preset's files and settings describe."""
        parsed = JsonFiles(files)
        about = parsed["config.json"] if "config.json" in parsed else {}
        num_classes = config.get("num_classes") or cls.head_config(parsed, settings)["num_classes"]
        labels = class_names(about, num_classes)
        if labels is None and num_classes == 1000:
            labels = imagenet_classes()
        return ImageClassifierPreprocessor(**image_settings(parsed, settings), labels=labels)

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns the classes by number and by name, as transformers or timm writes them.

        With timm also how pictures are prepared. HubError where it has no word for ours.
        """
        if layout != "timm":
            return label_entries(model.labels, model.num_classes)
        found: dict[str, Any] = {"num_classes": model.num_classes}
        if model.labels is not None:
            found["label_names"] = list(model.labels)
        if model.preprocessor is not None:
            found["pretrained_cfg"] = write_timm(model.preprocessor)
        return found

    @classmethod
    def json_files(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns transformers' preprocessor_config.json.

        HubError where it has no word for ours.
        """
        if model.preprocessor is None or layout == "timm":
            return {}
        return {FILE: write_transformers(model.preprocessor)}


class OwnImagePresetAdapter(ImageClassifierPresetAdapter):
    """Keeps how pictures are prepared in config.json: transformers has no word for it."""

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns the classes, and how pictures are prepared."""
        found = super().config_entries(model, layout)
        return (
            found if model.preprocessor is None else {**found, OWN: write_own(model.preprocessor)}
        )

    @classmethod
    def json_files(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns no files: all of it stands in config.json."""
        return {}


class ImageClassifierCommandLineAdapter(CommandLineAdapter):
    """One image file in, its most probable classes out."""

    options = ("top",)

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the classes of the image file `text`, as plain data."""
        return {"classes": [found._asdict() for found in self.model.classify(text, **options)]}

    def run_all(
        self, inputs: Sequence[str], tell: Callable[[int, int], None], **options: Any
    ) -> list[dict[str, Any]]:
        """Returns the classes of image files and of those in folders; see `classify_files`."""
        if len(inputs) == 1 and not Path(inputs[0]).is_dir():
            return super().run_all(inputs, tell, **options)
        from .folders import classify_files

        return classify_files(self.model, inputs, tell=tell, **options)

    def table(self, results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """Returns a row for each class of each image file; a damaged file has its error."""
        from .folders import rows

        return rows(results)

    def draw_all(self, results: Sequence[Mapping[str, Any]], to: str | Path) -> None:
        """Writes a PNG file: the picture and its classes, or a sheet of several pictures."""
        if len(results) == 1 and "classes" in results[0]:
            self.draw(results[0]["input"], results[0], to)
            return
        from .drawing import draw_sheet

        draw_sheet(results, to)

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns the classes as lines: probability, name; or what is wrong with the file."""
        if "error" in result:
            return f"not read: {result['error']}"
        lines = (f"{c['probability']:7.1%}  {c['label']}" for c in result["classes"])
        return "\n".join(lines)

    def draw(self, text: str, result: Mapping[str, Any], to: str | Path) -> None:
        """Writes a PNG file of the picture with its classes beside it; see `draw_classes`."""
        from .drawing import draw_classes

        draw_classes(text, [Classified(**found) for found in result["classes"]], to)


class ImageClassifierParityAdapter(ParityAdapter):
    """Two made-up pictures; their logits, and the numbers of their most probable classes."""

    def sample_inputs(self) -> list[np.ndarray]:
        """Returns coloured waves, and a bright disc on a checkerboard."""
        y, x = np.mgrid[0:240, 0:320]
        waves = [127 + 127 * np.sin(x / a + y / b) for a, b in ((9, 31), (23, -17), (-41, 13))]
        board = 90.0 + 60 * ((x // 40 + y // 40) % 2)
        disc = np.where(np.hypot(x - 160, y - 120) < 70, 230.0, board)
        return [np.stack(p, -1).astype(np.uint8) for p in (waves, [disc, board, 255 - disc])]

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns the logits, by the uncompiled call."""
        return {"logits": self.model(self.model.checked_preprocessor()(inputs))}

    def decide(self, inputs: Any) -> Any:
        """Returns the numbers of the five most probable classes of each picture."""
        logits = self.model.predict(self.model.checked_preprocessor()(inputs), verbose=0)
        return np.argsort(-logits, axis=-1, kind="stable")[:, :5].tolist()
