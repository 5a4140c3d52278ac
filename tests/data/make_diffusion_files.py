"""Writes the files of tests/data/diffusion: what diffusers and transformers compute.

    python tests/data/make_diffusion_files.py    # with diffusers, transformers, torch installed

Each version is a small Stable Diffusion whose weights follow from the names of its tensors. Its
JSON file holds the config files as the libraries wrote them, and names and shapes of tensors; its
NPZ file holds outputs for the inputs of `tests/cv/tiny_diffusion.py`, channels last: vectors of
texts, predictions, a picture from latents, mean and deviation of latents of a picture, and the
latents after ten steps of each scheduler with a guidance of 3. The names of the single file are
those that diffusers' own converter turns into the names of the folder.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.cv import tiny_clip, tiny_diffusion  # noqa: E402

GUIDANCE, STEPS = 3.0, 10
LEVELS = 2
UNET = {
    "block_out_channels": (32, 64),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "sample_size": 8,
    "cross_attention_dim": 64,
    "attention_head_dim": 8,
}
VAE = {
    "block_out_channels": (32, 64),
    "down_block_types": ("DownEncoderBlock2D",) * LEVELS,
    "up_block_types": ("UpDecoderBlock2D",) * LEVELS,
    "layers_per_block": 1,
    "latent_channels": 4,
}
TEXT = {"hidden_size": 64, "num_attention_heads": 1}
NOISE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
}


def parts(version: str) -> dict:
    """The models and the scheduler of one version, with the weights that its names give."""
    import diffusers
    import torch
    import transformers

    two = version == "two"
    text = tiny_clip.text_config(**TEXT, **({"hidden_act": "gelu"} if two else {}))
    unet = {
        **UNET,
        **({"use_linear_projection": True, "attention_head_dim": (1, 1)} if two else {}),
    }
    noise = {**NOISE, **({"prediction_type": "v_prediction"} if two else {})}
    found = {
        "text_encoder": transformers.CLIPTextModel(transformers.CLIPTextConfig(**text)),
        "unet": diffusers.UNet2DConditionModel(**unet),
        "vae": diffusers.AutoencoderKL(**VAE),
    }
    with torch.no_grad():
        for part, model in found.items():
            # Published files have a prefix that transformers 5 does not show any more.
            prefix = "text_model." if part == "text_encoder" else ""
            for name, parameter in model.named_parameters():
                key = prefix + name.removeprefix(prefix)
                parameter.copy_(torch.from_numpy(tiny_diffusion.drawn(key, parameter.shape)))
            model.eval()
    scheduler = diffusers.DDIMScheduler if two else diffusers.PNDMScheduler
    own = {
        "set_alpha_to_one": False,
        **({"clip_sample": False} if two else {"skip_prk_steps": True}),
    }
    found["scheduler"] = scheduler(**noise, **own)
    return found


def described(models: dict) -> dict:
    """The config files as the libraries write them, and the shapes of their tensors."""
    files, shapes = {}, {}
    with tempfile.TemporaryDirectory() as place:
        for part, model in models.items():
            model.save_pretrained(f"{place}/{part}")
            name = "scheduler_config.json" if part == "scheduler" else "config.json"
            files[f"{part}/{name}"] = json.loads(Path(place, part, name).read_text())
            if part == "scheduler" and scheduler_of_two(models):
                del files[f"{part}/{name}"]["timestep_spacing"]  # as in older files
            if part != "scheduler":
                prefix = "text_model." if part == "text_encoder" else ""
                shapes[part] = {
                    prefix + key.removeprefix(prefix): list(value.shape)
                    for key, value in model.state_dict().items()
                }
    names = {part: [type(model).__module__.split(".")[0], type(model).__name__]
             for part, model in models.items()}  # fmt: skip
    names["tokenizer"] = ["transformers", "CLIPTokenizer"]
    files["model_index.json"] = {"_class_name": "StableDiffusionPipeline", **names}
    return {"files": files, "shapes": shapes}


def computed(models: dict) -> dict[str, np.ndarray]:
    """What the models compute, channels last."""
    import torch

    given = {name: torch.from_numpy(value) for name, value in tiny_diffusion.inputs().items()}

    def first(x):
        return x.permute(0, 3, 1, 2).contiguous()

    def last(x):
        return x.permute(0, 2, 3, 1).numpy()

    with torch.no_grad():
        context = models["text_encoder"](given["token_ids"].long()).last_hidden_state
        latents = first(given["latents"])
        odd = latents[:, :, :5, :7]  # sizes that halving does not divide
        vae = models["vae"]
        factor = vae.config.scaling_factor
        spread = vae.encode(first(given["picture"])).latent_dist
        found = {
            "context": context.numpy(),
            "prediction": last(models["unet"](latents, given["time"], context).sample),
            "odd": last(models["unet"](odd, given["time"], context).sample),
            "image": last(vae.decode(latents / factor).sample),
            "mean": last(spread.mean * factor),
            "spread": last(spread.std * factor),
        }
        for name in SCHEDULERS:
            found[name] = last(walked(models, name, latents[:1], context, first(given["draws"])))
    return found


SCHEDULERS = {
    "pndm": "PNDMScheduler",
    "ddim": "DDIMScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_ancestral": "EulerAncestralDiscreteScheduler",
    "dpm_solver": "DPMSolverMultistepScheduler",
}


def scheduler_of_two(models: dict) -> bool:
    return type(models["scheduler"]).__name__ == "DDIMScheduler"


def walked(models: dict, name: str, noise, context, draws):
    """Latents after ten steps of a scheduler; what it draws are `draws` in turn."""
    import diffusers
    import torch

    config = {**models["scheduler"].config, "clip_sample": False, "skip_prk_steps": True}
    scheduler = getattr(diffusers, SCHEDULERS[name])
    # As if all of it had been read from a file, where defaults look like anything else.
    config.pop("_use_default_values", None)
    if scheduler_of_two(models):  # each scheduler's own way to choose times
        config = {key: value for key, value in config.items() if key != "timestep_spacing"}
    scheduler = scheduler.from_config(config)
    scheduler.set_timesteps(STEPS)
    x, left = noise * scheduler.init_noise_sigma, iter(draws)
    module = sys.modules[type(scheduler).__module__]
    with patch.object(module, "randn_tensor", lambda *a, **k: next(left)[None], create=True):
        for time in scheduler.timesteps:
            told = scheduler.scale_model_input(torch.cat([x, x]), time)
            away, toward = models["unet"](told, time, context).sample.chunk(2)
            x = scheduler.step(away + GUIDANCE * (toward - away), time, x).prev_sample
    return x


def single_shapes(models: dict, version: str) -> dict:
    """Shapes of the single file, checked by diffusers' converters."""
    import torch
    from diffusers.loaders import single_file_utils as theirs
    from safetensors.torch import load_file

    import isozoo

    with tempfile.TemporaryDirectory() as place, isozoo.use_backend("numpy"):
        folder = tiny_diffusion.save(Path(place, "folder"), version)
        model = isozoo.from_preset(folder)
        model.save_to_preset(Path(place, "single"), "single")
        state = load_file(Path(place, "single", "model.safetensors"))
    unet = theirs.convert_ldm_unet_checkpoint(dict(state), dict(models["unet"].config))
    vae = theirs.convert_ldm_vae_checkpoint(dict(state), dict(models["vae"].config))
    for part, found in (("unet", unet), ("vae", vae)):
        own = models[part].state_dict()
        assert found.keys() == own.keys(), sorted(found.keys() ^ own.keys())
        wrong = [
            key for key in own if not torch.equal(found[key].reshape(own[key].shape), own[key])
        ]
        assert not wrong, wrong
    return {key: list(value.shape) for key, value in state.items()}


def main() -> None:
    tiny_diffusion.DATA.mkdir(exist_ok=True)
    for version in tiny_diffusion.VERSIONS:
        models = parts(version)
        about, place = described(models), tiny_diffusion.DATA / f"{version}.json"
        place.write_text(json.dumps(about, separators=(",", ":")) + "\n")
        np.savez_compressed(tiny_diffusion.DATA / f"{version}.npz", **computed(models))  # pyright: ignore[reportArgumentType]
        about["shapes"]["single"] = single_shapes(models, version)
        place.write_text(json.dumps(about, separators=(",", ":")) + "\n")
        print(version, sum(f.stat().st_size for f in tiny_diffusion.DATA.glob(f"{version}.*")))


if __name__ == "__main__":
    main()
