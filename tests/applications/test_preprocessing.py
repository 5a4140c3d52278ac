"""Pictures in, tensors out: against Pillow by hand, transformers, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import isozoo
from isozoo.applications import ImageClassifierPreprocessor, ImageError, draw_classes
from isozoo.applications.image_configs import image_settings, write_transformers
from isozoo.applications.images import load_image
from isozoo.applications.resnet.family import KERAS_IMAGE
from isozoo.hub import HubError

PLAIN = {"scale": 1.0, "mean": (0, 0, 0), "std": (1, 1, 1)}


@pytest.fixture(scope="module")
def photo(data_dir):
    return np.asarray(Image.open(data_dir / "chelsea.png").convert("RGB"))


def of_transformers(config):
    return ImageClassifierPreprocessor(**image_settings({"preprocessor_config.json": config}, {}))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("ConvNext", {"size": {"shortest_edge": 224}, "crop_pct": 0.95, "resample": 2}),
        ("ConvNext", {"size": {"shortest_edge": 400}}),
        ("ConvNext", {"size": {"shortest_edge": 32}, "do_normalize": False}),
        ("ViT", {"size": {"height": 48, "width": 80}, "rescale_factor": 1 / 127.5}),
        ("ViT", {"do_rescale": False, "image_mean": [127.0] * 3, "image_std": [128.0] * 3}),
        ("DeiT", {"size": {"height": 72, "width": 72}, "crop_size": {"height": 64, "width": 64}}),
        ("DeiT", {"do_center_crop": False, "size": {"height": 50, "width": 60}}),
        ("Bit", {"size": {"shortest_edge": 232}, "resample": 0}),
        ("CLIP", {"size": {"shortest_edge": 37}, "crop_size": {"height": 29, "width": 29}}),
    ],
    ids=str,
)
def test_like_transformers(photo, kind, changes):
    transformers = pytest.importorskip("transformers")
    original = getattr(transformers, f"{kind}ImageProcessorPil")(**changes)
    expected = np.asarray(original(photo)["pixel_values"][0]).transpose(1, 2, 0)
    ours = of_transformers(original.to_dict())
    # Two roundings of float32 in theirs and in ours, at values up to 255.
    tolerance = 2**-22 * max(1, np.abs(expected).max()) * 2
    np.testing.assert_allclose(ours(photo)[0], expected, atol=tolerance, rtol=0)
    written = write_transformers(ours)
    again = getattr(transformers, written["image_processor_type"] + "Pil")(**written)
    theirs = np.asarray(again(photo)["pixel_values"][0]).transpose(1, 2, 0)
    np.testing.assert_allclose(theirs, expected, atol=tolerance, rtol=0)


def test_files_without_a_type_are_read_by_their_sizes():
    plain = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    for size, crop, ratio in (
        ({"size": 224}, "resize_first", 0.875),
        ({"size": {"shortest_edge": 384}}, "none", 0.875),
        ({"size": {"height": 224, "width": 224}}, "none", 0.875),
        ({"size": 256, "crop_size": 224}, "resize_first", 0.875),
    ):
        ours = of_transformers({**plain, **size})
        assert (ours.crop, ours.crop_ratio, ours.interpolation) == (
            crop, ratio, "bilinear" if "height" in str(size) else "bicubic"
        )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"do_resize": False}, "do_resize is False"),
        ({"do_pad": True}, "do_pad is True"),
        ({"do_flip_channel_order": True}, "do_flip_channel_order is True"),
        ({"image_processor_type": "EfficientNetImageProcessor"}, "EfficientNetImageProcessor"),
        ({"resample": 7}, "resample is 7"),
        ({"do_center_crop": False, "image_processor_type": "BitImageProcessor"}, "any shape"),
        ({"size": {"longest_edge": 224}}, "longest_edge"),
        ({"size": {"shortest_edge": 0}}, "size is"),
        ({"image_mean": None}, "image_mean is None; 3 numbers"),
        ({"image_std": [1, 2]}, r"image_std is \[1, 2\]"),
        ({"rescale_offset": True}, "rescale_offset is True, a key that is not known"),
    ],
)
def test_what_changes_pixels_and_is_not_done_is_an_error(change, said):
    config = {"size": 224, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    with pytest.raises(HubError, match=said):
        of_transformers({**config, **change})


def test_like_tensorflows_crop(photo):
    """The centred square of 224/256 of the shorter side, resized by Pillow in one step."""
    side = 300 - 38  # round(300 * 0.875) is 262
    top, left = (300 - side) // 2, (451 - side) // 2
    square = Image.fromarray(photo[top : top + side, left : left + side])
    expected = np.asarray(square.resize((224, 224), Image.Resampling.BICUBIC), np.float32)
    ours = ImageClassifierPreprocessor(crop="crop_first", interpolation="bicubic", **PLAIN)
    # Pillow filters across the border of a box, and cannot across the border of a picture.
    assert np.abs(ours(photo)[0] - expected)[4:-4, 4:-4].max() <= 1


def test_normalisation_is_that_of_keras_for_resnet(photo):
    import keras

    pixels = photo[:224, :224]
    expected = keras.applications.resnet.preprocess_input(pixels.astype("float32"))
    found = ImageClassifierPreprocessor(**KERAS_IMAGE)(pixels)[0]
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_scale_mean_and_std_in_float64_terms():
    pixels = np.full((8, 8, 3), (10, 100, 250), np.uint8)
    found = ImageClassifierPreprocessor((8, 8), crop="none")(pixels)[0, 0, 0]
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(found, (np.array([10, 100, 250]) / 255 - mean) / std, rtol=1e-6)


def test_settings_of_timm():
    config = {
        "input_size": [3, 240, 200],
        "crop_pct": 0.95,
        "interpolation": "bicubic",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
    }
    ours = ImageClassifierPreprocessor(
        **image_settings({"config.json": {"pretrained_cfg": config}}, {})
    )
    assert ours.image_size == (240, 200) and ours.interpolation == "bicubic"
    assert ours.crop_ratio == 0.95 and ours.mean == (0.5,) * 3 and ours.std == (0.25,) * 3
    assert ours.crop == "resize_first" and ours.scale == 1 / 255
    for change, said in (
        ({"crop_mode": "border"}, "crop_mode is 'border'"),
        ({"interpolation": "random"}, "interpolation is 'random'"),
        ({"input_size": [1, 28, 28]}, "1 channels"),
        ({"mixup": 1}, "mixup is 1, a key that is not known"),
    ):
        with pytest.raises(HubError, match=said):
            image_settings({"config.json": {"pretrained_cfg": {**config, **change}}}, {})


def test_squashed_like_timm(photo):
    """timm's crop_mode "squash": the whole picture to 32 / 0.8, then the centre."""
    small = Image.fromarray(photo).resize((40, 40), Image.Resampling.BICUBIC)
    expected = np.asarray(small, np.float32)[4:36, 4:36]
    ours = ImageClassifierPreprocessor((32, 32), "squash", 0.8, "bicubic", **PLAIN)
    np.testing.assert_array_equal(ours(photo)[0], expected)


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 3)])
@pytest.mark.parametrize("crop", ["resize_first", "crop_first", "none"])
def test_any_shape_gives_the_models_size(shape, crop):
    pixels = np.full((*shape, 3), 7, np.uint8)
    found = ImageClassifierPreprocessor((32, 48), crop=crop, **PLAIN)(pixels)
    assert found.shape == (1, 32, 48, 3) and found.dtype == np.float32
    assert (found == 7).all()


