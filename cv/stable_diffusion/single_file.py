"""One file with all networks of a Stable Diffusion: what its tensors tell of their sizes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from ...hub.errors import HubError
from ...hub.readers.base import Reader

_UNET, _AUTOENCODER = "model.diffusion_model", "first_stage_model"
_TEXT, _OPEN_TEXT = "cond_stage_model.transformer.text_model", "cond_stage_model.model"
_FIRST = f"{_UNET}.input_blocks.0.0.weight"
_HEAD_DIM = 64  # of texts, and of version 2's network; version 1 has 8 heads everywhere
NAMES = ("text", "unet", "autoencoder", "scheduler", "sample_size")
# What such a file does not tell, and all that were published share.
NOISE = {
    "train_steps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction": "epsilon",
    "steps_offset": 1,
}
_GROUPS, _SCALE, _EPSILON = 32, 0.18215, 1e-5
# Such a file has no tokenizer: it may lie beside it.
WEIGHTS = "model.safetensors"


def recognize(reader: Reader) -> Mapping[str, Any] | None:
    """Returns the arguments of `StableDiffusionBackbone` that a file's tensors tell.

    None where the file is of another kind.

    Raises:
        HubError: it lacks one of the networks.
    """
    keys = set(reader.keys())
    if _FIRST not in keys:
        return None
    for what, prefix in (("autoencoder", _AUTOENCODER), ("encoder of texts", "cond_stage_model")):
        if not any(key.startswith(f"{prefix}.") for key in keys):
            raise HubError(
                f"{reader.path}: it has no {what} (no tensor of {prefix}): a file with all three "
                "networks is needed."
            )
    sizes = _Sizes(reader, keys)
    try:
        found = {
            "text": sizes.text(),
            "unet": sizes.unet(),
            "autoencoder": sizes.autoencoder(),
        }
    except (KeyError, IndexError) as error:
        raise HubError(f"{reader.path}: it lacks the tensor {error}.") from error
    second = found["unet"]["linear_projection"]
    if second:
        warnings.warn(
            f"{reader.path} does not tell what its network predicts; v_prediction is taken, as "
            "that of Stable Diffusion 2.1 for 768x768 does. For the base model of 512x512 pass "
            'scheduler={"kind": "pndm"} and sample_size=64 to from_preset.',
            stacklevel=2,
        )
    scheduler: dict[str, Any] = {"kind": "ddim" if second else "pndm", **NOISE}
    if second:
        scheduler |= {"prediction": "v_prediction", "final_alpha_one": False}
    return {**found, "scheduler": scheduler, "sample_size": 96 if second else 64}


def arguments(
    files: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns those settings of a preset that are arguments; what is not given has its default."""
    return {name: settings[name] for name in NAMES if name in settings}


class _Sizes:
    """Sizes of the networks by the shapes of tensors. KeyError for a tensor that is not there."""

    def __init__(self, reader: Reader, keys: set[str]) -> None:
        self.reader, self.keys = reader, keys

    def _shape(self, key: str) -> tuple[int, ...]:
        return tuple(self.reader.info(key).shape)

    def _counted(self, template: str) -> Iterator[int]:
        number = 0
        while template.format(number) in self.keys:
            yield number
            number += 1

    def text(self) -> dict[str, Any]:
        """Returns arguments of `CLIPTextEncoder`."""
        plain = f"{_TEXT}.embeddings.token_embedding.weight"
        if plain in self.keys:
            names = (plain, f"{_TEXT}.embeddings.position_embedding.weight")
            block, inner = f"{_TEXT}.encoder.layers.{{}}", ".mlp.fc1.weight"
            activation, unused = "quick_gelu", 0
        else:
            names = tuple(f"{_OPEN_TEXT}.{n}" for n in ("token_embedding.weight",
                                                        "positional_embedding"))  # fmt: skip
            block, inner = f"{_OPEN_TEXT}.transformer.resblocks.{{}}", ".mlp.c_fc.weight"
            # Published files hold OpenCLIP's whole tower, whose last block is passed over.
            activation, unused = "gelu", int(f"{_OPEN_TEXT}.text_projection" in self.keys)
        vocabulary, size = self._shape(names[0])
        return {
            "vocabulary_size": vocabulary,
            "hidden_dim": size,
            "num_heads": max(size // _HEAD_DIM, 1),
            "num_layers": len([*self._counted(block + inner)]) - unused,
            "intermediate_dim": self._shape(block.format(0) + inner)[0],
            "max_sequence_length": self._shape(names[1])[0],
            "activation": activation,
            "layer_norm_epsilon": _EPSILON,
        }

    def unet(self) -> dict[str, Any]:
        """Returns arguments of `UNet`."""
        first, inputs = self._shape(_FIRST)[:2]
        channels, attention, layers, here = [first], [], 0, 0
        number = 1
        while True:
            block = f"{_UNET}.input_blocks.{number}"
            if f"{block}.0.op.weight" in self.keys:
                channels.append(channels[-1])
                layers, here = max(layers, here), 0
            elif f"{block}.0.in_layers.2.weight" in self.keys:
                channels[-1] = self._shape(f"{block}.0.in_layers.2.weight")[0]
                here += 1
                if here == 1:
                    attention.append(f"{block}.1.norm.weight" in self.keys)
            else:
                break
            number += 1
        middle = f"{_UNET}.middle_block.1"
        linear = len(self._shape(f"{middle}.proj_in.weight")) == 2
        return {
            "in_channels": inputs,
            "out_channels": self._shape(f"{_UNET}.out.2.weight")[0],
            "block_channels": channels,
            "attention": attention,
            "num_heads": [max(size // _HEAD_DIM, 1) for size in channels] if linear else 8,
            "layers_per_block": max(layers, here),
            "context_dim": self._shape(f"{middle}.transformer_blocks.0.attn2.to_k.weight")[1],
            "linear_projection": linear,
            "groups": _GROUPS,
        }

    def autoencoder(self) -> dict[str, Any]:
        """Returns arguments of `Autoencoder`."""
        level = f"{_AUTOENCODER}.encoder.down.{{}}.block.0.conv1.weight"
        block = f"{_AUTOENCODER}.encoder.down.0.block.{{}}.conv1.weight"
        return {
            "block_channels": [self._shape(level.format(n))[0] for n in self._counted(level)],
            "layers_per_block": len([*self._counted(block)]),
            "latent_channels": self._shape(f"{_AUTOENCODER}.post_quant_conv.weight")[0],
            "groups": _GROUPS,
            "scaling_factor": _SCALE,
        }
