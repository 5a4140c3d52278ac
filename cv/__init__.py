"""Models that see and draw. Names are loaded when they are first used."""

from ..framework import lazy

__getattr__, __dir__ = lazy.exports(
    __name__,
    {
        "SAMBackbone": ".sam.backbone",
        "SAMImageSegmenter": ".sam.tasks",
        "SAMPreprocessor": ".sam.preprocessing",
        "decode_rle": ".masks",
        "draw_masks": ".masks",
        "encode_rle": ".masks",
    },
)
