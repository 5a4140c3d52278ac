"""Models of texts behind HTTP, in the JSON form that OpenAI's clients speak."""
