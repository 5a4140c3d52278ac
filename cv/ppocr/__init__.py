"""PP-OCR: the text in a picture, line by line."""
