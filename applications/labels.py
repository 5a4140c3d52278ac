"""Names of the classes that classifiers are trained on."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ..hub.errors import HubError
from ..hub.loading import fetch_preset, read_json
from ..hub.preset import FileEntry, Preset, Url

# Keras's file of names; the hash is that of keras/src/applications/imagenet_utils.py.
KERAS_INDEX = Preset(
    "keras_imagenet_class_index",
    "",
    "",
    "",
    (FileEntry("imagenet_class_index.json", md5="c2c37ea517e94d9795004a39431a14cb"),),
    (Url("https://storage.googleapis.com/download.tensorflow.org/data"),),
)


@cache
def imagenet_classes() -> tuple[str, ...]:
    """Returns the WordNet names of the 1,000 classes of ILSVRC 2012, in the order of their numbers.

    Two pairs share a name: 134 and 517 are a crane (bird, machine), 638 and 639 a maillot.
    """
    text = files(__package__ or "").joinpath("imagenet_classes.txt").read_text("utf-8")
    return tuple(text.splitlines())


@cache
def imagenet_synsets() -> tuple[tuple[str, str], ...]:
    """Returns (WordNet id, name) of the 1,000 classes, as Keras names them.

    Raises:
        SourcesExhaustedError: the file can't be had; it is fetched at first use.
        HubError: the file is not the one expected.
    """
    (path,) = fetch_preset(KERAS_INDEX).paths.values()
    found = read_json(path, "imagenet_class_index.json")
    try:
        pairs = [(wordnet, name) for wordnet, name in (found[str(i)] for i in range(1000))]
    except (KeyError, TypeError, ValueError) as error:
        raise HubError(f"{path}: 1,000 pairs of an id and a name are expected: {error}") from error
    return tuple(pairs)
