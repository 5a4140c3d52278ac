"""CLIP against transformers, with the same random weights."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo.cv import CLIPTokenizer, CLIPZeroShotClassifier
from isozoo.framework import ops

from . import tiny_clip

TOLERANCE = 1e-5  # of the largest output
TEXTS = [
    "a Photo of  a cat's tail, 42!",
    "",
    "naïve Grüße — cat\tcat",
    "the cat <|endoftext|> they've 3D",
    "Ⅷ ⁵ 漢字 I'LL",
]


def close(found, expected) -> bool:
    found, expected = np.asarray(ops.convert_to_numpy(found)), expected.detach().numpy()
    scale = np.abs(expected).max()
    return found.shape == expected.shape and np.abs(found - expected).max() <= TOLERANCE * scale


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    return folder, tiny_clip.original(folder)


def pixels(*shape):
    return np.random.default_rng(0).integers(0, 256, size=(*shape, 3), dtype=np.uint8)


def test_like_transformers_from_a_folder(backend, saved):
    """Vectors of pictures and of texts, and their products; texts end at different places."""
    import torch

    folder, theirs = saved
    model = isozoo.from_preset(str(folder))
    assert isinstance(model, CLIPZeroShotClassifier)
    inputs = model.preprocessor(
        {"images": [pixels(40, 50), pixels(32, 32)], "texts": ["a cat", "b"]}
    )
    found = model.infer(inputs) if backend == "jax" else model(inputs)
    with torch.no_grad():
        expected = theirs(
            input_ids=torch.from_numpy(inputs["token_ids"]).long(),
            pixel_values=torch.from_numpy(inputs["images"]).permute(0, 3, 1, 2),
        )
    assert close(found["image_embedding"], expected.image_embeds)
    assert close(found["text_embedding"], expected.text_embeds)
    assert close(found["logits"], expected.logits_per_image)


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_pictures_are_named_by_texts_of_the_users(backend, saved, tmp_path):
    import torch

    folder, theirs = saved
    model = isozoo.from_preset(str(folder))
    labels = ["cat", "photo", "of it"]
    found = model.classify(pixels(40, 50), labels, template="a {}")
    inputs = model.preprocessor({"images": pixels(40, 50), "texts": [f"a {x}" for x in labels]})
    with torch.no_grad():
        logits = theirs(
            input_ids=torch.from_numpy(inputs["token_ids"]).long(),
            pixel_values=torch.from_numpy(inputs["images"]).permute(0, 3, 1, 2),
        ).logits_per_image[0]
    shares = logits.softmax(0).numpy()
    assert [one.label for one in found] == [labels[i] for i in np.argsort(-shares)]
    assert np.allclose([one.probability for one in found], np.sort(shares)[::-1], atol=1e-5)
    assert len(model.classify([pixels(40, 50)] * 2, labels, top=1)) == 2
    for options, said in (
        ({"labels": []}, "at least one text"),
        ({"labels": ["x"], "template": "a photo"}, "must hold {} once"),
        ({"labels": ["x"], "top": 2}, "between 1 and 1"),
        ({"labels": ["cat " * 40]}, "takes at most 16"),
    ):
        with pytest.raises(ValueError, match=said):
            model.classify(pixels(40, 50), **options)
    written = model.save_to_preset(tmp_path)
    assert {path.name for path in written} >= {"config.json", "vocab.json", "merges.txt"}
    import transformers

    again = transformers.CLIPModel.from_pretrained(tmp_path)
    state = theirs.state_dict()
    assert again.config.text_config.eos_token_id == theirs.config.text_config.eos_token_id
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, state[name]), name


def test_the_tokenizer_is_transformers(tmp_path):
    import transformers

    merges = [tuple(pair.split(" ")) for pair in tiny_clip.MERGES]
    theirs = transformers.CLIPTokenizer(tiny_clip.vocabulary(), merges)
    theirs.save_pretrained(tmp_path / "whole")
    tiny_clip.save_tokenizer(tmp_path, pad_token="!")
    # The marks are text here, so that nobody can end a prompt by writing one.
    texts = [text for text in TEXTS if "<|" not in text]
    for folder, pad in ((tmp_path, "!"), (tmp_path / "whole", tiny_clip.END)):
        files = {path.name: path for path in folder.iterdir() if path.is_file()}
        ours = CLIPTokenizer.from_files(files)
        theirs.pad_token = pad
        expected = theirs(texts, padding="max_length", max_length=77)["input_ids"]
        assert ours.batch(texts) == expected
        whole = expected[0][: expected[0].index(ours.end_id)]  # theirs shows padding
        assert ours.decode(expected[0]) == theirs.decode(whole, skip_special_tokens=True)
        assert tiny_clip.vocabulary()[tiny_clip.END] not in ours.encode(TEXTS[3])
        cut = theirs(["cat " * 100], truncation=True, max_length=77)["input_ids"]
        assert ours.batch("cat " * 100, truncate=True) == cut
