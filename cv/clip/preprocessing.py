"""What CLIP takes of users: pictures and texts, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...applications.preprocessing import ImageClassifierPreprocessor
from ...hub.bases import Preprocessor
from .tokenizer import CLIPTokenizer

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class CLIPPreprocessor(Preprocessor):
    """Pictures and texts as arrays.

    Args:
        images: prepares pictures.
        tokenizer: prepares texts.
    """

    task = "zero_shot_image_classifier"

    def __init__(self, images: ImageClassifierPreprocessor, tokenizer: CLIPTokenizer) -> None:
        self.images, self.tokenizer = images, tokenizer

    def encode(self, texts: Any, truncate: bool = False) -> np.ndarray:
        """Returns texts as int32 (n, length); see `CLIPTokenizer.batch` for what is refused."""
        return np.asarray(self.tokenizer.batch(texts, truncate), np.int32)

    def __call__(self, inputs: Any) -> dict[str, np.ndarray]:
        """Returns a dict of `images`, float32 (n, size, size, 3), and `token_ids`, int32 (m,
        length).

        Args:
            inputs: a dict of `images`, a picture or several, and `texts`; or of one of them.

        Raises:
            ImageError: a picture cannot be read.
            TypeError: something that is no text.
            ValueError: there is neither of them, no picture, or a text that is too long.
        """
        given = inputs if hasattr(inputs, "keys") else {}
        if not given or set(given) - {"images", "texts"}:
            raise ValueError(
                "CLIP's preprocessor takes a dict of `images` and `texts`, or of one of them; got "
                f"{sorted(given) if given else type(inputs).__name__}."
            )
        found: dict[str, np.ndarray] = {}
        if "images" in given:
            found["images"] = self.images(given["images"])
        if "texts" in given:
            found["token_ids"] = self.encode(given["texts"])
        return found
