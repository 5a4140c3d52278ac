"""Keras's namespace `visualization`: images with boxes, masks and labels drawn on them."""

from ..lazy import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "draw_bounding_boxes": ".boxes",
        "draw_segmentation_masks": ".masks",
        "plot_bounding_box_gallery": ".galleries",
        "plot_image_gallery": ".galleries",
        "plot_segmentation_mask_gallery": ".galleries",
    },
)
