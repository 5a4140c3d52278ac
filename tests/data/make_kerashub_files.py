"""Writes tests/data/kerashub.npz: small presets of KerasHub, and what its networks compute.

    KERAS_BACKEND=torch python tests/data/make_kerashub_files.py    # with keras-hub installed

For each network: its config.json, the tensors of model.weights.h5 by their paths in the file, and
outputs for the inputs. For BERT the tokenizer's files too, and ids of texts. For each task its
task.json, the tensors of task.weights.h5, and outputs; its backbone is that of the network.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

OUT = Path(__file__).parent / "kerashub.npz"
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] a the The cat run ##ning cafe Cafe café un ##known . , !"
TEXTS = ["The cat running.", "Café, the unknown!", "a dog"]


def networks(models):
    """Small networks, each with two layers."""
    sizes = {"vocabulary_size": 20, "num_layers": 2, "hidden_dim": 8, "intermediate_dim": 12}
    text = {**sizes, "num_heads": 2, "max_sequence_length": 10}
    llama = {**sizes, "num_query_heads": 4, "num_key_value_heads": 2}
    scaled = {
        "rope_frequency_adjustment_factor": 8.0,
        "rope_low_freq_factor": 1.0,
        "rope_high_freq_factor": 4.0,
        "rope_pretraining_sequence_length": 64,
    }
    return {
        "bert": models.BertBackbone(**text),
        "distilbert": models.DistilBertBackbone(**text),
        "roberta": models.RobertaBackbone(**text),
        "opt": models.OPTBackbone(**text),
        "llama": models.LlamaBackbone(**llama, **scaled),
    }


def tasks(models, networks):
    """Tasks with heads of their own on these networks, by what the files call them."""
    bert, distilbert, roberta = (networks[name] for name in ("bert", "distilbert", "roberta"))
    return {
        "bert-classifier": models.BertTextClassifier(bert, num_classes=3, dropout=0.25),
        "bert-masked": models.BertMaskedLM(bert),
        "distilbert-classifier": models.DistilBertTextClassifier(
            distilbert, num_classes=3, activation="softmax"
        ),
        "roberta-classifier": models.RobertaTextClassifier(roberta, num_classes=3),
        "roberta-masked": models.RobertaMaskedLM(roberta),
    }


def inputs() -> dict[str, np.ndarray]:
    """Two rows of seven tokens, none of which is RoBERTa's padding."""
    draws = np.random.default_rng(1)
    return {
        "token_ids": draws.integers(2, 20, (2, 7)).astype("int32"),
        "segment_ids": np.array([[0, 0, 0, 1, 1, 1, 1]] * 2, "int32"),
        "padding_mask": np.ones((2, 7), "int32"),
    }


def main() -> None:
    """Writes the file."""
    import keras
    import keras_hub

    draws = np.random.default_rng(0)
    given = inputs()
    found = {f"inputs/{name}": value for name, value in given.items()}
    made = networks(keras_hub.models)
    for family, network in made.items():
        for variable in network.variables:
            if keras.backend.is_float_dtype(variable.dtype):
                values = draws.normal(0, 0.3, variable.shape)
                variable.assign(values + (variable.path.endswith(("gamma", "scale"))))
        outputs = network(
            {k: v for k, v in given.items() if family == "bert" or "segment" not in k}
        )
        outputs = outputs if isinstance(outputs, dict) else {"sequence_output": outputs}
        with tempfile.TemporaryDirectory() as folder:
            network.save_to_preset(folder)
            if family == "bert":
                tokenizer = keras_hub.models.BertTokenizer(WORDS.split(), lowercase=False)
                tokenizer.save_to_preset(folder)
                ids = [np.asarray(tokenizer(text)).tolist() for text in TEXTS]
                found["bert/ids"] = np.array(json.dumps(ids))
                path = Path(folder, "tokenizer.json")
                found["bert/tokenizer.json"] = np.array(path.read_text())
            found[f"{family}/config.json"] = np.array(Path(folder, "config.json").read_text())
            take(Path(folder, "model.weights.h5"), family, found)
        for name, value in outputs.items():
            found[f"{family}/outputs/{name}"] = keras.ops.convert_to_numpy(value)
    for name, task in tasks(keras_hub.models, made).items():
        head = [v for v in task.weights if all(v is not one for one in task.backbone.weights)]
        for variable in head:
            if keras.backend.is_float_dtype(variable.dtype):
                variable.assign(draws.normal(0, 0.3, variable.shape))
        taken = {k: v for k, v in given.items() if name.startswith("bert-") or "segment" not in k}
        if name.endswith("masked"):
            taken["mask_positions"] = found["inputs/mask_positions"] = np.array(
                [[1, 4]] * 2, "int32"
            )
        found[f"{name}/outputs"] = keras.ops.convert_to_numpy(task(taken))
        with tempfile.TemporaryDirectory() as folder:
            task.save_to_preset(folder)
            found[f"{name}/task.json"] = np.array(Path(folder, "task.json").read_text())
            take(Path(folder, "task.weights.h5"), name, found)
    np.savez_compressed(OUT, **found)


def take(path: Path, name: str, found: dict[str, np.ndarray]) -> None:
    """Adds the tensors of a file of weights."""
    import h5py

    def add(key, item):
        if isinstance(item, h5py.Dataset):
            found[f"{name}/weights/{key}"] = item[()]

    with h5py.File(path) as file:
        file.visititems(add)


if __name__ == "__main__":
    sys.exit(main())
