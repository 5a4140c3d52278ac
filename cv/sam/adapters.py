"""How SAM is loaded and saved, run from the command line, and verified."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...applications.images import load_image
from ...hub.adapters import CommandLineAdapter, ParityAdapter, PresetAdapter
from ...hub.loading import JsonFiles
from ..masks import decode_rle, draw_masks, encode_rle
from .preprocessing import CONFIG, FILE, SAMPreprocessor, settings_of

SAME_MASK = 0.99
"""The intersection over union from which on two masks are the same decision."""


class SAMPresetAdapter(PresetAdapter):
    """How pictures are prepared."""

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> SAMPreprocessor:
        """Returns the preprocessor that a preset's files describe, for the network's size."""
        return SAMPreprocessor(**settings_of(JsonFiles(files), config.get("image_size", 1024)))

    @classmethod
    def json_files(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns transformers' preprocessor_config.json."""
        if model.preprocessor is None:
            return {}
        names = ("image_size", "interpolation", "scale", "mean", "std")
        return {FILE: CONFIG.write({name: getattr(model.preprocessor, name) for name in names})}


class SAMCommandLineAdapter(CommandLineAdapter):
    """One picture and perhaps prompts in, masks out."""

    options = ("point", "box")

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the masks of the picture `text`, as plain data.

        Without prompts these are the masks of everything in it.

        Args:
            text: a path.
            **options: `point`, a list of (x, y) or (x, y, label), and `box`, a list of (left, top,
                right, bottom), of which several are for an object each.
        """
        points, boxes = options.get("point") or [], options.get("box") or []
        if not points and not boxes:
            found = self.model.segment(text)
            return {"masks": [{**_described(mask), "stability": mask.stability} for mask in found]}
        if points and len(boxes) > 1:
            raise ValueError("Points and several boxes: it is not told which object points are of.")
        scene = self.model.encode(text)
        places = [point[:2] for point in points] or None
        labels = [int(point[2]) if len(point) > 2 else 1 for point in points] or None
        masks = scene.masks(
            places, labels, boxes[0] if len(boxes) == 1 else boxes or None, several=not boxes
        )
        found = masks if len(boxes) < 2 else [of_box[0] for of_box in masks]
        return {
            "points": [list(point) for point in points],
            "boxes": [list(box) for box in boxes],
            "masks": [_described(mask) for mask in found],
        }

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns the masks as lines: predicted intersection over union, pixels, box."""
        lines = (
            f"score {mask['score']:.3f}  {mask['area']:>9} pixels  from "
            f"{mask['box'][0]},{mask['box'][1]} to {mask['box'][2]},{mask['box'][3]}"
            for mask in result["masks"]
        )
        return "\n".join(lines) or "no mask"

    def table(self, results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """Returns a row for each mask."""
        rows = [["input", "mask", "score", "pixels", "left", "top", "right", "bottom"]]
        for result in results:
            for number, mask in enumerate(result["masks"], 1):
                row = [number, round(mask["score"], 6), mask["area"], *mask["box"]]
                rows.append([result["input"], *map(str, row)])
        return rows

    def draw(self, text: str, result: Mapping[str, Any], to: str | Path) -> None:
        """Writes a PNG file: the best mask of a prompt, those of all boxes, or all that were found,
        over the picture."""
        codes = [mask["segmentation"] for mask in result["masks"]]
        points, boxes = result.get("points", []), result.get("boxes", [])
        if points or len(boxes) == 1:
            codes = codes[:1]
        draw_masks(text, codes, to, points, boxes)


class SAMParityAdapter(ParityAdapter):
    """A made-up picture with two objects; its embedding, their masks' logits and scores."""

    def sample_inputs(self) -> list[dict[str, Any]]:
        """Returns a bright disc and a dark square on waves, each with points and a box."""
        y, x = np.mgrid[0:240, 0:320]
        waves = np.stack(
            [127 + 60 * np.sin(x / a + y / b) for a, b in ((9, 31), (23, -17), (-41, 13))]
        )
        waves[:, np.hypot(x - 200, y - 110) < 70] = 240
        waves[:, 150:220, 30:110] = 15
        return [
            {
                "image": np.moveaxis(waves, 0, -1).astype(np.uint8),
                "points": [[[200, 110], [180, 90]], [[60, 180], [150, 180]]],
                "labels": [[1, 1], [1, 0]],
                "boxes": [[130, 40, 270, 180], [28, 148, 112, 222]],
            }
        ]

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns the embedding, logits and scores of each picture, by the uncompiled call."""
        model, found = self.model, {}
        for number, (image, prompts) in enumerate(map(_pair, inputs)):
            pixels, frame = model.checked_preprocessor().framed(image)
            backbone = model.backbone
            embeddings = model.run_inside(backbone.encode, (pixels[None],), {})
            given, _ = _scene(model, embeddings, frame).checked(**prompts)
            arrays = {name: value[None] for name, value in given.items()}
            decoded = model.run_inside(backbone.decode, (embeddings,), arrays)
            end = f" {number + 1}" if number else ""
            found |= {f"{name}{end}": value for name, value in decoded.items()}
            found[f"embeddings{end}"] = embeddings
        return found

    def decide(self, inputs: Any) -> list[Any]:
        """Returns the code of the best mask of each object of each picture."""
        found = []
        for image, prompts in map(_pair, inputs):
            masks = self.model.encode(image).masks(**prompts)
            objects = masks if isinstance(masks[0], list) else [masks]
            found.append([encode_rle(best.pixels) for best, *_ in objects])
        return found

    def matched(self, decision: Any, reference: Any) -> Any:
        """Returns `reference` where masks cover what its masks cover, but for a hundredth of it.

        Pixels whose logits are almost 0 fall on one side or the other by rounding.
        """
        fits = len(decision) == len(reference) and all(
            len(masks) == len(others) and all(map(_same, masks, others))
            for masks, others in zip(decision, reference, strict=True)
        )
        return reference if fits else decision


def _same(code: Any, other: Any) -> bool:
    one, two = decode_rle(code), decode_rle(other)
    both = np.count_nonzero(one | two)
    return bool(np.count_nonzero(one & two) >= SAME_MASK * both)  # two empty ones too


def _pair(given: Any) -> tuple[Any, dict[str, Any]]:
    """A picture and its prompts: the point in the middle, where none are given."""
    if isinstance(given, Mapping):
        prompts = {name: value for name, value in given.items() if name != "image"}
        return load_image(given["image"]), prompts
    image = load_image(os.fspath(given) if isinstance(given, os.PathLike) else given)
    return image, {"points": [[image.width / 2, image.height / 2]]}


def _scene(model: Any, embeddings: Any, frame: Any) -> Any:
    from .tasks import Scene

    return Scene(model, embeddings, frame)


def _described(mask: Any) -> dict[str, Any]:
    return {
        "score": mask.score,
        "area": mask.area,
        "box": list(mask.box),
        "segmentation": mask.rle(),
    }
