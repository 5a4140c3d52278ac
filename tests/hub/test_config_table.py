"""Configs of other libraries, read and written by a family's table."""

from __future__ import annotations

import pytest

import isozoo
from isozoo.applications.resnet import family as resnet
from isozoo.hub.config_table import COUNT, FLAG, NUMBER, Argument, ConfigTable, Fixed, Same
from isozoo.hub.errors import HubError
from isozoo.nlp.bert import family as bert
from isozoo.nlp.whisper import family as whisper

TABLE = ConfigTable(
    "Toy",
    Argument("size", "dim", COUNT),
    Argument("rate", "dropout", NUMBER, 0.5),
    Argument("act", "activation", default="gelu", values={"gelu": "gelu", "swish": "silu"}),
    Argument("wide", "wide", FLAG, False),
    Fixed("is_decoder", False),
    Same("inner", "size"),
    irrelevant=("seed",),
    constants={"model_type": "toy"},
)


def test_both_directions():
    config = {"model_type": "toy", "size": 4, "act": "swish", "seed": 3, "inner": 4, "new": None}
    found = TABLE.read(config)
    assert found == {"dim": 4, "dropout": 0.5, "activation": "silu", "wide": False}
    written = TABLE.write(found)
    assert written == {
        "model_type": "toy", "size": 4, "rate": 0.5, "act": "swish", "wide": False, "inner": 4,
    }  # fmt: skip
    assert TABLE.read(written) == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": None}, "size is missing; expected: a positive whole number"),
        ({"size": 0}, "size is 0; supported: a positive whole number"),
        ({"size": True}, "size is True; supported: a positive"),
        ({"size": "4"}, "size is '4'; supported: a positive"),
        ({"rate": float("nan")}, "rate is nan; supported: a number"),
        ({"rate": -1}, "rate is -1"),
        ({"act": "relu"}, "act is 'relu'; supported: 'gelu', 'swish'"),
        ({"act": ["gelu"]}, r"act is \['gelu'\]; supported"),
        ({"wide": 1}, "wide is 1; supported: true or false"),
        ({"is_decoder": True}, "is_decoder is True; supported: False"),
        ({"is_decoder": 0}, "is_decoder is 0; supported: False"),
        ({"inner": 5}, "inner is 5 and size 4; supported: equal"),
        ({"rope": {"base": 2}}, r"rope is \{'base': 2\}, a key that is not known here"),
    ],
)
def test_what_is_not_supported_is_named(change, said):
    config = {key: v for key, v in {"size": 4, "act": "gelu", **change}.items()}
    with pytest.raises(HubError, match=said):
        TABLE.read(config)
    (key,) = change
    if key != "size":
        assert TABLE.read(config, ignore=[key])["dim"] == 4


def test_all_problems_are_named_at_once():
    with pytest.raises(HubError) as caught:
        TABLE.read({"act": "relu", "rope": 1})
    assert all(f"\n  - {key} is " in str(caught.value) for key in ("size", "act", "rope"))


def test_what_a_config_cannot_say_is_an_error():
    with pytest.raises(HubError, match="heads=2: no key"):
        TABLE.write({"dim": 4, "heads": 2})
    with pytest.raises(HubError, match="activation='relu': act has no such value"):
        TABLE.write({"dim": 4, "activation": "relu"})
    with pytest.raises(HubError, match="dim is not given"):
        TABLE.write({})
    with pytest.raises(ValueError, match="names twice: size"):
        ConfigTable("Toy", Fixed("size", 1), irrelevant=["size"])


@pytest.mark.parametrize(
    ("table", "kind"),
    [(bert.CONFIG, "Bert"), (whisper.CONFIG, "Whisper"), (resnet.TRANSFORMERS, "ResNet")],
    ids=["bert", "whisper", "resnet"],
)
def test_the_tables_know_every_key_that_transformers_writes(table, kind):
    transformers = pytest.importorskip("transformers")
    original = getattr(transformers, f"{kind}Config")()
    found = table.read(original.to_dict())
    again = type(original)(**table.write(found)).to_dict()
    assert again == {**original.to_dict(), **table.constants}


def test_older_and_foreign_keys_of_bert():
    """What published config.json files hold besides, by their age; each alone."""
    sizes = {"vocab_size": 9, "num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 4}
    sizes["intermediate_size"] = 8
    harmless = {"gradient_checkpointing": False, "pooler_type": "first_token_transform",
                "directionality": "bidi", "output_past": True, "torch_dtype": "float32",
                "pruned_heads": {}, "_num_labels": None}  # fmt: skip
    assert bert.CONFIG.read({**sizes, **harmless})["max_sequence_length"] == 512
    for key, value in {"pruned_heads": {"0": [1]}, "quantization_config": {"bits": 4},
                       "auto_map": {"AutoModel": "x.Y"}, "add_cross_attention": True,
                       "rotary_base": 10000}.items():  # fmt: skip
        with pytest.raises(HubError, match=key):
            bert.CONFIG.read({**sizes, key: value})


def test_sizes_that_no_model_has_are_refused_before_it_is_built():
    """A config could otherwise ask for a billion layers, one by one."""
    sizes = {"vocab_size": 9, "num_hidden_layers": 10**9, "num_attention_heads": 1}
    sizes |= {"hidden_size": 2**40, "intermediate_size": 8}
    with pytest.raises(HubError, match="num_hidden_layers is 1000000000; supported: .* 10000"):
        bert.CONFIG.read(sizes)
    with pytest.raises(HubError, match="hidden_size is 1099511627776"):
        bert.CONFIG.read(sizes)
    with pytest.raises(HubError, match="depths is"):
        resnet.TRANSFORMERS.read({"depths": [3, 10**9]})


def test_timm_names_the_whole_architecture():
    config = {"architecture": "resnet34", "num_classes": 5, "pretrained_cfg": {"mean": [0, 0, 0]}}
    found = resnet.TIMM.read(config)
    assert found == {"block_type": "basic_block", "stackwise_num_blocks": (3, 4, 6, 3)}
    assert resnet.TIMM.write(found) == {"architecture": "resnet34"}
    with pytest.raises(HubError, match="model_args"):
        resnet.TIMM.read({**config, "model_args": {"stem_width": 32}})


def test_every_preset_of_a_family_can_be_described():
    """What needs no file: settings that stand for one, and the classes that tasks name."""
    from isozoo.hub import get_family, list_presets

    for preset in list_presets():
        family = get_family(preset.family)
        layout = family.layouts[preset.layout]
        if "config" in preset.settings:
            assert layout.arguments({}, preset.settings)
        reference = family.tasks[preset.task]
        assert reference.refers_to(reference())
    assert len(isozoo.list_presets()) >= 14
