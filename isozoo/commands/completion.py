"""completion: lines for a shell that complete commands, options and names of presets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .parsing import Parser

_SETUP = {
    "bash": "isozoo completion bash > ~/.local/share/bash-completion/completions/isozoo",
    "zsh": 'isozoo completion zsh > "${fpath[1]}/_isozoo"',
    "fish": "isozoo completion fish > ~/.config/fish/completions/isozoo.fish",
}
_PRESETS = "isozoo list --names 2>/dev/null"


def add(command: Callable[..., Any]) -> None:
    """Declares the commands of this module."""
    made = command(
        "completion",
        None,
        "Print what completes isozoo's commands, options and presets in a shell.",
    )
    for shell, example in _SETUP.items():
        made.command(shell, _print(shell), f"Print it for {shell}.", example, answers_json=False)


def _print(shell: str) -> Callable[[Any], int]:
    def run(arguments: Any) -> int:
        from ..cli import make_parser

        print(script(make_parser(), shell))
        return 0

    return run


def script(parser: Parser, shell: str) -> str:
    """Returns the lines that teach a shell the commands of a parser.

    Args:
        parser: the whole command line.
        shell: "bash", "zsh" or "fish".
    """
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](parser)


def _places(
    parser: Parser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Parser]]:
    """All commands and actions: the words that lead there, and the parser."""
    yield words, parser
    for name, inner in parser.actions.items():
        yield from _places(inner, (*words, name))


def _options(parser: Parser) -> list[tuple[str, str, list[str], bool]]:
    """Each long option: its text, its help, its choices, and whether a value follows."""
    found = []
    for action in parser._actions:
        for text in action.option_strings:
            if text.startswith("--"):
                choices = [str(choice) for choice in action.choices or ()]
                found.append((text, action.help or "", choices, action.nargs != 0))
    return found


def _takes_presets(parser: Parser) -> bool:
    return any(
        not action.option_strings and action.dest in ("name", "names", "source")
        for action in parser._actions
    )


def _bash(parser: Parser) -> str:
    cases = []
    for words, place in _places(parser):
        options = " ".join(text for text, *_ in _options(place))
        names = " ".join(place.actions)
        presets = f" $({_PRESETS})" if _takes_presets(place) else ""
        cases.append(f'    "{" ".join(words)}") words="{names} {options}{presets}" ;;')
    values = []
    for text, choices in sorted(
        {(text, tuple(c)) for _, place in _places(parser) for text, _, c, _ in _options(place) if c}
    ):
        values.append(
            f'    {text}) COMPREPLY=($(compgen -W "{" ".join(choices)}" -- "$now")); return ;;'
        )
    inner = "|".join(name for name, made in parser.actions.items() if made.actions)
    return "\n".join(
        [
            "# bash completion of isozoo; made by `isozoo completion bash`",
            "_isozoo() {",
            '  local now="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
            '  local place="" words=""',
            '  case "$before" in',
            *values,
            "  esac",
            "  if ((COMP_CWORD > 1)); then",
            '    place="${COMP_WORDS[1]}"',
            '    case "$place" in',
            f'      {inner}) ((COMP_CWORD > 2)) && place+=" ${{COMP_WORDS[2]}}" ;;',
            "    esac",
            "  fi",
            '  case "$place" in',
            *cases,
            "  esac",
            '  COMPREPLY=($(compgen -W "$words" -- "$now"))',
            "}",
            "complete -o bashdefault -o default -F _isozoo isozoo",
        ]
    )


def _zsh(parser: Parser) -> str:
    lines = [
        "#compdef isozoo",
        "# zsh completion of isozoo; made by `isozoo completion zsh`",
        "_isozoo() {",
        "  local place=${words[2]}",
        "  local -a names options presets",
        "  (( CURRENT == 2 )) && place=''",
    ]
    inner = "|".join(name for name, made in parser.actions.items() if made.actions)
    lines += [
        f'  if [[ $place == ({inner}) ]] && (( CURRENT > 3 )); then place+=" $words[3]"; fi',
        '  case "$place" in',
    ]
    for words, place in _places(parser):
        names = " ".join(
            _zsh_item(name, made.description or "") for name, made in place.actions.items()
        )
        options = " ".join(_zsh_item(text, told) for text, told, _, _ in _options(place))
        presets = f'presets=(${{(f)"$({_PRESETS})"}})' if _takes_presets(place) else ""
        lines += [
            f'    "{" ".join(words)}")',
            f"      names=({names})",
            f"      options=({options})",
            *([f"      {presets}"] if presets else []),
            "      ;;",
        ]
    lines += [
        "  esac",
        "  (( $#names )) && _describe command names",
        "  if [[ $words[CURRENT] == -* ]]; then _describe option options; return; fi",
        "  (( $#presets )) && compadd -a presets",
        "  (( $#names )) || _files",
        "}",
        '[[ $funcstack[1] == _isozoo ]] && _isozoo "$@" || compdef _isozoo isozoo',
    ]
    return "\n".join(lines)


def _zsh_item(name: str, told: str) -> str:
    text = told.replace("'", "’").replace(":", "\\:")
    return f"'{name}:{text}'"


def _fish(parser: Parser) -> str:
    lines = ["# fish completion of isozoo; made by `isozoo completion fish`"]
    top = " ".join(parser.actions)
    for words, place in _places(parser):
        if not words:
            condition = f"not __fish_seen_subcommand_from {top}"
        elif len(words) == 1:
            condition = f"__fish_seen_subcommand_from {words[0]}"
            if place.actions:
                condition += f"; and not __fish_seen_subcommand_from {' '.join(place.actions)}"
        else:
            condition = " ; and ".join(f"__fish_seen_subcommand_from {word}" for word in words)
        start = f"complete -c isozoo -n '{condition}'"
        for name, made in place.actions.items():
            lines.append(f"{start} -f -a {name} -d {_fish_text(made.description or '')}")
        for text, told, choices, valued in _options(place):
            line = f"{start} -l {text.removeprefix('--')} -d {_fish_text(told)}"
            if valued:
                line += f" -x -a '{' '.join(choices)}'" if choices else " -r"
            lines.append(line)
        if _takes_presets(place):
            lines.append(f"{start} -a '({_PRESETS})'")
    return "\n".join(lines)


def _fish_text(told: str) -> str:
    return "'" + told.replace("'", "’") + "'"
