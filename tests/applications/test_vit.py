"""ViT against transformers, with the same random weights, in the names of both libraries."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo.applications import ViTBackbone, ViTImageClassifier
from isozoo.applications.vit import family, weight_map
from isozoo.framework.core.scopes import deferred_initialization
from isozoo.hub import HubError, export

TOLERANCE = 1e-5  # of the largest output; the project promises 1e-4


def close(found, expected) -> bool:
    found = np.asarray(found)
    scale = np.abs(expected).max()
    return found.shape == expected.shape and np.abs(found - expected).max() <= TOLERANCE * scale


def original(folder, kind="ViTForImageClassification", **config):
    """A small model of transformers with random weights, saved to a folder."""
    import torch
    import transformers

    torch.manual_seed(3)
    settings = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 80,
        "image_size": 40,
        "patch_size": 8,
        "num_labels": 5,
        **config,
    }
    model = getattr(transformers, kind)(transformers.ViTConfig(**settings))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1 or "embeddings" in name:  # zeros and ones at first
                parameter.normal_(float("norm" in name and "weight" in name), 0.3)
    model.eval().save_pretrained(folder)
    return model


def outputs(model, images, **options):
    import torch

    with torch.no_grad():
        return model(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), **options)


def pictures(*shape):
    return np.random.default_rng(0).normal(size=(*shape, 3)).astype("float32")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vit")
    return folder, original(folder)


def test_like_transformers_from_a_folder(backend, saved):
    """At the size that it is made for, and at others, whose positions are interpolated."""
    folder, theirs = saved
    model = isozoo.from_preset(str(folder))
    assert isinstance(model, ViTImageClassifier) and model.num_classes == 5
    images = pictures(2, 40, 40)
    assert close(model.predict(images, verbose=0), outputs(theirs, images).logits.numpy())
    for size in [(56, 40), (24, 70)]:
        images = pictures(1, *size)
        expected = outputs(theirs, images, interpolate_pos_encoding=True).logits.numpy()
        assert close(model.predict(images, verbose=0), expected), size


def test_the_backbone_with_a_pooler(backend, tmp_path):
    theirs = original(tmp_path, "ViTModel", qkv_bias=False)
    model = isozoo.from_preset(str(tmp_path))
    assert isinstance(model, ViTBackbone)
    images = pictures(2, 40, 40)
    found, expected = model.predict(images, verbose=0), outputs(theirs, images)
    assert close(found["sequence_output"], expected.last_hidden_state.numpy())
    assert close(found["pooled_output"], expected.pooler_output.numpy())


def timm_names(state):
    """The weights of transformers' classifier under timm's names (timm/vision_transformer.py)."""
    import torch

    found = {}
    for key, value in state.items():
        key = key.removeprefix("vit.")
        for old, new in {
            "embeddings.cls_token": "cls_token",
            "embeddings.position_embeddings": "pos_embed",
            "embeddings.patch_embeddings.projection": "patch_embed.proj",
            "encoder.layer": "blocks",
            "attention.output.dense": "attn.proj",
            "intermediate.dense": "mlp.fc1",
            "output.dense": "mlp.fc2",
            "layernorm_before": "norm1",
            "layernorm_after": "norm2",
            "layernorm": "norm",
            "classifier": "head",
        }.items():
            key = key.replace(old, new)
        found[key] = value
    for key in [key for key in found if ".attention.query." in key]:
        parts = [found.pop(key.replace("query", part)) for part in ("query", "key", "value")]
        found[key.replace("attention.attention.query", "attn.qkv")] = torch.cat(parts)
    return found


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_a_folder_of_timm(backend, tmp_path):
    from safetensors.torch import load_file, save_file

    sizes = family.SIZES["tiny"]
    theirs = original(
        tmp_path,
        hidden_size=sizes["hidden_dim"],
        num_hidden_layers=sizes["num_layers"],
        num_attention_heads=sizes["num_heads"],
        intermediate_size=sizes["intermediate_dim"],
        image_size=224,
        patch_size=16,
        layer_norm_eps=1e-6,
        num_labels=4,
    )
    (tmp_path / "timm").mkdir()
    state = timm_names(load_file(tmp_path / "model.safetensors"))
    save_file(state, tmp_path / "timm/model.safetensors")
    about = {
        "architecture": "vit_tiny_patch16_224",
        "num_classes": 4,
        "num_features": 192,
        "global_pool": "token",
        "label_names": ["cat", "dog", "owl", "newt"],
        "pretrained_cfg": {
            "input_size": [3, 224, 224],
            "interpolation": "bicubic",
            "crop_pct": 0.9,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
    }
    (tmp_path / "timm/config.json").write_text(json.dumps(about))
    model = isozoo.from_preset(str(tmp_path / "timm"))
    images = pictures(1, 224, 224)
    expected = outputs(theirs, images).logits.numpy()
    assert close(model.predict(images, verbose=0), expected)
    picture = np.random.default_rng(1).integers(0, 256, (300, 280, 3)).astype("uint8")
    assert {c.label for c in model.classify(picture, top=4)} == {"cat", "dog", "owl", "newt"}
    assert model.preprocessor.mean == (0.5,) * 3 and model.preprocessor.crop_ratio == 0.9
    # Given back in both layouts, and read by transformers.
    names = {p.removeprefix("backbone."): v for p, v in model.weights_by_path().items()}
    export(names, weight_map.timm(), tmp_path / "back.safetensors")
    back = load_file(tmp_path / "back.safetensors")
    assert back.keys() == state.keys() and all((back[k] == state[k]).all() for k in state)
    model.save_to_preset(tmp_path / "hf")
    theirs = type(theirs).from_pretrained(tmp_path / "hf").eval()
    assert close(outputs(theirs, images).logits.numpy(), expected)
    model.save_to_preset(tmp_path / "again", layout="timm")
    assert json.loads((tmp_path / "again/config.json").read_text())["architecture"] == (
        "vit_tiny_patch16_224"
    )


# From the model cards of timm's repositories of these names, in millions.
PUBLISHED = {
    "vit_tiny_patch16_224": 5.7,
    "vit_small_patch16_224": 22.1,
    "vit_small_patch32_224": 22.9,
    "vit_base_patch16_384": 86.9,
    "vit_base_patch32_224": 88.2,
    "vit_large_patch16_224": 304.3,
    "vit_large_patch32_384": 306.6,
}


def test_parameter_counts_are_the_published_ones():
    for name, millions in PUBLISHED.items():
        with isozoo.use_backend("numpy"), deferred_initialization():
            model = ViTImageClassifier(**family.architecture(name))
        assert round(model.count_params() / 1e6, 1) == millions, name


def test_bad_input_is_explained(backend):
    with pytest.raises(ValueError, match="multiple of `num_heads`; got 50 and 3"):
        ViTBackbone(hidden_dim=50, num_heads=3)
    model = ViTBackbone(16, 8, 1, 2, 8, 8)
    with pytest.raises(ValueError, match="4x16 pixels.*8x8: resize"):
        model.predict(pictures(1, 4, 16), verbose=0)


def test_a_form_without_a_name_in_timm_is_refused(tmp_path):
    with isozoo.use_backend("numpy"):
        model = ViTImageClassifier(
            3, image_size=16, patch_size=8, num_layers=1, num_heads=2, hidden_dim=8,
            intermediate_dim=8,
        )  # fmt: skip
        with pytest.raises(HubError, match="ViT"):
            model.save_to_preset(tmp_path / "x", layout="timm")
