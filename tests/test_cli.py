"""The command line: what it prints, its exit codes, and the way from a hub to an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import isozoo
from isozoo import cli
from isozoo.scripts.loopback.reading import HubServer

from .nlp import tiny_bert
from .patience import DEADLINE


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.main(list(arguments))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_list_names_the_presets_that_the_world_expects(capsys):
    code, out, _ = run(capsys, "list", "--json")
    names = {preset["name"] for preset in json.loads(out)}
    assert code == 0
    assert names >= {
        "bert_tiny", "bert_base", "bert_large", "all_minilm_l6_v2", "resnet50", "whisper_tiny",
        "whisper_tiny_en", "whisper_base", "efficientnet_lite0",
    }  # fmt: skip
    code, out, _ = run(capsys, "list", "--family", "bert")
    assert code == 0 and "whisper" not in out and "bert_base" in out


def test_info_says_what_pins_a_preset(capsys):
    code, out, _ = run(capsys, "info", "all_minilm_l6_v2", "--json")
    assert code == 0 and json.loads(out)["pinned"] == "preset"
    code, out, _ = run(capsys, "info", "bert_large")
    assert code == 0 and "pinned: first use" in out
    assert "hf://google-bert/bert-large-uncased@" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["info", "bert_bas"], 2, "near matches: bert_base"),
        (["run", "all_minilm_l6_v2", "a", "--backend", "mlx"], 2, "Unknown backend 'mlx'"),
        (["run", "efficientnet_lite0", "pyproject.toml", "--backend", "numpy"], 2, "image"),
        (["run", "whisper_tiny_en", "pyproject.toml", "--backend", "numpy"], 2, "sound"),
        (["run", "all_minilm_l6_v2", "word " * 600, "--backend", "numpy"], 2, "takes at most 256"),
        (["pull", "bert_large", "--offline"], 3, "Ways out"),
        (["pull", "./nowhere"], 2, "does not exist"),
        (["list", "--family", "brt"], 2, "there is no family 'brt'; there are: bert"),
        (
            ["convert", "all_minilm_l6_v2", "--out", "x", "--to", "gguf"],
            2,
            "there are: huggingface",
        ),
        (["convert", "all_minilm_l6_v2", "--out", "x", "--dtype", "int7"], 2, "float64, float32"),
    ],
)
def test_a_wrong_call_is_told_why(capsys, arguments, code, said):
    found, out, err = run(capsys, *arguments)
    assert found == code
    assert said in err and out == ""


@pytest.mark.parametrize("size", ["abc", "-5", "0", "1e3GB", "GB"])
def test_sizes(size, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(capsys, "convert", "all_minilm_l6_v2", "--out", "x", "--max-shard-size", size)
    assert "is no size: 2GB" in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(capsys):
    code, out, err = run(capsys)
    assert code == 2 and err == "" and out.startswith("usage: isozoo")
    assert all(command in out for command in ("list", "info", "pull", "run", "verify"))


def wrapped(cause: Exception) -> Exception:
    error = ValueError("cannot be computed from x")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("a text is too long"), 2),
        (FileNotFoundError("a.png"), 2),
        (ImportError("pip install 'isozoo[audio]'"), 2),
        (ModuleNotFoundError("no x", name="isozoo.nlp.x"), 4),
        (AttributeError("None has no shape"), 4),
        (TypeError("f() takes no argument"), 4),
        (KeyError("token_ids"), 4),
        (wrapped(AttributeError("no such kernel")), 4),
        (wrapped(KeyError("from a damaged file")), 2),
        (isozoo.ops.InvalidArgumentError("an axis is out of range"), 4),
    ],
    ids=repr,
)
def test_whose_fault_an_error_is(capsys, monkeypatch, error, code):
    def fail(name):
        raise error

    monkeypatch.setattr("isozoo.hub.find_preset", fail)
    found, out, err = run(capsys, "info", "bert_base")
    assert found == code and out == ""
    assert ("Traceback" in err and "fault of isozoo" in err) == (code == 4)


def test_a_missing_backend_comes_with_the_install_command(capsys, monkeypatch):
    from isozoo.framework.backends import registry

    monkeypatch.delitem(registry._loaded, "jax", raising=False)
    found = registry.importlib.util.find_spec
    monkeypatch.setattr(
        registry.importlib.util, "find_spec", lambda name: None if name == "jax" else found(name)
    )
    code, _, err = run(capsys, "run", "all_minilm_l6_v2", "a", "--backend", "jax")
    assert code == 2 and "pip install 'isozoo[jax]'" in err


def test_texts_images_and_sounds(capsys, data_dir, tmp_path):
    code, out, _ = run(capsys, "run", "all_minilm_l6_v2", "a cat", "--backend", "numpy", "--json")
    vector = np.array(json.loads(out)["results"][0]["embedding"])
    assert code == 0 and vector.shape == (384,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    timed = ("all_minilm_l6_v2", "--backend", "numpy", "--seconds", "0.001", "--json")
    code, out, _ = run(capsys, "bench", *timed)  # on its own samples
    found = json.loads(out)
    assert code == 0 and found["fastest"] == "numpy" and found["versions"]["numpy"]
    long = ("all_minilm_l6_v2", "word " * 600, "--backend", "numpy", "--truncate")
    code, out, _ = run(capsys, "run", *long)
    assert code == 0 and "384 numbers" in out
    picture = tmp_path / "classes.png"
    cat = str(data_dir / "chelsea.png")
    code, out, _ = run(
        capsys, "run", "efficientnet_lite0", cat, "--backend", "torch", "--draw", str(picture)
    )
    assert code == 0 and "cat" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    sound = str(data_dir / "librivox-0930.wav")
    code, out, _ = run(capsys, "run", "whisper_tiny_en", sound, "--backend", "torch")
    assert code == 0 and "amiable" in out


def test_verify_exits_with_its_verdict(capsys, monkeypatch):
    code, out, _ = run(
        capsys,
        *("verify", "efficientnet_lite0", "--backend", "numpy", "--backend", "torch"),
        *("--against", "--json"),
    )
    report = json.loads(out)
    assert not [one for one in report["against"] if one["matters"]]
    assert code == 0 and report["ok"] and report["decisions_agree"]
    assert set(report["decisions"]) == {"float64", "numpy", "torch"}
    assert 0 < report["outputs"][0]["errors"]["torch"] < 200
    from isozoo.hub import parity

    monkeypatch.setattr(parity, "NOISE", 1e-9)
    monkeypatch.setattr(parity, "TOLERATED", 0.5)
    code, out, _ = run(
        capsys, "verify", "efficientnet_lite0", "--backend", "numpy", "--backend", "torch"
    )
    assert code == 1 and "NOT OK" in out


def test_from_the_hub_to_an_answer_and_again_without_it(tmp_path):
    """The real client, in a process of its own, against a hub on this machine."""
    original = tiny_bert.random_model("BertModel")
    folder = tiny_bert.save(original, tmp_path)
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    tokens = np.array([[2, 12, 13, 3]])
    given = {
        "token_ids": tokens,
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": np.ones_like(tokens),
    }
    expected = tiny_bert.reference(original, given)["last_hidden_state"].mean(1)[0]
    environment = {**os.environ, "ISOZOO_CACHE": str(tmp_path / "cache"), "JAX_PLATFORMS": "cpu"}

    def call(*arguments: str, **more: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "isozoo", *arguments]
        env = {**environment, **more}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=DEADLINE)

    hub = HubServer()
    try:
        commit = hub.add("acme/tiny", files)
        environment["HF_ENDPOINT"] = hub.url
        done = call("pull", "hf://acme/tiny", "--json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == "", "a pipe must stay silent"
        pulled = json.loads(done.stdout)
        assert (pulled["pinned"], pulled["commit"]) == ("lock", commit)
        assert all(Path(path).is_file() for path in pulled["files"].values())
    finally:
        hub.close()
    word = tiny_bert.TOKENS[12] + " " + tiny_bert.TOKENS[13]
    script = (
        "import sys, json, isozoo; m = isozoo.from_preset('hf://acme/tiny', "
        "task='text_embedder', pooling='mean', normalize=False, backend='numpy'); "
        f"print(json.dumps(m.embed({word!r}).tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.ravel(json.loads(done.stdout)), expected, atol=1e-5)
