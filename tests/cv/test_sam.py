"""SAM against transformers, with the same random weights, in both libraries' files."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo import cli
from isozoo.cv import SAMBackbone, SAMImageSegmenter, SAMPreprocessor
from isozoo.framework.core.scopes import deferred_initialization
from isozoo.hub import HubError, WeightsError

SIDE, GRID = 80, 10
TOLERANCE = 1e-5  # of the largest output; the project promises 1e-4
VISION = {
    "hidden_size": 24,
    "output_channels": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "image_size": SIDE,
    "patch_size": SIDE // GRID,
    "global_attn_indexes": [1],
    "window_size": 4,  # does not divide the grid
    "mlp_dim": 48,
    "num_pos_feats": 8,
}
PROMPTS = {"hidden_size": 16, "image_size": SIDE, "patch_size": 8, "mask_input_channels": 8}
DECODER = {
    "hidden_size": 16,
    "mlp_dim": 32,
    "num_attention_heads": 2,
    "iou_head_hidden_dim": 12,
    "iou_head_depth": 4,
}
KINDS = (
    ("points",),
    ("boxes",),
    ("masks",),
    ("points", "boxes"),
    ("points", "masks"),
    ("boxes", "masks"),
    ("points", "boxes", "masks"),
)


def close(found, expected) -> bool:
    found = np.asarray(found)
    scale = np.abs(expected).max()
    return found.shape == expected.shape and np.abs(found - expected).max() <= TOLERANCE * scale


def processor():
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    edge = {"longest_edge": SIDE}
    return SamImageProcessorPil(size=edge, pad_size={"height": SIDE, "width": SIDE})


def prompts(kinds):
    """Two pictures with two objects each: two points, a box, and one mask for both."""
    draw = np.random.default_rng(1)
    corners = np.sort(draw.uniform(0, SIDE, (2, 2, 2, 2)), axis=2)
    found = {
        "points": draw.uniform(0, SIDE, (2, 2, 2, 2)).astype("float32"),
        "labels": np.array([[[1, 0], [1, 1]], [[0, -10], [1, -1]]], "int32"),
        "boxes": corners.reshape(2, 2, 4).astype("float32"),
        "masks": draw.normal(size=(2, 1, 4 * GRID, 4 * GRID)).astype("float32"),
    }
    return {name: found[name] for name in found if name.replace("label", "point") in kinds}


def images():
    return np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype("float32")


def picture():
    return np.random.default_rng(3).integers(0, 256, (90, 120, 3)).astype("uint8")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder of transformers, its model, embeddings, and outputs by kinds of prompts."""
    import torch
    import transformers

    torch.manual_seed(3)
    config = transformers.SamConfig(
        vision_config=VISION, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER
    )
    model = transformers.SamModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "positional" in name:
                parameter.normal_(0.0, 1.0)
            elif parameter.ndim == 1 or "embed" in name or "rel_pos" in name:
                parameter.normal_(float("norm" in name and "weight" in name), 0.3)
            else:
                parameter.normal_(0.0, 0.2)
    folder = tmp_path_factory.mktemp("sam")
    model.save_pretrained(folder)
    processor().save_pretrained(folder)
    with torch.no_grad():
        embeddings = model.get_image_embeddings(torch.from_numpy(images()).permute(0, 3, 1, 2))
        expected = {kinds: theirs(model, embeddings, prompts(kinds)) for kinds in KINDS}
    return folder, model, embeddings.permute(0, 2, 3, 1).numpy(), expected


def theirs(model, embeddings, given):
    """Logits and scores of transformers' model: of the mask that stands for all, and the others."""
    import torch

    named = {f"input_{name}": torch.from_numpy(value) for name, value in given.items()}
    with torch.no_grad():
        both = [
            model(image_embeddings=embeddings, multimask_output=several, **named)
            for several in (False, True)
        ]
    return (
        np.concatenate([one.pred_masks for one in both], axis=2),
        np.concatenate([one.iou_scores for one in both], axis=2),
    )


def test_like_transformers_for_every_kind_of_prompt(backend, saved):
    folder, _, embeddings, expected = saved
    model = isozoo.from_preset(str(folder))
    assert isinstance(model, SAMImageSegmenter)
    found = model.backbone.compiled_method("encode")(images())
    assert close(isozoo.ops.convert_to_numpy(found), embeddings)
    for kinds, (logits, scores) in expected.items():
        if backend == "jax" or kinds == KINDS[-1]:  # jax compiles each op else
            decoded = model.backbone.compiled_method("decode")(found, **prompts(kinds))
        else:
            decoded = model.run_inside(model.backbone.decode, (found,), prompts(kinds))
        assert close(isozoo.ops.convert_to_numpy(decoded["logits"]), logits), kinds
        assert close(isozoo.ops.convert_to_numpy(decoded["scores"]), scores), kinds


