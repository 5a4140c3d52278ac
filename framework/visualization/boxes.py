"""Boxes and their labels, drawn on images by Pillow."""

from typing import Any

import numpy as np

from ..bounding_boxes import convert_format
from ..config import use_backend
from ..ops.conversion import convert_to_numpy
from ..ops.image_common import channels_last
from ..utils.images import pillow
from .arrays import as_bytes, batch_of

# The height of letters in pixels, for a scale of 1.
_LETTER = 22


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: dict[str, Any],
    bounding_box_format: str,
    class_mapping: dict[int, str] | None = None,
    color: tuple[int, int, int] = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Draws boxes on images.

    Args:
        images: shape (images, height, width, channels), or channels first; floats none of which
            exceeds 1 are shares of white, other numbers go from 0 to 255.
        bounding_boxes: "boxes" (images, boxes, 4); "labels" (images, boxes), where -1 marks a box
            that is not drawn; perhaps "confidences" (images, boxes).
        bounding_box_format: "xyxy", "yxyx", "xywh", "center_xywh" or "center_yxhw", in pixels, or
            with "rel_" before it in shares of the image's size.
        class_mapping: label -> name, which is written at the box.
        color: red, green and blue.
        line_thickness: of the boxes, in pixels; they grow to both sides of the edge.
        text_thickness: of the letters' strokes.
        font_scale: of the letters; 1 for 22 pixels.
        data_format: "channels_last" or "channels_first"; None for the default.

    Returns:
        The images as uint8, in the layout in which they were given.

    Raises:
        ValueError: images without a batch, a dict without boxes or labels, or another format.
        TypeError: boxes that are no dict.
        ImportError: Pillow is not installed.
    """
    pictures = pillow("draw_bounding_boxes")
    from PIL import ImageDraw, ImageFont

    batch = as_bytes(batch_of(images, data_format)).copy()
    if not isinstance(bounding_boxes, dict):
        raise TypeError(
            "`bounding_boxes` should be a dict. Received: "
            f"bounding_boxes={bounding_boxes} of type {type(bounding_boxes)}"
        )
    if "boxes" not in bounding_boxes or "labels" not in bounding_boxes:
        raise ValueError(
            "`bounding_boxes` should be a dict containing 'boxes' and 'labels' keys. Received the "
            f"keys {[*bounding_boxes]}"
        )
    height, width, channels = batch.shape[1:]
    boxes = np.asarray(convert_to_numpy(bounding_boxes["boxes"]))
    with use_backend("numpy"):
        boxes = convert_format(boxes, bounding_box_format, "xyxy", height, width, "float64")
    labels = np.asarray(convert_to_numpy(bounding_boxes["labels"])).astype("int64")
    confidences = bounding_boxes.get("confidences")
    if confidences is not None:
        confidences = np.asarray(convert_to_numpy(confidences))
    font = ImageFont.load_default(size=max(1.0, _LETTER * font_scale))
    ink = tuple(int(part) for part in color)
    for number, image in enumerate(batch):
        canvas = pictures.fromarray(image[..., 0] if channels == 1 else image)
        draw = ImageDraw.Draw(canvas)
        fill: Any = ink if channels == 3 else round(float(np.mean(ink)))
        fill = (*ink, 255) if channels == 4 else fill
        for place, label in enumerate(labels[number]):
            if label == -1:
                continue
            left, top, right, bottom = (int(x) for x in boxes[number, place])
            grown = line_thickness // 2
            frame = (left - grown, top - grown, right + grown, bottom + grown)
            if frame[0] > frame[2] or frame[1] > frame[3]:
                continue  # a box turned inside out has no frame
            draw.rectangle(frame, outline=fill, width=max(1, line_thickness))
            name = (class_mapping or {}).get(int(label))
            if name is not None:
                if confidences is not None:
                    name = f"{name} | {confidences[number, place]:.2f}"
                above = top - 8 - _LETTER * font_scale > 0
                at = (left, top - 8) if above else (left + 3, top + 3 + line_thickness)
                draw.text(
                    at, name, fill=fill, font=font, anchor="ls" if above else "la",
                    stroke_width=max(0, (text_thickness or line_thickness) - 1),
                )  # fmt: skip
        drawn = np.asarray(canvas)
        batch[number] = drawn[..., None] if channels == 1 else drawn
    return batch if channels_last(data_format) else batch.transpose(0, 3, 1, 2)