def test_several_pictures_keep_their_order():
    pictures = [np.full((9, 9, 3), value, np.uint8) for value in (1, 2, 3)]
    ours = ImageClassifierPreprocessor((4, 4), **PLAIN)
    assert ours(pictures)[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert ours(np.stack(pictures))[:, 0, 0, 0].tolist() == [1, 2, 3]


def test_grey_alpha_and_16_bits_become_rgb():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    want = np.repeat(grey[..., None], 3, -1)
    alpha = np.concatenate([want, np.full((3, 4, 1), 9, np.uint8)], -1)
    deep = Image.fromarray(grey.astype(np.uint16) * 256 + 99)
    for source in (grey, grey[..., None], alpha, Image.fromarray(alpha), deep):
        assert (np.asarray(load_image(source)) == want).all()


def test_palettes_become_rgb(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([200, 10, 20, 0, 90, 30])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "p.png", transparency=bytes([255, 0]))
    found = np.asarray(load_image(tmp_path / "p.png"))
    assert found.tolist() == [[[200, 10, 20], [0, 90, 30]]]


def test_exif_orientation_is_followed(tmp_path):
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(picture).save(tmp_path / "turned.png", exif=exif)
    found = np.asarray(load_image(tmp_path / "turned.png"))
    assert found.shape == (3, 2, 3) and (found == np.rot90(picture, -1)).all()


@pytest.mark.parametrize("kept", [0, 8, 500, 20_000])
@pytest.mark.parametrize("name", ["chelsea.png", "coffee.jpg"])
def test_a_truncated_file_is_an_error_with_its_path(data_dir, tmp_path, name, kept):
    path = tmp_path / name
    path.write_bytes((data_dir / name).read_bytes()[:kept])
    with pytest.raises(ImageError, match=name):
        load_image(path)


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ImageError, match=r"text\.png"):
        load_image(tmp_path / "text.png")
    with pytest.raises(ImageError, match="no such file"):
        load_image(tmp_path / "absent.png")
    with pytest.raises(ImageError, match="float32"):
        load_image(np.zeros((4, 4, 3), np.float32))
    for shape in [(4,), (4, 4, 2), (0, 4, 3), (1, 1, 4, 4, 3)]:
        with pytest.raises(ImageError, match="shape"):
            load_image(np.zeros(shape, np.uint8))
    with pytest.raises(ImageError, match="int"):
        load_image(3)
    with pytest.raises(ValueError, match="No pictures"):
        ImageClassifierPreprocessor()([])


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop": "middle"},
        {"interpolation": "cubic"},
        {"channel_order": "rbg"},
        {"crop_ratio": 0},
        {"std": (1, 0, 1)},
        {"mean": (1,)},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ImageClassifierPreprocessor(**wrong)


