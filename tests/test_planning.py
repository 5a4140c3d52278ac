"""Counting collectives in programs, and the formulas that they are held against."""

from __future__ import annotations

import pytest

from isozoo.scripts.planning.collectives import Collective, in_program
from isozoo.scripts.planning.estimates import Model, memory, traffic
from isozoo.scripts.planning.page import MODELS, page, plans

# As XLA writes them, in each of its forms of groups.
PROGRAM = """HloModule jit_pure, num_partitions=8
  %a = f32[8,16,64]{2,1,0} all-reduce(%x), channel_id=1, replica_groups=[2,4]<=[8], to_apply=%add
  %b = (f32[8,16]{1,0}, bf16[4]{0}) all-reduce(%x, %y), replica_groups={{0,1},{2,3}}, to_apply=%add
  %c = f32[64,8]{1,0} all-gather(%x), replica_groups=mesh['axis_0'=4,'axis_1'=2] {'axis_0'}
  %d = f32[8]{0} reduce-scatter(%x), replica_groups=mesh['a'=2,'b'=1,'c'=4] {'a','c'}
  %e = f32[] all-reduce(%x), replica_groups={}, to_apply=%add
  %f = s32[3]{0} collective-permute(%x), source_target_pairs={{0,1}}
  %g = f32[8]{0} add(%all-reduce.1, %x), replica_groups={{0}}
  %h = f32[8]{0} all-reduce(%x), replica_groups={{0},{1}}, to_apply=%add
"""


def test_collectives_of_a_program():
    assert in_program(PROGRAM) == [
        Collective("all-reduce", 4, 8 * 16 * 64 * 4),
        Collective("all-reduce", 2, 8 * 16 * 4 + 4 * 2),
        Collective("all-gather", 4, 64 * 8 * 4),
        Collective("reduce-scatter", 8, 32),
        Collective("all-reduce", 8, 4),
        Collective("collective-permute", 8, 12),
    ]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [("all-reduce", 150), ("all-gather", 75), ("reduce-scatter", 300), ("all-to-all", 75)],
)
def test_bytes_that_a_ring_sends(kind, sent):
    assert Collective(kind, 4, 100).sent == sent


def test_sizes_of_published_models():
    """Weights as their cards say: Llama 2 7B and 70B, Llama 3.1 405B."""
    counts = [model.weights for model in MODELS]
    assert counts == [6_738_415_616, 68_976_648_192, 405_853_388_800]


def test_one_device_sends_nothing_and_holds_all():
    model = Model("small", 64, 2, 8, 8, 192, 256, 16)
    assert traffic(model, 256, 1, 1, False).total == 0
    assert memory(model, 256, 1, 1, False).states == 16 * model.weights
    assert memory(model, 256, 4, 2, True).states == 2 * model.weights
    # Two sums forwards and five backwards for each of two layers, two at the ends; a ring of two.
    assert traffic(model, 256, 1, 2, False).activations == 16 * 256 * 64 * 2
    assert traffic(model, 256, 2, 1, False).gradients == 4 * model.weights


def test_a_page_names_a_mesh_for_each_model():
    seven = plans(MODELS[0], 8)[0]
    assert seven.batch * seven.parts == 8 and seven.memory.total < 80e9
    text = page([((8, 1, False), in_program(PROGRAM), traffic(MODELS[0], 4096, 8, 1, False))])
    assert text.count("| 7B |") == 3 and "**does not fit**" in text
    assert "1 all-gather, 3 all-reduce, 1 collective-permute, 1 reduce-scatter" in text
