"""Magika that names the types of files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...framework import ops
from ...framework.typing import Tensor
from ...hub.adapters import FilesCommandLineAdapter, ParityAdapter, PresetAdapter
from ...hub.errors import HubError
from ...hub.graph_tasks import GraphTask
from ...hub.loading import JsonFiles
from .family import SETTINGS, TYPES
from .preprocessing import Content, FileType, MagikaPreprocessor

# The key of config.json under which the preprocessor's arguments stand.
OWN = "file_typing"
# Key of the original's settings -> argument of the preprocessor.
_ARGUMENTS = {
    "beg_size": "begin_size",
    "end_size": "end_size",
    "block_size": "block_size",
    "padding_token": "padding",
    "min_file_size_for_dl": "least_size",
    "medium_confidence_threshold": "threshold",
    "thresholds": "thresholds",
    "overwrite_map": "renamed",
    "target_labels_space": "labels",
}
# Other keys, and what they must say.
_FIXED = {"mid_size": 0, "use_inputs_at_offsets": False, "protection": "none", "version_major": 3}
_KEPT = (
    *("labels", "begin_size", "end_size", "block_size", "padding", "least_size", "threshold"),
    *("thresholds", "renamed"),
)
# Files that are computed at a time.
BATCH = 16


class Identified(NamedTuple):
    """The type of a file.

    Attributes:
        type: what the file is taken for: a general one where the network is not sure.
        score: the probability of the network's class; 1 where it was not asked.
        guess: the label of that class; "" where it was not asked.
    """

    type: FileType
    score: float
    guess: str


class MagikaPresetAdapter(PresetAdapter):
    """Sizes, thresholds, and names of types."""

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> MagikaPreprocessor:
        """Returns the preprocessor that config.json or the original's files describe.

        Raises:
            HubError: a key that is not known, or a value that does not fit.
        """
        parsed = JsonFiles(files)
        if "config.json" in parsed:
            given: dict[str, Any] = dict(parsed["config.json"].get(OWN, {}))
        else:
            given = _translated(parsed[SETTINGS]) | {"types": parsed[TYPES]}
        try:
            found = MagikaPreprocessor(**given)
        except (TypeError, ValueError) as error:
            raise HubError(f"the settings of {cls.__name__} do not fit: {error}") from error
        shape = config["network"].outputs[0].shape or (None,)
        if isinstance(shape[-1], int) and shape[-1] != len(found.labels):
            raise HubError(f"{len(found.labels)} labels, and a network of {shape[-1]} classes")
        return found

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns the preprocessor's arguments."""
        preprocessor = model.preprocessor
        if preprocessor is None:
            return {}
        types = {label: one._asdict() for label, one in preprocessor.types.items()}
        return {OWN: {**{name: getattr(preprocessor, name) for name in _KEPT}, "types": types}}


