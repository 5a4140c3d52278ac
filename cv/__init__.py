"""Models that see and draw. Names are loaded when they are first used."""

from ..framework import lazy

__getattr__, __dir__ = lazy.exports(
    __name__,
    {
        "CLIPBackbone": ".clip.backbone",
        "CLIPPreprocessor": ".clip.preprocessing",
        "CLIPTokenizer": ".clip.tokenizer",
        "CLIPZeroShotClassifier": ".clip.tasks",
        "Detected": ".detection",
        "MeanAveragePrecision": ".mean_average_precision",
        "ObjectDetector": ".detection",
        "ObjectDetectorPreprocessor": ".letterbox",
        "PPOCRPreprocessor": ".ppocr.preprocessing",
        "PPOCRTextReader": ".ppocr.tasks",
        "SAMBackbone": ".sam.backbone",
        "SAMImageSegmenter": ".sam.tasks",
        "SAMPreprocessor": ".sam.preprocessing",
        "StableDiffusionBackbone": ".stable_diffusion.backbone",
        "StableDiffusionPreprocessor": ".stable_diffusion.preprocessing",
        "StableDiffusionTextToImage": ".stable_diffusion.tasks",
        "TextLine": ".ppocr.tasks",
        "YOLOv8Backbone": ".yolov8.backbone",
        "YOLOv8ObjectDetector": ".yolov8.tasks",
        "decode_rle": ".masks",
        "draw_boxes": ".drawing",
        "draw_masks": ".masks",
        "encode_rle": ".masks",
        "non_max_suppression": ".suppression",
    },
)
