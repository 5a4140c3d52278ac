"""Writes tests/data/kerashub.npz: small presets of KerasHub, and what its networks compute.

    KERAS_BACKEND=torch python tests/data/make_kerashub_files.py    # with keras-hub installed

For each network: its config.json, the tensors of model.weights.h5 by their paths in the file, and
outputs for the inputs. For BERT the tokenizer's files too, and ids of texts.
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
    import h5py
    import keras
    import keras_hub

    draws = np.random.default_rng(0)
    given = inputs()
    found = {f"inputs/{name}": value for name, value in given.items()}
    for family, network in networks(keras_hub.models).items():
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
            with h5py.File(Path(folder, "model.weights.h5")) as file:

                def take(name, item, family=family):
                    if isinstance(item, h5py.Dataset):
                        found[f"{family}/weights/{name}"] = item[()]

                file.visititems(take)
        for name, value in outputs.items():
            found[f"{family}/outputs/{name}"] = keras.ops.convert_to_numpy(value)
    np.savez_compressed(OUT, **found)


if __name__ == "__main__":
    sys.exit(main())
