"""The config files of a Stable Diffusion in diffusers' layout, read and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...hub.config_table import ANY, COUNT, COUNTS, FLAG, NUMBER, Argument, ConfigTable, Fixed
from ...hub.errors import HubError
from ..clip.family import text_table

Arguments = dict[str, Any]

_BOOKKEEPING = ("_class_name", "_diffusers_version", "_name_or_path")
_ATTENDING = {"down": "CrossAttnDownBlock2D", "up": "CrossAttnUpBlock2D"}
_PLAIN = {"down": "DownBlock2D", "up": "UpBlock2D"}
_DOWN = [_ATTENDING["down"]] * 3 + [_PLAIN["down"]]
_UP = [_PLAIN["up"]] + [_ATTENDING["up"]] * 3


def _attends(found: Arguments) -> Arguments:
    """Turns the names of blocks into whether each level has attention."""
    down, up = ([*found.pop(f"{way}_block_types")] for way in ("down", "up"))
    attention = [name == _ATTENDING["down"] for name in down]
    if (down, up) != _block_names(attention):
        raise HubError(
            f"{UNET.file}: down_block_types {down} and up_block_types {up}; supported are levels "
            f"of {_ATTENDING['down']} or {_PLAIN['down']}, and the same backward."
        )
    heads = found.pop("heads")
    if heads is not None:
        found["num_heads"] = heads
    return {**found, "attention": attention}


def _block_names(attention: Sequence[bool]) -> tuple[list[str], list[str]]:
    def names(way: str, flags: Sequence[bool]) -> list[str]:
        return [_ATTENDING[way] if flag else _PLAIN[way] for flag in flags]

    return names("down", attention), names("up", attention[::-1])


def _named(found: Arguments) -> Arguments:
    plain = [True] * (len(found.get("block_channels", _DOWN)) - 1) + [False]
    attention = found.pop("attention", None) or plain
    down, up = _block_names(attention)
    return {**found, "down_block_types": down, "up_block_types": up}


UNET = ConfigTable(
    "Stable Diffusion's network",
    Argument("in_channels", "in_channels", COUNT, 4),
    Argument("out_channels", "out_channels", COUNT, 4),
    Argument("block_out_channels", "block_channels", COUNTS, [320, 640, 1280, 1280]),
    Argument("down_block_types", "down_block_types", ANY, _DOWN),
    Argument("up_block_types", "up_block_types", ANY, _UP),
    # It is the number of heads: diffusers keeps the wrong name for the files that have it.
    Argument("attention_head_dim", "num_heads", ANY, 8),
    Argument("num_attention_heads", "heads", ANY, None),
    Argument("layers_per_block", "layers_per_block", COUNT, 2),
    Argument("cross_attention_dim", "context_dim", COUNT, 1280),
    Argument("norm_num_groups", "groups", COUNT, 32),
    Argument("use_linear_projection", "linear_projection", FLAG, False),
    Argument("sample_size", "sample_size", COUNT, 64),
    Fixed("act_fn", "silu"),
    Fixed("attention_type", "default"),
    Fixed("center_input_sample", False),
    Fixed("class_embeddings_concat", False),
    Fixed("conv_in_kernel", 3),
    Fixed("conv_out_kernel", 3),
    Fixed("downsample_padding", 1),
    Fixed("dropout", 0.0),
    Fixed("dual_cross_attention", False),
    Fixed("flip_sin_to_cos", True),
    Fixed("freq_shift", 0),
    Fixed("mid_block_scale_factor", 1),
    Fixed("mid_block_type", "UNetMidBlock2DCrossAttn"),
    Fixed("norm_eps", 1e-5),
    Fixed("only_cross_attention", False),
    Fixed("resnet_out_scale_factor", 1.0),
    Fixed("resnet_skip_time_act", False),
    Fixed("resnet_time_scale_shift", "default"),
    Fixed("time_embedding_type", "positional"),
    Fixed("transformer_layers_per_block", 1),
    # Scores of attention are summed in float32 here, whatever the weights' dtype.
    irrelevant=(*_BOOKKEEPING, "upcast_attention", "addition_embed_type_num_heads"),
    constants={"_class_name": "UNet2DConditionModel"},
    file="unet/config.json",
    finish=_attends,
    undo=_named,
)


def _levels(found: Arguments) -> Arguments:
    """Checks the names of the autoencoder's blocks, which tell nothing else."""
    depth = len(found["block_channels"])
    for way, name in (("down", "DownEncoderBlock2D"), ("up", "UpDecoderBlock2D")):
        named = found.pop(f"{way}_block_types")
        if [*named] != [name] * depth:
            raise HubError(
                f"{AUTOENCODER.file}: {way}_block_types is {named}; supported: {name}, once for "
                f"each of block_out_channels, of which there are {depth}."
            )
    return found


