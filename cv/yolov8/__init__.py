"""YOLOv8 (Ultralytics, 2023): objects in pictures, with boxes around them."""