def test_pictures_points_boxes_and_masks_are_prepared_as_by_transformers(saved):
    import torch
    from transformers import SamProcessor

    folder, *_ = saved
    original, ours = processor(), SAMPreprocessor(image_size=SIDE)
    places, corners = [[30.0, 12.5], [119.0, 0.0]], [[5.0, 6.0, 70.0, 80.0]]
    both = SamProcessor(original)(
        picture(), input_points=[places], input_boxes=[corners], return_tensors="pt"
    )
    for size in [(90, 120), (121, 37), (80, 80)]:
        one = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype("uint8")
        expected = original(one, return_tensors="np")
        assert close(ours(one), expected["pixel_values"].transpose(0, 2, 3, 1))
        frame = ours.frame(size)
        assert frame.scaled == tuple(expected["reshaped_input_sizes"][0])
        logits = np.random.default_rng(1).normal(size=(1, 3, 40, 40)).astype("float32")
        sizes = expected["original_sizes"], expected["reshaped_input_sizes"]
        masks = original.post_process_masks([torch.from_numpy(logits)], *sizes, binarize=False)
        assert close(frame.masks(logits[0]), masks[0][0].numpy())
    frame = ours.frame((90, 120))
    assert close(frame.places(np.array(places)), both["input_points"].numpy()[0, 0])
    corners = frame.places(np.array(corners).reshape(-1, 2, 2)).reshape(-1, 4)
    assert close(corners, both["input_boxes"].numpy()[0])
    with isozoo.use_backend("numpy"):
        read = SAMPreprocessor.from_preset(str(folder))
    assert vars(read) | {"files": {}} == vars(ours) | {"files": {}}


def meta_names(state):
    """The weights of transformers' model under Meta's names (segment_anything/modeling)."""
    found = {}
    for key, value in state.items():
        key = key.replace("vision_encoder.layers.", "image_encoder.blocks.")
        for old, new in {
            "vision_encoder.": "image_encoder.",
            "patch_embed.projection": "patch_embed.proj",
            "neck.conv1": "neck.0",
            "neck.layer_norm1": "neck.1",
            "neck.conv2": "neck.2",
            "neck.layer_norm2": "neck.3",
            "shared_image_embedding.positional_embedding": (
                "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
            ),
            "prompt_encoder.point_embed.": "prompt_encoder.point_embeddings.",
            "mask_embed.conv1": "mask_downscaling.0",
            "mask_embed.layer_norm1": "mask_downscaling.1",
            "mask_embed.conv2": "mask_downscaling.3",
            "mask_embed.layer_norm2": "mask_downscaling.4",
            "mask_embed.conv3": "mask_downscaling.6",
            "layer_norm_final_attn": "norm_final_attn",
            "upscale_conv1": "output_upscaling.0",
            "upscale_layer_norm": "output_upscaling.1",
            "upscale_conv2": "output_upscaling.3",
            ".layer_norm": ".norm",
        }.items():
            key = key.replace(old, new)
        if "mlps." in key or "iou_prediction" in key:
            last = 2 if "mlps." in key else DECODER["iou_head_depth"] - 1
            head, _, rest = key.partition(".layers.")
            key = f"{head}.layers.{int(rest[0]) + 1}{rest[1:]}" if rest else key
            key = key.replace("proj_in", "layers.0").replace("proj_out", f"layers.{last}")
        found[key] = value
    return found


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_files_are_written_back_in_both_layouts(backend, saved, tmp_path):
    import torch
    from safetensors.torch import load_file

    folder, original, _, expected = saved
    state = meta_names(load_file(folder / "model.safetensors"))
    (tmp_path / "meta").mkdir()
    torch.save(state, tmp_path / "meta/sam_vit_b_01ec64.pth")
    about = {
        "model_type": "segment_anything",
        "encoder_embed_dim": 24,
        "encoder_depth": 2,
        "encoder_num_heads": 3,
        "encoder_global_attn_indexes": [1],
        "mlp_ratio": 2,
        "image_size": SIDE,
        "vit_patch_size": 8,
        "window_size": 4,
        "prompt_embed_dim": 16,
        "mask_in_chans": 8,
        "transformer_mlp_dim": 32,
        "transformer_num_heads": 2,
        "iou_head_hidden_dim": 12,
        "iou_head_depth": 4,
    }
    (tmp_path / "meta/config.json").write_text(json.dumps(about))
    model = isozoo.from_preset(str(tmp_path / "meta"))
    logits, scores = expected[KINDS[-1]]
    found = model({"images": images(), **prompts(KINDS[-1])})
    # Meta's normalizations add 1e-5 to variances of about 1 where transformers' add 1e-6.
    assert np.abs(found["logits"].detach().numpy() - logits).max() <= 1e-4 * np.abs(logits).max()
    assert np.abs(found["scores"].detach().numpy() - scores).max() <= 1e-4 * np.abs(scores).max()
    model.save_to_preset(tmp_path / "again", layout="meta")
    back = torch.load(tmp_path / "again/sam.pth", weights_only=True)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[key], state[key]) for key in state)
    assert json.loads((tmp_path / "again/config.json").read_text()).items() >= about.items()
    model = isozoo.from_preset(str(folder))
    model.save_to_preset(tmp_path / "hf")
    again = type(original).from_pretrained(tmp_path / "hf").eval()
    assert all(map(torch.equal, again.state_dict().values(), original.state_dict().values()))
    both = [one.config.to_dict()["vision_config"] | {"dtype": None} for one in (again, original)]
    assert both[0] == both[1]
    read = type(processor()).from_pretrained(tmp_path / "hf").to_dict()
    assert read == type(processor()).from_pretrained(folder).to_dict()


