"""Segment Anything: masks of what points, boxes and masks show (Kirillov et al. 2023)."""
