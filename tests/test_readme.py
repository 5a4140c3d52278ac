"""The README's examples run, one after the other, as a reader would type them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_the_readme_s_examples_run():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 5
    program = "\n".join(blocks)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed = done.stdout
    assert "(3, 384) True" in printed
    assert printed.count("cat") == 2
    assert "decisions: equal" in printed
    assert "True embeddings." in printed or "True encoder." in printed


@pytest.mark.parametrize("command", ["list", "info", "pull", "run", "verify"])
def test_the_commands_of_the_readme_exist(command):
    done = subprocess.run(
        [sys.executable, "-m", "isozoo", command, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert f"isozoo {command}" in (ROOT / "README.md").read_text()
