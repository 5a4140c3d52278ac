"""Lines of a file over processes: each once, in order, and on after any of them died."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from isozoo.__main__ import main
from isozoo.commands import bulk as command
from isozoo.hub.bulk import PIECE, run_lines

TEXTS = [f"line {n} ä" for n in range(3 * PIECE + 5)]
WHAT = {"model": "reverse", "options": {}}


def _lengths(texts):
    return [{"length": len(text)} for text in texts]


def _file(folder, name="lines.txt", lines=TEXTS):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _check(path, texts=TEXTS):
    wanted = [{"line": n, "input": text, "length": len(text)} for n, text in enumerate(texts, 1)]
    assert _rows(path) == wanted


@pytest.mark.parametrize("count", [0, 1, PIECE, PIECE + 1])
def test_each_line_once_and_in_order(tmp_path, count):
    source = _file(tmp_path, lines=TEXTS[:count])
    if not count:
        source.write_bytes(b"")
    assert run_lines(lambda: _lengths, source, tmp_path / "out.jsonl", WHAT) == 0
    _check(tmp_path / "out.jsonl", TEXTS[:count])
    assert sorted(x.name for x in tmp_path.iterdir()) == ["lines.txt", "out.jsonl"]


def test_lines_of_json_and_a_last_one_without_an_end(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"text": "one\\n", "id": 3}\n"two"', encoding="utf-8")
    run_lines(lambda: _lengths, path, tmp_path / "out.jsonl", WHAT)
    assert [row["input"] for row in _rows(tmp_path / "out.jsonl")] == ["one\n", "two"]
    path.write_text('"fine"\n{"other": 3}\n')
    with pytest.raises(ValueError, match=r'lines.jsonl, line 2: .*"text", is expected'):
        run_lines(lambda: _lengths, path, tmp_path / "other.jsonl", WHAT)


def test_a_line_that_cannot_be_taken_has_its_error(tmp_path):
    def picky(texts):
        if any("7 " in text for text in texts):
            raise ValueError("a 7")
        return _lengths(texts)

    source = _file(tmp_path, lines=TEXTS[:20])
    assert run_lines(lambda: picky, source, tmp_path / "out.jsonl", WHAT) == 2
    rows = _rows(tmp_path / "out.jsonl")
    assert [row["line"] for row in rows if row.get("error") == "a 7"] == [8, 18]
    assert [row["length"] for row in rows if "length" in row][:2] == [8, 8]


def test_a_run_that_was_ended_goes_on(tmp_path):
    seen = []

    def dies(texts):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(len(texts))
        return _lengths(texts)

    source, target = _file(tmp_path), tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_lines(lambda: dies, source, target, WHAT)
    with pytest.raises(ValueError, match="another input, model or options"):
        run_lines(lambda: _lengths, source, target, {**WHAT, "model": "other"})

    def counts(texts):
        seen.append(len(texts))
        return _lengths(texts)

    told = []
    run_lines(lambda: counts, source, target, WHAT, lambda *numbers: told.append(numbers))
    assert sum(seen) == len(TEXTS) and told[0] == (2, 4) and told[-1] == (4, 4)
    _check(target)
    with pytest.raises(ValueError, match="is there already"):
        run_lines(lambda: _lengths, source, target, WHAT)


_WORKER = """
import sys, time
from isozoo.hub.bulk import run_lines

def slow(texts):
    with open(sys.argv[3], "a") as log:
        log.write(f"{len(texts)}\\n")
    time.sleep(0.2)
    return [{"length": len(text)} for text in texts]

run_lines(lambda: slow, sys.argv[1], sys.argv[2], {"model": "reverse", "options": {}})
"""


def test_processes_share_the_lines_though_one_is_killed(tmp_path):
    source, target, log = _file(tmp_path), tmp_path / "out.jsonl", tmp_path / "log"
    command = [sys.executable, "-c", _WORKER, str(source), str(target), str(log)]
    workers = [subprocess.Popen(command) for _ in range(3)]
    while not log.exists():
        time.sleep(0.01)
    os.kill(workers[0].pid, signal.SIGKILL)
    codes = [worker.wait(120) for worker in workers]
    assert codes[1:] == [0, 0]
    _check(target)
    # A piece that was under way is done again, and no other.
    assert 4 <= len(log.read_text().split()) <= 5
    assert not (tmp_path / "out.jsonl.parts").exists()


def test_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "_model", lambda arguments: _lengths)
    source, target = _file(tmp_path), tmp_path / "out.jsonl"
    call = ["run", "some_model", "--input", str(source)]
    assert main([*call, "--out", str(target)]) == 0
    _check(target)
    assert main(call) == 2
    assert "needs --out" in capsys.readouterr().err
    assert main([*call, "text", "--out", str(target)]) == 2
    assert "no other inputs" in capsys.readouterr().err
    assert main([*call, "--out", str(target), "--processes", "0"]) == 2
    assert main([*call, "--out", str(target), "--processes", "2"]) == 2
    assert "is there already" in capsys.readouterr().err
