"""The examples of the README and of the tour run, one after the other, as a reader would type."""

import re
from pathlib import Path

import numpy as np
import pytest

from .forks import Program
from .patience import DEADLINE

ROOT = Path(__file__).parent.parent
FRAMEWORKS = ("jax", "torch", "tensorflow")


def test_the_readme_s_and_the_tour_s_examples_run():
    texts = [(ROOT / name).read_text() for name in ("README.md", "docs/tour.md")]
    blocks = [re.findall(r"```python\n(.*?)```", text, re.DOTALL) for text in texts]
    assert [len(found) for found in blocks] == [1, 5]
    blocks = [*blocks[0], *blocks[1]]
    program = "\n".join(blocks)
    done = Program(program, cwd=ROOT).wait(DEADLINE)
    assert done.returncode == 0, done.stderr[-3000:]
    printed = done.stdout
    lines = printed.splitlines()
    near = [float(x) for x in lines[0].strip("[]").split()]
    assert near[0] == pytest.approx(1, abs=1e-6) and near[1] > 0.5 > 0.2 > near[2]
    assert 0 < float(lines[1]) < 1e-5
    assert "Paris" in printed
    assert printed.count("cat") == 2
    assert "decisions: equal" in printed
    gradients = [re.search(rf"^{name} \[([-\d. e]+)\]$", printed, re.M) for name in FRAMEWORKS]
    numbers = [[float(x) for x in found[1].split()] for found in gradients if found]
    assert len(numbers) == 3
    np.testing.assert_allclose(numbers, [numbers[0]] * 3, rtol=1e-6)
    assert "True embeddings." in printed or "True encoder." in printed
