"""How readers of text are loaded and saved, run from the command line, and verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...applications.folders import picture_paths
from ...applications.images import ImageError, pillow
from ...hub.adapters import FilesCommandLineAdapter, ParityAdapter, PresetAdapter
from ...hub.errors import HubError
from ...hub.loading import JsonFiles
from .preprocessing import PPOCRPreprocessor

# The key of config.json under which the preprocessor's arguments stand.
OWN = "text_reading"
# The key of a recognizer's metadata under which its characters stand, one a line.
CHARACTERS = "character"
_SIZES = ("shorter_side", "longest_side", "width_step", "batch_size")


class TextReaderPresetAdapter(PresetAdapter):
    """The characters of the classes, and sizes."""

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> PPOCRPreprocessor:
        """Returns the preprocessor that config.json or the recognizer's metadata describe.

        Raises:
            HubError: there are no characters, or not one for each class.
        """
        if "config.json" in files:
            given = dict(JsonFiles(files)["config.json"].get(OWN, {}))
        else:
            given = {"characters": _characters(files), **settings}
        shape = config["recognizer"].outputs[0].shape or (None,)
        characters = given.get("characters") or ()
        if isinstance(shape[-1], int) and len(characters) + 2 != shape[-1]:
            raise HubError(
                f"the recognizer has {shape[-1]} classes, and the files have {len(characters)} "
                "characters: two classes more than characters are expected"
            )
        try:
            return PPOCRPreprocessor(**given)
        except (TypeError, ValueError) as error:
            raise HubError(f"{OWN} of config.json: {error}") from error

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns characters and sizes."""
        preprocessor = model.preprocessor
        if preprocessor is None:
            return {}
        sizes = {name: getattr(preprocessor, name) for name in _SIZES}
        return {OWN: {**sizes, "characters": list(preprocessor.characters)}}


def _characters(files: Mapping[str, Path]) -> list[str]:
    from ...framework.graphs.reading_onnx import read_metadata

    found = read_metadata(files["recognizer.onnx"]).get(CHARACTERS, "")
    return found.removesuffix("\n").replace("\r\n", "\n").split("\n") if found else []


class TextReaderCommandLineAdapter(FilesCommandLineAdapter):
    """One image file in, its lines of text out."""

    options = ("score",)
    unreadable = ImageError

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the lines of the image file `text`, as plain data."""
        return {"lines": [found._asdict() for found in self.model.read(text, **options)]}

    def files_in(self, inputs: Sequence[str]) -> list[str]:
        """Returns the pictures that are named, and those in folders."""
        return picture_paths(inputs)

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns the texts of the lines; or what is wrong with the file."""
        if "error" in result:
            return f"not read: {result['error']}"
        return "\n".join(line["text"] for line in result["lines"]) or "no text"

    def table(self, results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """Returns a row for each line of each image file; a damaged file has its error."""
        rows = [["file", "text", "score", "polygon", "error"]]
        for result in results:
            name = str(Path(result["input"]))
            if "error" in result:
                rows.append([name, "", "", "", result["error"]])
            for line in result.get("lines", ()):
                corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in line["polygon"])
                rows.append([name, line["text"], f"{line['score']:.6f}", corners, ""])
        return rows

    def draw(self, text: str, result: Mapping[str, Any], to: str | Path) -> None:
        """Writes a PNG file of the picture, and of the texts beside it; see `draw_lines`."""
        from .drawing import draw_lines

        draw_lines(text, result["lines"], to)


class TextReaderParityAdapter(ParityAdapter):
    """A page drawn by Pillow; the detector's map, and what is read."""

    def sample_inputs(self) -> np.ndarray:
        """Returns a page with two lines."""
        image_module = pillow()
        from PIL import ImageDraw, ImageFont

        # A long page would be enlarged until its shorter side has 736 pixels.
        page = image_module.new("RGB", (256, 224), "#ffffff")
        pen, font = ImageDraw.Draw(page), ImageFont.load_default(28)
        pen.text((12, 48), "Seven ships", "#000000", font)
        pen.text((12, 128), "sailed in 1904", "#000000", font)
        return np.asarray(page)

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns the probability of text at each pixel, without compiling."""
        return {"text": self.model(self.model.checked_preprocessor()(inputs))}

    def decide(self, inputs: Any) -> Any:
        """Returns the texts that are read."""
        return [line.text for line in self.model.read(inputs, score=0.0)]