def test_a_scene_gives_the_masks_of_the_network(saved):
    """One object and several, points, boxes and the logits of an earlier mask; best first."""
    import torch

    folder, original, *_ = saved
    model = isozoo.from_preset(str(folder), backend="numpy")
    scene = model.encode(picture())
    pixels = torch.from_numpy(model.preprocessor(picture())).permute(0, 3, 1, 2)
    embeddings = original.get_image_embeddings(pixels)
    point, box = np.array([[[50.0, 40.0]]]), np.array([[10.0, 20.0, 100.0, 80.0]])
    scaled = {
        "points": (point * SIDE / 120).astype("float32")[None],
        "labels": np.ones((1, 1, 1), "int32"),
        "boxes": (box * SIDE / 120).astype("float32")[None],
    }
    logits, scores = theirs(original, embeddings, scaled)
    order = np.argsort(-scores[0, 0, 1:])
    found = scene.masks(points=point[0], boxes=box[0])
    assert close([mask.score for mask in found], scores[0, 0, 1:][order])
    assert close(np.stack([mask.logits for mask in found]), logits[0, 0, 1:][order])
    large = scene.frame.masks(logits[0, 0, 1:][order])
    clear = np.abs(large) > TOLERANCE * np.abs(large).max()
    masks = np.stack([mask.pixels for mask in found])
    assert masks.shape == (3, 90, 120) and (masks == (large > 0))[clear].all()
    (single,) = scene.masks(points=point[0], boxes=box[0], several=False)
    assert close(single.score, scores[0, 0, 0])
    twice = scene.masks(boxes=np.repeat(box, 2, 0), mask=np.stack([single.logits] * 2))
    assert len(twice) == 2 and close(twice[0][0].logits, twice[1][0].logits)
    assert single.box == (
        *np.argwhere(single.pixels).min(0)[::-1],
        *np.argwhere(single.pixels).max(0)[::-1],
    )


def test_prompts_that_cannot_be_used_are_explained(saved):
    folder, *_ = saved
    scene = isozoo.from_preset(str(folder), backend="numpy").encode(picture())
    for given, said in [
        ({}, "no prompt: give points, boxes or a mask"),
        ({"points": [(200, 40)]}, r"x=200, y=40, which lies outside.*120x90"),
        ({"boxes": (5, 5, 60, 95)}, r"x=60, y=95, which lies outside"),
        ({"boxes": (50, 5, 40, 60)}, "right is left of the left"),
        ({"points": [(20, 40)], "labels": [1, 0]}, "one label is expected for each point"),
        ({"points": [(20, 40)], "labels": [2]}, r"got \[2\]"),
        ({"labels": [1], "boxes": (1, 2, 3, 4)}, "no points that they belong to"),
        ({"points": [20, 40]}, r"\(points, 2\) for one object"),
        ({"points": [[(1, 2)], [(1, 2), (3, 4)]]}, "as many for each object"),
        ({"points": [[(1, 2)]] * 3, "boxes": [(1, 2, 3, 4)] * 2}, "different numbers of objects"),
        ({"mask": np.zeros((7, 7))}, r"\(40, 40\)"),
    ]:
        with pytest.raises(ValueError, match=said):
            scene.masks(**given)
    model = scene.model
    with pytest.raises(ValueError, match=r"\(0, 5, 3\) is not a picture"):
        model.encode(np.zeros((0, 5, 3), "uint8"))
    with pytest.raises(ValueError, match="too long and thin"):
        model.encode(np.zeros((1, 500, 3), "uint8"))
    with pytest.raises(ValueError, match="no prompt"):
        model({"images": images()})
    with pytest.raises(ValueError, match="80x80 pixels and got 40x80"):
        model.backbone.encode(images()[:, :40])
    with pytest.raises(ValueError, match="points_per_side"):
        model.segment(picture(), points_per_side=0)
    with isozoo.use_backend("numpy"), pytest.raises(ValueError, match="no preprocessor"):
        SAMImageSegmenter(image_size=32, num_layers=1).encode(picture())
    with pytest.raises(ValueError, match="multiple of `patch_size`; got 100 and 16"):
        SAMBackbone(image_size=100)