def test_class_names_are_in_the_order_of_ilsvrc():
    # Numbers of the ILSVRC 2012 list, which is sorted by WordNet id; all along its length, so that
    # a missing or doubled line would show.
    known = {
        0: "tench", 1: "goldfish", 2: "great white shark", 99: "goose", 207: "golden retriever",
        281: "tabby", 282: "tiger cat", 285: "Egyptian cat", 291: "lion", 340: "zebra",
        386: "African elephant", 388: "giant panda", 404: "airliner", 463: "bucket",
        508: "computer keyboard", 609: "jeep", 701: "parachute", 779: "school bus",
        817: "sports car", 920: "traffic light", 949: "strawberry", 954: "banana", 963: "pizza",
        967: "espresso", 985: "daisy", 999: "toilet tissue",
    }  # fmt: skip
    names = isozoo.applications.imagenet_classes()
    assert len(names) == 1000
    assert {i: names[i] for i in known} == known
    # The list itself names two things alike: a bird and a machine, and two kinds of swimsuit.
    assert {name for name in names if names.count(name) > 1} == {"crane", "maillot"}


def test_drawing_shows_the_picture_and_bars(tmp_path, photo):
    from isozoo.applications.drawing import BAR, CHART_WIDTH, HEIGHT
    from isozoo.hub.labels import Classified

    path = tmp_path / "chart.png"
    classes = [Classified(1, "a name too long for the chart " * 3, 0.75), Classified(2, "b", 0.25)]
    draw_classes(photo, classes, path)
    drawn = np.asarray(Image.open(path))
    width = round(451 * HEIGHT / 300)
    assert drawn.shape == (HEIGHT, width + CHART_WIDTH, 3)
    assert np.abs(drawn[:, :width].mean((0, 1)) - photo.mean((0, 1))).max() < 2
    blue = (drawn == tuple(int(BAR[i : i + 2], 16) for i in (1, 3, 5))).all(-1)
    long, short = blue[: HEIGHT // 2].any(0).sum(), blue[HEIGHT // 2 :].any(0).sum()
    assert abs(long / short - 3) < 0.1
    assert [p.name for p in tmp_path.iterdir()] == ["chart.png"]


def test_drawing_refuses_no_classes_and_leaves_nothing(tmp_path, photo):
    with pytest.raises(ValueError, match="got 0"):
        draw_classes(photo, [], tmp_path / "chart.png")
    with pytest.raises(OSError):
        draw_classes(photo, [(1, "a", 0.5)], tmp_path / "absent" / "chart.png")
    assert not list(tmp_path.iterdir())
