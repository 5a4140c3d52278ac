"""All commands have one style: help with examples that parse, JSON, one line for a wrong call."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from isozoo import cli
from isozoo.commands import completion, health
from isozoo.commands.parsing import Parser
from isozoo.hub import list_presets

ROOT = Path(__file__).parents[1]
PARSER = cli.make_parser()


def leaves(parser: Parser, words: tuple[str, ...] = ()):
    """Every command and action that runs: its words, and its parser."""
    if not parser.actions:
        yield words, parser
    for name, inner in parser.actions.items():
        yield from leaves(inner, (*words, name))


COMMANDS = {" ".join(words): parser for words, parser in leaves(PARSER)}


def test_the_commands_are_those_that_are_known():
    assert set(PARSER.actions) >= {
        "list", "info", "pull", "run", "verify", "bench", "finetune", "convert", "export", "bundle",
        "serve", "publish", "catalog", "cache", "audit", "doctor", "completion",
    }  # fmt: skip
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("name", COMMANDS)
def test_help_tells_what_it_does_with_examples_that_parse(name):
    parser = COMMANDS[name]
    assert parser.prog == f"isozoo {name}"
    assert parser.description and parser.description.endswith(".")
    assert parser.examples, "an example is missing"
    for example in parser.examples:
        line = re.split(r" > |; ", example)[0]
        words = shlex.split(line)
        assert " ".join(words).startswith(parser.prog), example
        chosen = PARSER.parse_args(words[1:])
        assert callable(chosen.run)
        assert f"  {example}" in parser.format_help()
    for action in parser._actions:
        assert action.help, f"{action.dest} has no help"
    longest = max(len(line) for line in parser.format_help().splitlines())
    assert longest <= 100
    has_json = any("--json" in action.option_strings for action in parser._actions)
    assert has_json == (not name.startswith("completion"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_option_is_told_in_one_line(name, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main([*name.split(), "--no-such-option"])
    shown = capsys.readouterr()
    assert exit.value.code == 2 and shown.out == ""
    assert re.fullmatch(r"isozoo( [\w-]+)*: [^\n]+; see `isozoo( [\w-]+)* --help`\n", shown.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("lst", "isozoo: there is no command 'lst'; near matches: list; see `isozoo --help`"),
        ("cache prun", "isozoo cache: there is no action 'prun'; near matches: prune, pin; see"),
        ("cache", "isozoo cache: the following arguments are required: ACTION; see"),
        ("finetune a b --to c --mode fun", "near matches: full; see `isozoo finetune --help`"),
        ("finetune a b --to c --epoc 2", "isozoo finetune: unknown arguments: --epoc 2; see"),
    ],
)
def test_a_near_miss_is_told(words, said, capsys):
    with pytest.raises(SystemExit):
        cli.main(words.split())
    assert said in capsys.readouterr().err


def test_every_exit_code_is_documented():
    guide = (ROOT / "docs/command_line.md").read_text()
    for code in (0, cli.NO, cli.WRONG_CALL, cli.NOT_TO_BE_HAD, cli.OUR_FAULT, health.CAUTION, 130):
        assert re.search(rf"\b{code} ", PARSER.epilog or "")
        assert f"| {code} |" in guide
    for name in PARSER.actions:
        assert f"`{name}`" in guide, f"the guide does not name {name}"


def test_names_alone(capsys):
    assert cli.main(["list", "--names"]) == 0
    assert capsys.readouterr().out.split() == [preset.name for preset in list_presets()]


def test_bash_completes_commands_options_choices_and_presets(tmp_path):
    script = completion.script(PARSER, "bash")
    fake = tmp_path / "isozoo"
    fake.write_text("#!/bin/sh\necho whisper_tiny\necho bert_base\n")
    fake.chmod(0o755)
    lines = "\n".join(
        f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); COMPREPLY=(); _isozoo; "
        'echo "${COMPREPLY[*]}"'
        for words in (
            "isozoo ca",
            "isozoo cache pr",
            "isozoo run whis",
            "isozoo cache prune --o",
            'isozoo finetune x --mode ""',
            "isozoo run --da",
        )
    )
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{lines}"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "catalog cache", "prune", "whisper_tiny", "--older-than", "full lora head", ""
    ]  # fmt: skip


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_name_all_commands_and_are_shell(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name, parser in COMMANDS.items():
        assert name.split()[-1] in script
        for action in parser._actions:
            long = [text for text in action.option_strings if text.startswith("--")]
            assert all((f"-l {t[2:]}" if shell == "fish" else t) in script for t in long)
    if shutil.which(shell):
        syntax = ["-n"] if shell != "fish" else ["--no-execute"]
        done = subprocess.run([shell, *syntax], input=script, capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize(
    "line",
    ["run a b c --top 3", "run a --top 3 b c", "run --top 3 a b c", "run a b --top 3 c"],
)
def test_inputs_may_stand_on_both_sides_of_options(line):
    found = cli.make_parser().parse_args(line.split())
    assert (found.name, found.inputs, found.top) == ("a", ["b", "c"], 3)


def test_doctor_knows_all_extras(capsys, monkeypatch):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"all", "demo", "test", "lint", "benchmark", "docs", "jax", "torch", "tensorflow"}
    assert set(health._EXTRAS) == set(project["optional-dependencies"]) - groups
    found = health.importlib.util.find_spec
    monkeypatch.setattr(
        health.importlib.util, "find_spec", lambda n: None if n == "soundfile" else found(n)
    )
    monkeypatch.setattr(health, "_backend", lambda name: {"version": "1"})
    assert cli.main(["doctor"]) == 0
    assert "to read sound files: pip install 'isozoo[audio]'" in capsys.readouterr().out