def test_files_that_do_not_fit_are_refused(saved, tmp_path):
    from safetensors.numpy import load_file, save_file

    folder, *_ = saved
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    tensors = load_file(folder / "model.safetensors")
    gone = "mask_decoder.iou_token.weight"
    save_file({k: v for k, v in tensors.items() if k != gone}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="mask_decoder.iou_token"):
        isozoo.from_preset(str(tmp_path), backend="numpy")
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "mask_decoder_config": {**DECODER, "hidden_size": 24}})
    )
    with pytest.raises(HubError, match="hidden_size of masks is 24 where 16"):
        isozoo.from_preset(str(tmp_path), backend="numpy")
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": {"longest_edge": 64}}))
    with pytest.raises(HubError, match="longest_edge"):
        isozoo.from_preset(str(tmp_path), backend="numpy")


# Of Meta's README and of transformers' models of these names, in millions.
PUBLISHED = {"sam_vit_base": 93.7, "sam_vit_large": 312.3, "sam_vit_huge": 641.1}


def test_presets_have_the_published_sizes():
    for name, millions in PUBLISHED.items():
        preset, of_meta = isozoo.hub.get_preset(name), isozoo.hub.get_preset(f"{name}_meta")
        arguments = isozoo.hub.get_family("sam").layouts["meta"].arguments({}, of_meta.settings)
        with isozoo.use_backend("numpy"), deferred_initialization():
            count = SAMBackbone(**arguments).count_params()
        assert count == preset.num_parameters == of_meta.num_parameters
        assert round(count / 1e6, 1) == millions


def test_the_command_line_draws_masks_and_verify_agrees(saved, tmp_path, capsys):
    from PIL import Image

    folder, *_ = saved
    photo, drawn = tmp_path / "photo.png", tmp_path / "mask.png"
    Image.fromarray(picture()).save(photo)
    command = ["run", str(folder), str(photo), "--backend", "numpy", "--json"]
    assert cli.main([*command, "--point", "50,40", "--point", "9,8,0", "--draw", str(drawn)]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    scene = isozoo.from_preset(str(folder), backend="numpy").encode(photo)
    expected = scene.masks(points=[(50, 40), (9, 8)], labels=[1, 0])
    codes = [mask["segmentation"] for mask in result["masks"]]
    assert codes == [mask.rle() for mask in expected]
    before, after = picture().astype(int), np.asarray(Image.open(drawn)).astype(int)
    changed = (before != after).any(-1)
    # But for the discs of the points, what is coloured is the best mask.
    y, x = np.mgrid[0:90, 0:120]
    away = (np.hypot(x - 50, y - 40) > 8) & (np.hypot(x - 9, y - 8) > 8)
    mask = isozoo.cv.decode_rle(codes[0])
    assert (changed <= mask)[away].all() and changed[mask & away].mean() > 0.9
    assert cli.main([*command, "--point", "500,40"]) == 2
    assert "outside of the picture" in capsys.readouterr().err
    code = cli.main(["verify", str(folder), "--backend", "numpy", "--backend", "torch", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert code == 0 and report["decisions_agree"]
    assert {row["name"] for row in report["outputs"]} == {"embeddings", "logits", "scores"}


def test_the_guide_to_masks_runs(saved, tmp_path, monkeypatch, capsys):
    import re
    from pathlib import Path

    from PIL import Image

    folder, *_ = saved
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture()).resize((320, 256)).save("photo.jpg")
    text = (Path(__file__).parents[2] / "docs/masks.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    program = "\n".join(blocks).replace('"sam_vit_base"', repr(str(folder)))
    exec(compile(program, "masks.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(blocks) == 4 and len(lines) == 6
    assert lines[3] == "(256, 320) 2" and lines[4].endswith("masks")
    assert lines[5].startswith("[256, 320]") and Path("mask.png").exists()
