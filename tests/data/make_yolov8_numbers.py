"""Makes tests/data/yolov8.json: what ultralytics and pycocotools compute.

    python tests/data/make_yolov8_numbers.py best.pt

It needs an environment with ultralytics 8.4.7 (AGPL-3.0), pycocotools 2.0.11, torch and
torchvision, and the file `railway_obstacle_detector/best.pt` of smartrail-obstacle-detector 0.1.1.
The project itself needs none of these: the numbers are written down. Networks run in float64.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "cv"))

import drawn  # noqa: E402


def drawn_network(size: str, activation: bool):
    """A YOLOv8 of ultralytics with drawn weights, in float64."""
    from ultralytics.nn.tasks import DetectionModel

    model = DetectionModel(f"yolov8{size}.yaml", nc=drawn.NUM_CLASSES, verbose=False).double()
    state = {
        key: torch.from_numpy(np.asarray(drawn.weights(key, tuple(value.shape))))
        for key, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    if activation:  # as before version 8.4
        model.model[9].cv1.act = torch.nn.SiLU()
    return model


def outputs(size: str, activation: bool) -> dict:
    """What the network gives for two images, and how many numbers it learns."""
    model = drawn_network(size, activation).eval()
    with torch.no_grad():
        y, raw = model(torch.from_numpy(drawn.images()).permute(0, 3, 1, 2))
    y = y.transpose(1, 2).numpy()
    middle, half = y[..., :2], y[..., 2:4] / 2
    boxes = np.concatenate([middle - half, middle + half], axis=-1)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "boxes": drawn.sample(boxes),
        "scores": drawn.sample(y[..., 4:]),
        "logits": drawn.sample(raw["boxes"].transpose(1, 2).numpy()),
    }


def true_batch() -> dict:
    """The drawn objects, as ultralytics' loss takes them: middles and sizes in shares."""
    rows, columns = drawn.SIZE
    scale = np.array([columns, rows, columns, rows])
    boxes, classes, numbers = [], [], []
    for number, objects in enumerate(drawn.OBJECTS):
        for label, (left, top, right, bottom) in objects:
            middle = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
            boxes.append(np.array(middle) / scale)
            classes.append(label)
            numbers.append(number)
    return {
        "batch_idx": torch.tensor(numbers).double(),
        "cls": torch.tensor(classes).double(),
        "bboxes": torch.from_numpy(np.stack(boxes)),
    }


def losses() -> dict:
    """The losses of a batch in training, and gradients by weights and by logits."""
    from ultralytics.utils.loss import v8DetectionLoss

    model = drawn_network("n", True).train()
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    judge, batch = v8DetectionLoss(model), true_batch()
    total, parts = judge(model(torch.from_numpy(drawn.images()).permute(0, 3, 1, 2)), batch)
    total.sum().backward()
    names = (
        "model.0.conv.weight",
        "model.9.cv1.bn.weight",
        "model.22.cv2.0.2.bias",
        "model.22.cv3.1.2.weight",
    )
    by_name = dict(model.named_parameters())
    given = {
        key: torch.from_numpy(value).permute(0, 2, 1).requires_grad_()
        for key, value in drawn.logits().items()
    }
    maps = [torch.zeros(2, 1, *(n // s for n in drawn.SIZE)).double() for s in (8, 16, 32)]
    other, other_parts = judge({**given, "feats": maps}, batch)
    other.sum().backward()
    # Ultralytics multiplies the loss by the number of images.
    return {
        "parts": parts.tolist(),
        "gradients": {n: drawn.sample(by_name[n].grad.numpy() / 2) for n in names},
        "parts_of_logits": other_parts.tolist(),
        "gradients_of_logits": {
            key: drawn.sample(value.grad.permute(0, 2, 1).numpy() / 2)
            for key, value in given.items()
        },
    }


def detections(checkpoint: str) -> dict:
    """What the trained file finds in the pictures, in pixels of the frame."""
    import cv2
    from ultralytics import YOLO
    from ultralytics.data.augment import LetterBox
    from ultralytics.utils.nms import non_max_suppression

    model = YOLO(checkpoint).model.double().eval()
    found = {}
    for name in ("chelsea.png", "coffee.jpg"):
        picture = cv2.imread(str(HERE / name))
        framed = LetterBox(640, auto=True, stride=32)(image=picture)[..., ::-1]
        x = torch.from_numpy(np.ascontiguousarray(framed.transpose(2, 0, 1)[None])) / 255.0
        with torch.no_grad():
            y, _ = model(x.double())
        (kept,) = non_max_suppression(y.clone(), conf_thres=0.003, iou_thres=0.7)
        found[name] = {
            "frame": list(framed.shape[:2]),
            "pixels": drawn.sample(framed),
            "scores": drawn.sample(y[0, 4:].T.numpy()),
            "kept": [
                [round(v, 4) for v in row[:4]] + [row[4], int(row[5])] for row in kept.tolist()
            ],
        }
    return {"names": YOLO(checkpoint).names, "pictures": found}


def average_precision() -> dict:
    """The numbers of pycocotools for the drawn scenes."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, found = drawn.scenes()
    annotations, results = [], []
    for number, (one, other) in enumerate(zip(truth, found, strict=True)):
        for box, label, crowd in zip(one["boxes"], one["classes"], one["crowd"], strict=True):
            sides = box[2:] - box[:2]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(label),
                    "bbox": [*box[:2].tolist(), *sides.tolist()],
                    "area": float(sides.prod()),
                    "iscrowd": int(crowd),
                }
            )
        for box, label, score in zip(
            other["boxes"], other["classes"], other["scores"], strict=True
        ):
            results.append(
                {
                    "image_id": number,
                    "category_id": int(label),
                    "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
                    "score": float(score),
                }
            )
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": number} for number in range(len(truth))],
        "categories": [{"id": number} for number in range(3)],
        "annotations": annotations,
    }
    coco.createIndex()
    judge = COCOeval(coco, coco.loadRes([r for r in results if r["category_id"] < 3]), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    names = "AP AP50 AP75 AP_small AP_medium AP_large AR1 AR10 AR100 AR_small AR_medium AR_large"
    return dict(zip(names.split(), judge.stats.tolist(), strict=True))


if __name__ == "__main__":
    content = {
        "n": outputs("n", False),
        "m": outputs("m", True),
        "losses": losses(),
        "trained": detections(sys.argv[1]),
        "average_precision": average_precision(),
    }
    (HERE / "yolov8.json").write_text(json.dumps(content, indent=1) + "\n")