AUTOENCODER = ConfigTable(
    "Stable Diffusion's autoencoder",
    Argument("block_out_channels", "block_channels", COUNTS, [64]),
    Argument("down_block_types", "down_block_types", ANY, ["DownEncoderBlock2D"]),
    Argument("up_block_types", "up_block_types", ANY, ["UpDecoderBlock2D"]),
    Argument("layers_per_block", "layers_per_block", COUNT, 1),
    Argument("latent_channels", "latent_channels", COUNT, 4),
    Argument("norm_num_groups", "groups", COUNT, 32),
    Argument("scaling_factor", "scaling_factor", NUMBER, 0.18215),
    Fixed("act_fn", "silu"),
    Fixed("in_channels", 3),
    Fixed("mid_block_add_attention", True),
    Fixed("out_channels", 3),
    Fixed("use_post_quant_conv", True),
    Fixed("use_quant_conv", True),
    irrelevant=(*_BOOKKEEPING, "force_upcast", "sample_size"),
    constants={"_class_name": "AutoencoderKL"},
    file="vae/config.json",
    finish=_levels,
    undo=lambda found: {
        **found,
        "down_block_types": ["DownEncoderBlock2D"] * len(found.get("block_channels", _DOWN)),
        "up_block_types": ["UpDecoderBlock2D"] * len(found.get("block_channels", _DOWN)),
        "block_channels": found.get("block_channels", [128, 256, 512, 512]),
        "layers_per_block": found.get("layers_per_block", 2),
    },
)

CLASSES = {
    "PNDMScheduler": "pndm",
    "DDIMScheduler": "ddim",
    "EulerDiscreteScheduler": "euler",
    "EulerAncestralDiscreteScheduler": "euler_ancestral",
    "DPMSolverMultistepScheduler": "dpm_solver",
}


def _clip(found: Arguments) -> Arguments:
    clips, most = found.pop("clips"), found.pop("clip_range")
    found.pop("skip_runge_kutta")
    if clips is None:
        clips = found["kind"] == "ddim"
    return {**found, **({"clip": most} if clips and found["kind"] == "ddim" else {})}


def _written(found: Arguments) -> Arguments:
    kind, clip = found["kind"], found.pop("clip", None)
    if kind == "pndm":
        found["skip_runge_kutta"] = True
    if kind == "ddim":
        found["clips"] = clip is not None
        if clip is not None:
            found["clip_range"] = clip
    return found


