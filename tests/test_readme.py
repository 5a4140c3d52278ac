"""The README's examples run, one after the other, as a reader would type them."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
FRAMEWORKS = ("jax", "torch", "tensorflow")


def test_the_readme_s_examples_run():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 7
    program = "\n".join(blocks)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed = done.stdout
    assert "(3, 384) True" in printed
    assert "Paris" in printed
    assert printed.count("cat") == 2
    assert "decisions: equal" in printed
    gradients = [re.search(rf"^{name} \[([-\d. e]+)\]$", printed, re.M) for name in FRAMEWORKS]
    numbers = [[float(x) for x in found[1].split()] for found in gradients if found]
    assert len(numbers) == 3
    np.testing.assert_allclose(numbers, [numbers[0]] * 3, rtol=1e-6)
    assert "True embeddings." in printed or "True encoder." in printed


@pytest.mark.parametrize("command", ["list", "info", "pull", "run", "verify", "finetune"])
def test_the_commands_of_the_readme_exist(command):
    done = subprocess.run(
        [sys.executable, "-m", "isozoo", command, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert f"isozoo {command}" in (ROOT / "README.md").read_text()
