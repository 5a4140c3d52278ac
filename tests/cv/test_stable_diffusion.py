"""Stable Diffusion against what diffusers and transformers computed; see tests/data/diffusion."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo.cv import StableDiffusionTextToImage
from isozoo.framework import ops

from . import tiny_diffusion

TOLERANCE, OF_LATENTS = 1e-4, 1e-3  # of the largest number
SCHEDULERS = ("pndm", "ddim", "euler", "euler_ancestral", "dpm_solver")


def assert_close(found, expected, tolerance=TOLERANCE) -> None:
    found = np.asarray(ops.convert_to_numpy(found))
    assert found.shape == expected.shape
    deviation = np.abs(found - expected).max() / np.abs(expected).max()
    assert deviation <= tolerance, deviation


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {
        version: tiny_diffusion.save(tmp_path_factory.mktemp(version), version)
        for version in tiny_diffusion.VERSIONS
    }


@pytest.mark.parametrize(
    ("backend", "version"),
    [("numpy", "one"), ("torch", "one"), ("jax", "one"), ("tensorflow", "one"), ("torch", "two")],
    indirect=["backend"],
)
def test_each_network_is_that_of_diffusers(backend, folders, version):
    model = isozoo.from_preset(folders[version])
    assert isinstance(model, StableDiffusionTextToImage)
    given, expected = tiny_diffusion.inputs(), tiny_diffusion.expected(version)
    picture = given.pop("picture")
    del given["draws"]
    found = model.infer(given) if backend == "jax" else model(given)
    for name in ("context", "prediction", "image"):
        assert_close(found[name], expected[name])
    encode = model.compiled_method("encode_image") if backend == "jax" else model.encode_image
    for value, name in zip(encode(picture), ("mean", "spread"), strict=True):
        assert_close(value, expected[name])
    if backend == "numpy":
        odd = model.backbone.unet(
            ops.convert_to_tensor(given["latents"][:, :5, :7]),
            ops.convert_to_tensor(given["time"]),
            found["context"],
        )
        assert_close(odd, expected["odd"])


@pytest.mark.parametrize("version", tiny_diffusion.VERSIONS)
@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_ten_steps_of_each_scheduler_lead_to_the_latents_of_diffusers(backend, folders, version):
    model = isozoo.from_preset(folders[version])
    given, expected = tiny_diffusion.inputs(), tiny_diffusion.expected(version)
    context = model.encode_text(ops.convert_to_tensor(given["token_ids"]))
    for name in SCHEDULERS:
        draws = iter([given["latents"][0], *given["draws"]])
        found = model.denoised(
            context, model.sampler(name, 10), [lambda _, draws=draws: next(draws)], (12, 16), 3.0
        )
        assert_close(found, expected[name], OF_LATENTS)


@pytest.mark.parametrize("version", tiny_diffusion.VERSIONS)
@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_both_layouts_are_written_and_read_back(backend, folders, version, tmp_path):
    """In the names of diffusers and of the original code, also in half precision, by `convert`."""
    from isozoo.hub import convert
    from isozoo.hub.readers import open_reader

    about, own = tiny_diffusion.described(version), tiny_diffusion.weights(version)
    single = tmp_path / "single"
    convert(folders[version], single, "single")
    with open_reader(single / "model.safetensors") as reader:
        assert {key: list(reader.info(key).shape) for key in reader} == about["shapes"]["single"]
    moved = as_published(single, version)
    heads = {"unet": {**UNET, "linear_projection": True, "num_heads": [1, 1]}}
    if version == "two":
        with pytest.warns(UserWarning, match="does not tell what its network predicts"):
            model = isozoo.from_preset(moved, **heads)
    else:
        model = isozoo.from_preset(moved)
    model.save_to_preset(tmp_path / "again")
    for part, name in tiny_diffusion.PARTS.items():
        with open_reader(tmp_path / "again" / part / name) as reader:
            assert set(reader.keys()) == own[part].keys()
            for key, value in own[part].items():
                assert np.array_equal(reader.read(key), value), key
    scheduler = isozoo.from_preset(tmp_path / "again").backbone.scheduler
    assert scheduler["prediction"] == ("v_prediction" if version == "two" else "epsilon")
    half = convert(folders[version], tmp_path / "half", "diffusers", dtype="float16")
    assert "tokenizer/vocab.json" in half.files
    with open_reader(tmp_path / "half/vae/diffusion_pytorch_model.safetensors") as reader:
        assert {reader.info(key).dtype for key in reader} == {"float16"}


def as_published(folder, version):
    """The file under another name, with what the original training kept besides."""
    from safetensors.numpy import load_file, save_file

    found = load_file(folder / "model.safetensors")
    few = np.ones(3, np.float32)
    more = {"betas": few, "model_ema.decay": few, "first_stage_model.loss.logvar": few}
    if version == "two":
        text = "cond_stage_model.model"
        more |= {f"{text}.text_projection": few, f"{text}.logit_scale": few}
        more |= {
            key.replace("resblocks.1.", "resblocks.2."): value
            for key, value in found.items()
            if "resblocks.1." in key
        }
    (folder / "model.safetensors").unlink()
    if version == "one":
        import torch

        state = {key: torch.from_numpy(value) for key, value in (found | more).items()}
        torch.save({"global_step": 3, "state_dict": state}, folder / "v-pruned.ckpt")
        return folder / "v-pruned.ckpt"
    save_file(found | more, folder / "v-pruned.safetensors")
    return folder / "v-pruned.safetensors"


UNET = {"block_channels": [32, 64], "attention": [True, False], "layers_per_block": 1,
        "context_dim": 64}  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_sharded_halves_and_old_names(backend, folders, tmp_path):
    """The names of attention from before diffusers 0.13, a part in two files, float16."""
    import json

    from safetensors.numpy import save_file

    folder = tiny_diffusion.save(tmp_path / "old", "one")
    own = tiny_diffusion.weights("one")
    olds = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    vae = {}
    for key, value in own["vae"].items():
        for new, old in olds.items():
            key = key.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
        vae[key] = value.astype(np.float16)
    (folder / "vae" / tiny_diffusion.PARTS["vae"]).unlink()
    save_file(vae, folder / "vae" / "diffusion_pytorch_model.fp16.safetensors")
    unet, stem = own["unet"], "diffusion_pytorch_model"
    (folder / "unet" / tiny_diffusion.PARTS["unet"]).unlink()
    index = {}
    for number, chosen in enumerate((sorted(unet)[::2], sorted(unet)[1::2]), 1):
        name = f"{stem}-0000{number}-of-00002.safetensors"
        save_file({key: unet[key] for key in chosen}, folder / "unet" / name)
        index |= dict.fromkeys(chosen, name)
    whole = {"metadata": {}, "weight_map": index}
    (folder / "unet" / f"{stem}.safetensors.index.json").write_text(json.dumps(whole))
    model, usual = isozoo.from_preset(folder), isozoo.from_preset(folders["one"])
    values, expected = model.weights_by_path(), usual.weights_by_path()
    for path in expected:
        tolerance = 2**-11 if ".autoencoder." in f".{path}" else 0.0
        assert np.allclose(values[path].numpy(), expected[path].numpy(), tolerance, tolerance), path


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_pictures_follow_from_their_seeds(backend, folders):
    """A picture depends on its own seed alone; from a picture and in a part of one."""
    model = isozoo.from_preset(folders["one"])
    options = {"steps": 3, "width": 16, "height": 12}
    one = model.generate("a cat", "photo", seed=5, **options)
    assert one.size == (16, 12) and one.info["seed"] == "5"
    several = model.generate(["a photo", "a cat"], "photo", seed=4, batch_size=2, **options)
    assert np.abs(np.asarray(several[1], int) - np.asarray(one, int)).max() <= 1
    assert np.asarray(several[0]).tolist() != np.asarray(one).tolist()
    picture = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    # Half of six steps are made, from latents with the noise of the fourth.
    walk = model.sampler("ddim", 6)
    walk.starting_at(3)
    assert walk.plan == model.sampler("ddim", 6).plan[3:]
    painted = model.generate("a cat", image=picture, strength=0.5, steps=6, seed=1)
    assert painted.size == (16, 12)
    mask = np.zeros((13, 17), np.uint8)
    mask[:, 9:] = 255
    painted = model.generate("a cat", image=picture, mask=mask, seed=1, steps=2)
    from PIL import Image

    resized = Image.fromarray(picture).resize((16, 12), Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(painted)[:, :7], np.asarray(resized)[:, :7])
    assert not np.array_equal(np.asarray(painted)[:, 9:], np.asarray(resized)[:, 9:])


def test_the_noise_of_a_seed_is_that_of_the_stream(backend):
    from isozoo.cv.stable_diffusion.tasks import Noise

    noise = Noise(3)
    seeds = isozoo.random.SeedGenerator(3)
    for shape in ((2, 3, 4), (5,)):
        expected = np.asarray(ops.convert_to_numpy(isozoo.random.normal(shape, seed=seeds)))
        assert np.allclose(noise(shape), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt": "cat " * 20}, "takes at most 16"),
        ({"width": 17}, "`width` must be a positive multiple of 2"),
        ({"height": 0}, "`height` must be a positive multiple of 2"),
        ({"steps": 0}, "from 1 to 1000; got 0"),
        ({"scheduler": "heun"}, "Unknown scheduler 'heun'; there are: pndm, ddim"),
        ({"mask": np.zeros((4, 4), np.uint8)}, "needs an `image`"),
        ({"image": np.zeros((8, 8, 3), np.uint8), "strength": 1.5}, "at most 1; got 1.5"),
        (
            {"image": np.zeros((8, 8, 3), np.uint8), "mask": np.zeros((4, 4), np.uint8)},
            "4x4 pixels and the picture 8x8",
        ),
        (
            {"image": np.zeros((8, 8, 3), np.uint8), "mask": np.zeros((8, 8), np.uint8)},
            "black everywhere",
        ),
        ({"count": 0}, "`count` must be positive"),
        ({"negative": ["a", "b"]}, "one for each prompt"),
        ({"prompt": []}, "at least one text"),
    ],
)
@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_what_cannot_be_painted_is_named(backend, painter, options, said):
    with pytest.raises(ValueError, match=said):
        painter.generate(**{"prompt": "a cat", "steps": 1, **options})


@pytest.fixture(scope="module")
def painter(folders):
    with isozoo.use_backend("numpy"):
        return isozoo.from_preset(folders["one"])


def test_a_part_that_is_missing_or_another_is_named(tmp_path):
    import json

    from isozoo.hub import HubError

    folder = tiny_diffusion.save(tmp_path, "one")
    about = json.loads((folder / "unet/config.json").read_text())
    (folder / "unet/config.json").write_text(json.dumps({**about, "cross_attention_dim": 48}))
    with pytest.raises(HubError, match="parts of two models"):
        isozoo.from_preset(folder, backend="numpy")
    (folder / "unet/config.json").write_text(json.dumps({**about, "freq_shift": 1}))
    with pytest.raises(HubError, match="freq_shift is 1; supported: 0"):
        isozoo.from_preset(folder, backend="numpy")
    (folder / "vae/diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(HubError, match="lacks vae/diffusion_pytorch_model.safetensors"):
        isozoo.from_preset(folder, backend="numpy")


def test_single_files_that_tell_too_little_are_named(tmp_path):
    from safetensors.numpy import save_file

    from isozoo.hub import HubError

    few = np.ones((2, 4, 1, 1), np.float32)
    save_file({"model.diffusion_model.input_blocks.0.0.weight": few}, tmp_path / "u.safetensors")
    save_file({"some.weight": few}, tmp_path / "other.safetensors")
    with pytest.raises(HubError, match="it has no autoencoder"):
        isozoo.from_preset(tmp_path / "u.safetensors", backend="numpy")
    with pytest.raises(HubError, match="such as some.weight, do not tell what model it is"):
        isozoo.from_preset(str(tmp_path / "other.safetensors"), backend="numpy")


def test_the_command_line_paints_and_verifies(folders, tmp_path, capsys):
    from PIL import Image

    from isozoo.cli import main

    folder = str(folders["one"])
    target = tmp_path / "cat.png"
    options = ["--steps", "2", "--seed", "3", "--scheduler", "euler", "--backend", "numpy"]
    assert main(["run", folder, "a cat", "--draw", str(target), *options]) == 0
    assert Image.open(target).size == (16, 16)
    assert "16x16 pixels, seed 3" in capsys.readouterr().out
    assert main(["run", folder, "a cat", "--label", "x", "--backend", "numpy"]) == 2
    assert "--label is nothing to" in capsys.readouterr().err
    assert main(["verify", folder, "--backend", "numpy"]) == 0
    assert "decisions: equal" in capsys.readouterr().out
