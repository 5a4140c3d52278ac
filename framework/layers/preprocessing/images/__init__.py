"""Layers that prepare and vary images, with their labels, boxes and segmentation masks."""
