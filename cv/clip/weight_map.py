"""Where CLIP's weights lie in transformers' files: the two-way table of their names."""

from __future__ import annotations

from ...hub.transforms import conv2d, transpose
from ...hub.weight_map import Row, WeightMap

_DENSE = {
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.out_proj": "attention.output_dense",
    "mlp.fc1": "inner",
    "mlp.fc2": "outer",
}
_NORMS = {"layer_norm1": "attention_norm", "layer_norm2": "norm"}


def affine(theirs: str, ours: str, *others: str) -> list[Row]:
    """Returns the rows of a norm; `others` are further names that files have for it."""
    parts = (("weight", "gamma"), ("bias", "beta"))
    return [
        Row(tuple(f"{name}.{their}" for name in (theirs, *others)), f"{ours}.{our}")
        for their, our in parts
    ]


def dense(theirs: str, ours: str, *others: str) -> list[Row]:
    """Returns the rows of a dense layer with a bias; `others` are further names of files."""
    names = (theirs, *others)
    return [
        Row(tuple(f"{name}.weight" for name in names), f"{ours}.kernel", transpose),
        Row(tuple(f"{name}.bias" for name in names), f"{ours}.bias"),
    ]


def tower(ours: str, *theirs: str) -> list[Row]:
    """Returns the rows of the blocks of a tower, by its prefixes (with a dot) here and there."""
    found: list[Row] = []
    for rows, names in ((dense, _DENSE), (affine, _NORMS)):
        for their, our in names.items():
            named = [f"{prefix}encoder.layers.{{i}}.{their}" for prefix in theirs]
            found += rows(named[0], f"{ours}blocks.{{i}}.{our}", *named[1:])
    return found


def text_rows(ours: str, *theirs: str) -> list[Row]:
    """Returns the rows of the tower of texts, by its prefixes (with a dot) here and there."""

    def named(name: str) -> tuple[str, ...]:
        return tuple(f"{prefix}{name}" for prefix in theirs)

    return [
        *tower(ours, *theirs),
        Row(named("embeddings.token_embedding.weight"), f"{ours}embeddings.embeddings"),
        Row(named("embeddings.position_embedding.weight"), f"{ours}position"),
        Row(named("embeddings.position_ids"), None),
        *affine(named("final_layer_norm")[0], f"{ours}norm", *named("final_layer_norm")[1:]),
    ]


def huggingface() -> WeightMap:
    """Builds the table for files of Hugging Face."""
    image = "vision_model"
    return WeightMap(
        *text_rows("text.", "text_model."),
        *tower("image.", f"{image}."),
        Row(f"{image}.embeddings.class_embedding", "image.class_token"),
        Row(f"{image}.embeddings.patch_embedding.weight", "image.patches.kernel", conv2d),
        Row(f"{image}.embeddings.position_embedding.weight", "image.position"),
        Row(f"{image}.embeddings.position_ids", None),
        *affine(f"{image}.pre_layrnorm", "image.first_norm"),
        *affine(f"{image}.post_layernorm", "image.norm"),
        Row("text_projection.weight", "text_projection.kernel", transpose),
        Row("visual_projection.weight", "image_projection.kernel", transpose),
        Row("logit_scale", "logit_scale"),
    )