def _translated(settings: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in settings.items():
        wanted = _FIXED.get(key)
        if key not in _ARGUMENTS and key != "aes_key_hex" and value != wanted:
            raise HubError(f"{SETTINGS}: {key} is {value!r:.80}; {wanted!r} is known here")
    return {name: settings[key] for key, name in _ARGUMENTS.items() if key in settings}


class MagikaCommandLineAdapter(FilesCommandLineAdapter):
    """One file in, its type out."""

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the type of the file `text`, as plain data."""
        found = self.model.identify(text)
        return {**found.type._asdict(), "score": found.score, "guess": found.guess}

    def files_in(self, inputs: Sequence[str]) -> list[str]:
        """Returns the files that are named, and those in folders."""
        return _file_paths(inputs)

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns the type in a line; or what is wrong with the file."""
        if "error" in result:
            return f"not read: {result['error']}"
        kind = ", ".join(filter(None, (result["group"], result["mime_type"])))
        return f"{result['label']}: {result['description']} ({kind})  {result['score']:.1%}"

    def table(self, results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """Returns a row for each file; one that cannot be read has its error."""
        names = ("label", "description", "mime_type", "group")
        rows = [["file", *names, "score", "error"]]
        for result in results:
            score = f"{result['score']:.6f}" if "score" in result else ""
            told = [str(result.get(name, "")) for name in names]
            rows.append([result["input"], *told, score, result.get("error", "")])
        return rows


def _file_paths(inputs: Sequence[str]) -> list[str]:
    """Files as they are named, and those in folders, in order; links to folders are not followed.

    Raises:
        ValueError: a folder without files.
    """
    found: list[str] = []
    for given in inputs:
        if not os.path.isdir(given):
            found.append(given)
            continue
        inside = [
            os.path.join(folder, name) for folder, _, names in os.walk(given) for name in names
        ]
        if not inside:
            raise ValueError(f"{given}: there is no file in it.")
        found += sorted(inside)
    return found


class MagikaParityAdapter(ParityAdapter):
    """Short files; the probabilities of all types, and the types."""

    def sample_inputs(self) -> list[bytes]:
        """Returns a program, a table, a text and the beginning of a picture."""
        return [
            b"import sys\n\n\ndef main():\n    print(sys.argv)\n",
            b"name,height,weight\n" + b"Ada,1.68,57\n" * 20,
            b"Ships that sailed in March came home with oil, parrots and a clock.\n",
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00\x00\x00\x01\x00\x08\x02",
        ]

    def decide(self, inputs: Any) -> Any:
        """Returns the labels of the types."""
        return [found.type.label for found in self.model.identify(inputs)]


class MagikaFileClassifier(GraphTask):
    """Magika: names the type of a file by bytes from its beginning and its end.

    Called with int32 (files, 2048), as the preprocessor gives them, it gives the probabilities of
    all types, (files, types). What it is for is `identify`.

    Definition: "Magika: AI-Powered Content-Type Detection" (Fratantonio et al. 2024).

    Args:
        network: a graph; see `GraphTask`.
        dtype: of the weights; the graph's own when None.
        name: of the model.
    """

    network: Any
    preset_adapter = MagikaPresetAdapter
    command_line_adapter = MagikaCommandLineAdapter
    parity_adapter = MagikaParityAdapter

    def __init__(self, network: Any, dtype: str | None = None, name: str | None = None) -> None:
        super().__init__({"network": network}, dtype, name)

    def call(self, files: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns the probabilities of all types, (files, types).

        Args:
            files: int32 (files, 2048); see `MagikaPreprocessor`.
        """
        return self.network(files)

    def identify(self, files: Any) -> Any:
        """Returns the type of one file or of each of several.

        A file with few bytes beside white space is text or unknown, and the network is not asked.

        Args:
            files: a path or the bytes of a file; or a list of these.

        Returns:
            An `Identified`, or a list of them.

        Raises:
            OSError: a file cannot be read.
            ValueError: there is no preprocessor.
        """
        preprocess = self.preprocessor
        if preprocess is None:
            raise ValueError(
                f"{self.name} has no preprocessor: it was not made from a preset. Set "
                "`model.preprocessor = MagikaPreprocessor(labels, types)` first."
            )
        several = isinstance(files, list | tuple)
        contents = [preprocess.content(source) for source in (files if several else [files])]
        found = self._identified(preprocess, contents)
        return found if several else found[0]

    def _identified(
        self, preprocess: MagikaPreprocessor, contents: list[Content]
    ) -> list[Identified]:
        found = [Identified(preprocess.of_little(content), 1.0, "") for content in contents]
        rows = [(n, preprocess.features(content)) for n, content in enumerate(contents)]
        asked = [(n, row) for n, row in rows if row is not None]
        for start in range(0, len(asked), BATCH):
            part = asked[start : start + BATCH]
            shares = ops.convert_to_numpy(self.infer(np.stack([row for _, row in part])))
            for (number, _), row in zip(part, shares, strict=True):
                best = int(row.argmax())
                label, score = preprocess.labels[best], float(row[best])
                found[number] = Identified(preprocess.believed(label, score), score, label)
        return found