SCHEDULER = ConfigTable(
    "the scheduler",
    Argument("_class_name", "kind", values=CLASSES),
    Argument("num_train_timesteps", "train_steps", COUNT, 1000),
    Argument("beta_start", "beta_start", NUMBER, 0.0001),
    Argument("beta_end", "beta_end", NUMBER, 0.02),
    Argument(
        "beta_schedule", "beta_schedule", default="linear", values=("linear", "scaled_linear")
    ),  # fmt: skip
    Argument(
        "prediction_type", "prediction", default="epsilon", values=("epsilon", "v_prediction")
    ),  # fmt: skip
    Argument(
        "timestep_spacing", "spacing", default=None, values=("leading", "linspace", "trailing")
    ),  # fmt: skip
    Argument("steps_offset", "steps_offset", NUMBER, 0),
    Argument("set_alpha_to_one", "final_alpha_one", FLAG, None),
    Argument("clip_sample", "clips", FLAG, None),
    Argument("clip_sample_range", "clip_range", NUMBER, 1.0),
    Argument("skip_prk_steps", "skip_runge_kutta", default=None, values=(True,)),
    Fixed("algorithm_type", "dpmsolver++"),
    Fixed("euler_at_final", False),
    Fixed("final_sigmas_type", "zero"),
    Fixed("interpolation_type", "linear"),
    Fixed("lower_order_final", True),
    Fixed("rescale_betas_zero_snr", False),
    Fixed("solver_order", 2),
    Fixed("solver_type", "midpoint"),
    Fixed("thresholding", False),
    Fixed("timestep_type", "discrete"),
    Fixed("use_beta_sigmas", False),
    Fixed("use_dynamic_shifting", False),
    Fixed("use_exponential_sigmas", False),
    Fixed("use_flow_sigmas", False),
    Fixed("use_karras_sigmas", False),
    Fixed("use_lu_lambdas", False),
    irrelevant=(
        *("_diffusers_version", "_name_or_path"),
        # Of thresholding and of flows, which are not here; and a limit that is minus infinity.
        *("dynamic_thresholding_ratio", "sample_max_value", "flow_shift", "time_shift_type"),
        *("lambda_min_clipped", "trained_betas", "variance_type", "sigma_min", "sigma_max"),
    ),
    file="scheduler/scheduler_config.json",
    finish=_clip,
    undo=_written,
)

TEXT = text_table("text_encoder/config.json")
# Argument of the backbone -> the table of its file.
TABLES = {"text": TEXT, "unet": UNET, "autoencoder": AUTOENCODER, "scheduler": SCHEDULER}
FILES = ("model_index.json", *(table.file for table in TABLES.values()))


def read(files: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]) -> Arguments:
    """Returns the arguments of `StableDiffusionBackbone`, from the parsed files of a folder.

    Raises:
        HubError: a file describes what is not here, or a file is missing.
    """
    missing = [table.file for table in TABLES.values() if table.file not in files]
    if missing:
        raise HubError(f"the folder lacks {', '.join(missing)}")
    found = {name: table.read(files[table.file]) for name, table in TABLES.items()}
    _check(found)
    return {**found, "sample_size": found["unet"].pop("sample_size")}


def _check(found: Mapping[str, Arguments]) -> None:
    """Raises HubError where the parts do not fit each other."""
    text, unet, autoencoder = (found[name] for name in ("text", "unet", "autoencoder"))
    if text["hidden_dim"] != unet["context_dim"]:
        raise HubError(
            f"{TEXT.file} gives vectors of {text['hidden_dim']} numbers, and {UNET.file} takes "
            f"those of {unet['context_dim']}: the folder holds parts of two models."
        )
    channels = {unet["in_channels"], unet["out_channels"], autoencoder["latent_channels"]}
    if len(channels) > 1:
        raise HubError(
            f"{UNET.file} takes {unet['in_channels']} channels and gives {unet['out_channels']}, "
            f"and {AUTOENCODER.file} has latents of {autoencoder['latent_channels']}; supported "
            "are equal numbers (a network for inpainting alone is not)."
        )


def write(arguments: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the files of a folder by their names; reverses `read`."""
    given = {name: dict(arguments.get(name) or {}) for name in TABLES}
    given["unet"]["sample_size"] = arguments.get("sample_size", 64)
    given["scheduler"].setdefault("kind", "pndm")
    # What is not given is our default, which may be another than that of diffusers.
    given["unet"].setdefault("context_dim", 768)
    for name, value in (("beta_start", 0.00085), ("beta_end", 0.012), ("steps_offset", 1)):
        given["scheduler"].setdefault(name, value)
    given["scheduler"].setdefault("beta_schedule", "scaled_linear")
    kind = given["scheduler"]["kind"]
    files = {table.file: table.write(given[name]) for name, table in TABLES.items()}
    index = {
        "_class_name": "StableDiffusionPipeline",
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", next(c for c, k in CLASSES.items() if k == kind)],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    return {"model_index.json": index, **files}
