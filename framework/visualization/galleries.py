"""Images in rows and columns, drawn by matplotlib."""

import math
from typing import Any

import numpy as np

from ..ops.conversion import convert_to_numpy
from .arrays import as_bytes, batch_of
from .boxes import draw_bounding_boxes
from .masks import draw_segmentation_masks


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: dict[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Any = None,
    data_format: str | None = None,
) -> None:
    """Shows images in rows and columns, or writes them to a file.

    Args:
        images: shape (images, height, width, channels), or channels first.
        y_true: the label of each image; written above it.
        y_pred: the label that was predicted for it.
        label_map: label -> name; needed with labels.
        rows: how many; about the square root of the number of images if None.
        cols: how many; as many as are needed if None.
        value_range: the values of black and white.
        scale: the side of an image in inches.
        path: the file; None to show the gallery.
        show: whether it is shown; where there is no `path` if None.
        transparent: whether the file's background is.
        dpi: dots in an inch of the file.
        legend_handles: what matplotlib's legend takes.
        data_format: "channels_last" or "channels_first"; None for the default.

    Raises:
        ValueError: images without a batch, `path` together with `show`, or labels without names.
        ImportError: matplotlib is not installed.
    """
    plt = _pyplot("plot_image_gallery")
    if path is not None and show:
        raise ValueError("plot_gallery() expects either `path` to be set, or `show` to be true.")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError(
            "If `y_true` or `y_pred` are provided, a `label_map` must also be provided."
        )
    batch = as_bytes(batch_of(images, data_format), value_range)
    rows = rows or math.ceil(math.sqrt(len(batch)))
    cols = cols or math.ceil(len(batch) / rows)
    figure, axes = plt.subplots(
        nrows=rows,
        ncols=cols,
        figsize=(cols * scale, rows * scale),
        frameon=False,
        layout="tight",
        squeeze=False,
        sharex="row",
        sharey="col",
    )
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    told = [
        (title, np.asarray(convert_to_numpy(labels)))
        for title, labels in (("Label", y_true), ("Pred", y_pred))
        if labels is not None
    ]
    for number, axis in enumerate(axes.flat):
        axis.axis("off")
        if number >= len(batch):
            continue
        image = batch[number]
        axis.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        axis.margins(x=0, y=0)
        words = [
            f"{title}: {(label_map or {}).get(int(labels[number]), 'Unknown')}"
            for title, labels in told
            if number < len(labels)
        ]
        if words:
            axis.set_title("  ".join(words), fontsize=8)
    try:
        if path is not None:
            figure.savefig(
                path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi
            )
        elif show or show is None:
            plt.show()
    finally:
        plt.close(figure)


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: dict[str, Any] | None = None,
    y_pred: dict[str, Any] | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: tuple[int, int, int] = (0, 188, 212),
    pred_color: tuple[int, int, int] = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: dict[int, str] | None = None,
    ground_truth_mapping: dict[int, str] | None = None,
    prediction_mapping: dict[int, str] | None = None,
    legend: bool = False,
    legend_handles: Any = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Shows images with the boxes that are true and those that were predicted.

    Args:
        images: see `plot_image_gallery`.
        bounding_box_format: see `draw_bounding_boxes`.
        y_true: the true boxes; see `draw_bounding_boxes`.
        y_pred: those that were predicted.
        value_range: the values of black and white.
        true_color, pred_color: red, green and blue of each.
        line_thickness, font_scale, text_thickness: see `draw_bounding_boxes`.
        class_mapping: label -> name, for both.
        ground_truth_mapping, prediction_mapping: in its place, for one of them.
        legend: whether a legend tells the colors.
        legend_handles: what matplotlib's legend takes.
        rows, cols, data_format, **kwargs: see `plot_image_gallery`.

    Raises:
        ValueError: as in both functions, and for `legend` together with `legend_handles`.
        ImportError: matplotlib or Pillow is not installed.
    """
    _pyplot("plot_bounding_box_gallery")
    from matplotlib.patches import Patch

    if legend and legend_handles:
        raise ValueError(
            "Only pass `legend` OR `legend_handles` to "
            "`isozoo.visualization.plot_bounding_box_gallery()`."
        )
    drawn = as_bytes(batch_of(images, data_format), value_range)
    for boxes, color, names in (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    ):
        if boxes is not None:
            drawn = draw_bounding_boxes(
                drawn, boxes, bounding_box_format, names, color, line_thickness,
                text_thickness or line_thickness, font_scale, "channels_last",
            )  # fmt: skip
    if legend:
        legend_handles = [
            Patch(color=(color[0] / 255, color[1] / 255, color[2] / 255), label=label)
            for color, label in ((true_color, "Ground Truth"), (pred_color, "Prediction"))
        ]
    plot_image_gallery(
        drawn,
        rows=rows,
        cols=cols,
        legend_handles=legend_handles,
        data_format="channels_last",
        **kwargs,
    )


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int | None,
    value_range: tuple[float, float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Any = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Shows a row for each image: itself, with its true mask, with that which was predicted.

    Args:
        images: see `plot_image_gallery`.
        num_classes: see `draw_segmentation_masks`.
        value_range: the values of black and white.
        y_true, y_pred: masks, see `draw_segmentation_masks`.
        color_mapping, blend, alpha, ignore_index: see `draw_segmentation_masks`.
        data_format, **kwargs: see `plot_image_gallery`.

    Raises:
        ValueError, TypeError, ImportError: as in both functions.
    """
    plain = as_bytes(batch_of(images, data_format), value_range)
    columns = [plain]
    for masks in (y_true, y_pred):
        if masks is not None:
            found = np.asarray(convert_to_numpy(masks)).astype("int32")
            if found.ndim == 4 and found.shape[-1] != 1:
                found = found.transpose(0, 2, 3, 1)
            drawn = draw_segmentation_masks(
                plain, found, num_classes, color_mapping, alpha, blend, ignore_index,
                "channels_last",
            )  # fmt: skip
            columns.append(drawn.astype("uint8"))
    gallery = np.stack(columns, axis=1).reshape(-1, *plain.shape[1:])
    plot_image_gallery(
        gallery, rows=len(plain), cols=len(columns), data_format="channels_last", **kwargs
    )


def _pyplot(what: str) -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"The `{what}` function requires the `matplotlib` package: pip install 'isozoo[plots]'"
        ) from error
    return plt
