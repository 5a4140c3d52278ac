"""What Stable Diffusion takes of texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...hub.bases import Preprocessor
from ..clip.tokenizer import CLIPTokenizer


class StableDiffusionPreprocessor(Preprocessor):
    """Texts as rows of ids, all of one length.

    Args:
        tokenizer: CLIP's; None where the preset's files have none, and texts cannot be read then.
    """

    task = "text_to_image"

    def __init__(self, tokenizer: CLIPTokenizer | None) -> None:
        self.tokenizer = tokenizer

    def __call__(self, inputs: Any, truncate: bool = False) -> np.ndarray:
        """Returns texts as int32 (n, length).

        Args:
            inputs: n texts, or one.
            truncate: whether texts of more tokens than the model takes are cut.

        Raises:
            TypeError: something that is no text.
            ValueError: there is no text, one is too long, or there is no tokenizer.
        """
        if self.tokenizer is None:
            raise ValueError(
                "The files hold no tokenizer: put vocab.json and merges.txt (those of "
                "openai/clip-vit-large-patch14) into a folder `tokenizer` beside the weights, or "
                "set model.preprocessor.tokenizer to a CLIPTokenizer."
            )
        return np.asarray(self.tokenizer.batch(inputs, truncate), np.int32)
