"""What the tasks are called and how they are used, in words and lines to copy.

Model cards and the catalogue's pages are made from this table. A task that it lacks gets texts made
from its key.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskText:
    """A task in words.

    Attributes:
        title: its name as a heading.
        does: what a model of the task does, a sentence.
        line: a line of Python that uses `model`.
        argument: what `isozoo run` is given, as it stands on a command line; "" where a model of
            the task does nothing by itself.
        data: what `isozoo finetune` is given; "" where it makes nothing of such a model.
        pipeline: the hub's name of the task.
    """

    title: str
    does: str
    line: str = "outputs = model(inputs)"
    argument: str = ""
    data: str = ""
    pipeline: str | None = None


_TEXTS = {
    "text_embedder": TaskText(
        "Text embeddings",
        "Turns sentences and paragraphs into vectors; texts that mean alike lie close together.",
        'vectors = model.embed(["A cat sleeps.", "The kitten naps."])',
        '"A cat sleeps."',
        "reviews.csv",
        "sentence-similarity",
    ),
    "causal_lm": TaskText(
        "Text generation",
        "Writes on from a text, token by token, with the same draws on every backend.",
        'print(model.generate("Once upon a time", max_new_tokens=30))',
        '"Once upon a time"',
        pipeline="text-generation",
    ),
    "seq2seq_lm": TaskText(
        "Text to text",
        "Reads one text and writes another: a translation, a summary, an answer.",
        'print(model.generate("translate English to German: The house is small."))',
        '"translate English to German: The house is small."',
        pipeline="text2text-generation",
    ),
    "audio_to_text": TaskText(
        "Speech to text",
        "Writes down what is said in a recording, with times.",
        'print(model.transcribe("speech.wav").text)',
        "speech.wav",
        pipeline="automatic-speech-recognition",
    ),
    "text_classifier": TaskText(
        "Text classification",
        "Names the class of a text, with a probability for each class.",
        'print(model.classify("It was a delight."))',
        '"It was a delight."',
        "reviews.csv",
        "text-classification",
    ),
    "token_classifier": TaskText(
        "Names in texts",
        "Marks stretches of a text, such as names of people and places.",
        'print(model.tag("Ada Lovelace lived in London."))',
        '"Ada Lovelace lived in London."',
        "reviews.csv",
        "token-classification",
    ),
    "question_answerer": TaskText(
        "Answers from passages",
        "Finds the words of a passage that answer a question.",
        'print(model.answer("Who sleeps?", "The cat sleeps on the mat."))',
        '"Who sleeps? | The cat sleeps on the mat."',
        "reviews.csv",
        "question-answering",
    ),
    "reranker": TaskText(
        "Reranking",
        "Orders texts by how well they fit a query.",
        'print(model.rank("pets", ["A cat sleeps.", "Stocks fell."]))',
        '"pets | A cat sleeps. | Stocks fell."',
        "reviews.csv",
        "text-ranking",
    ),
    "masked_lm": TaskText(
        "Masked words",
        "Guesses words that are masked in a text; a start for classifiers of your own.",
        'print(model.fill("The capital of France is [MASK]."))',
        '"The capital of France is [MASK]."',
        "reviews.csv",
        "fill-mask",
    ),
    "image_classifier": TaskText(
        "Image classification",
        "Names what is in a picture, with a probability for each class.",
        'print(model.classify("photo.jpg", top=3))',
        "photo.jpg",
        "pictures",
        "image-classification",
    ),
    "object_detector": TaskText(
        "Object detection",
        "Finds objects in a picture: a box, a class and a score for each.",
        'print(model.detect("photo.jpg"))',
        "photo.jpg",
        "boxes",
        pipeline="object-detection",
    ),
    "text_reader": TaskText(
        "Text in pictures",
        "Reads the text in a photo or on a page: what each line says, and where it stands.",
        'print([line.text for line in model.read("page.png")])',
        "page.png",
        pipeline="image-to-text",
    ),
    "image_segmenter": TaskText(
        "Image segmentation",
        "Cuts out what points or boxes show in a picture, or everything in it.",
        'masks = model.segment("photo.jpg")',
        "photo.jpg",
        pipeline="mask-generation",
    ),
    "zero_shot_image_classifier": TaskText(
        "Pictures and texts",
        "Tells which of your texts fits a picture; pictures and texts become vectors of one space.",
        'print(model.classify("photo.jpg", ["a cat", "a dog"]))',
        'photo.jpg --label "a cat" --label "a dog"',
        pipeline="zero-shot-image-classification",
    ),
    "file_classifier": TaskText(
        "Types of files",
        "Names the type of a file by its content, whatever it is called.",
        'print(model.identify("file").type.label)',
        "file",
    ),
    "text_to_image": TaskText(
        "Pictures from texts",
        "Draws a picture of a text, from noise that a seed makes the same on every backend.",
        'model.generate("a cat in a red scarf", seed=1).save("cat.png")',
        '"a cat in a red scarf" --draw cat.png',
        pipeline="text-to-image",
    ),
    "backbone": TaskText(
        "Features",
        "A network without a head: feature maps to build upon.",
        "features = model.predict(inputs)",
        pipeline="feature-extraction",
    ),
}


def task_text(task: str) -> TaskText:
    """Returns the texts of a task; for an unknown one, a title made from its key."""
    if task in _TEXTS:
        return _TEXTS[task]
    title = (task.replace("_", " ").strip() or "model").capitalize()
    return TaskText(title, f"A model of the task {task}." if task else "A model.")


def task_rank(task: str) -> int:
    """Returns a task's place among all, for lists; unknown ones stand before bare backbones."""
    known = list(_TEXTS)
    return known.index(task) if task in _TEXTS else known.index("backbone") - 1
