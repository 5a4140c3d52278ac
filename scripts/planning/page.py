"""The page of planning, from counts and formulas."""

from __future__ import annotations

from typing import Any, NamedTuple

from .collectives import Collective
from .estimates import Memory, Model, Traffic, memory, traffic

MODELS = (
    Model("7B", 4096, 32, 32, 32, 11008, 32000, 4096),
    Model("70B", 8192, 80, 64, 8, 28672, 32000, 4096),
    Model("400B", 16384, 126, 128, 8, 53248, 128256, 8192),
)
DEVICES = (8, 64, 1024)
TOKENS = {8: 1 << 18, 64: 1 << 20, 1024: 1 << 22}
# A device: bytes of memory; operations in a second; bytes sent in a second in a host and between.
MEMORY, OPERATIONS, INSIDE, BETWEEN, IN_HOST = 80e9, 4e14, 3e11, 4e10, 8
GB = 1e9


class Plan(NamedTuple):
    """A mesh for a model, and what it costs."""

    batch: int
    parts: int
    along: bool
    rounds: int
    memory: Memory
    traffic: Traffic
    computing: float
    sending: float


def plans(model: Model, devices: int) -> list[Plan]:
    """Returns all meshes that fit, the quickest first; those with the least memory if none does."""
    tokens = TOKENS[devices]
    found = []
    parts = 1
    while parts <= min(devices, model.shared_heads):
        batch = devices // parts
        for along in (False, True) if batch > 1 else (False,):
            rows = tokens // model.length
            if rows >= batch:
                found.append(_plan(model, devices, batch, parts, along, tokens))
        parts *= 2
    fitting = [plan for plan in found if plan.memory.total <= MEMORY]
    if fitting:
        return sorted(fitting, key=lambda p: (p.computing + p.sending, p.memory.total))
    return sorted(found, key=lambda p: p.memory.total)


def _plan(model: Model, devices: int, batch: int, parts: int, along: bool, tokens: int) -> Plan:
    # The batch is taken in rounds of one row a device, whose gradients are added up.
    rounds = max(1, tokens // model.length // batch)
    of_round = traffic(model, tokens // rounds, batch, parts, along)
    gradients = of_round.gradients * (rounds if along else 1)
    whole = Traffic(of_round.activations * rounds, gradients, of_round.gathered * rounds)
    near = INSIDE if parts <= IN_HOST else BETWEEN
    far = INSIDE if devices <= IN_HOST else BETWEEN
    sending = whole.activations / near + (whole.gradients + whole.gathered) / far
    # Forwards, backwards, and forwards again where layers are recomputed.
    computing = 8 * model.weights * tokens / devices / OPERATIONS
    held = memory(model, tokens // rounds, batch, parts, along)
    return Plan(batch, parts, along, rounds, held, whole, computing, sending)


def page(checks: list[tuple[Any, list[Collective], Traffic]]) -> str:
    """Returns the page's Markdown."""
    return "\n".join([_HEAD, *_checked(checks), _FORMULAS, *_planned(), _TAIL])


def _checked(checks: list[tuple[Any, list[Collective], Traffic]]) -> list[str]:
    lines = [
        "| mesh (batch x model) | weights cut along | collectives in the program | bytes that they "
        "send | by the formulas | program / formulas |",
        "|---|---|---|---|---|---|",
    ]
    for (batch, parts, along), counted, wanted in checks:
        kinds: dict[str, int] = {}
        for one in counted:
            kinds[one.kind] = kinds.get(one.kind, 0) + 1
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        sent = sum(one.sent for one in counted)
        cut = " and ".join(x for x, yes in (("model", parts > 1), ("batch", along)) if yes)
        lines.append(
            f"| {batch} x {parts} | {cut or 'nothing'} | {told} | {sent:,} | {wanted.total:,.0f} | "
            f"{sent / wanted.total:.2f} |"
        )
    return lines


def _planned() -> list[str]:
    lines = [
        "| model | devices | mesh | weights cut along | rounds | GB a device: states, activations, "
        "working | GB sent a step: activations, gradients, weights | s computing + sending |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for model in MODELS:
        for devices in DEVICES:
            best = plans(model, devices)[0]
            held, sent = best.memory, best.traffic
            fits = "" if held.total <= MEMORY else " **does not fit**"
            cut = " and ".join(
                x for x, yes in (("model", best.parts > 1), ("batch", best.along)) if yes
            )
            lines.append(
                f"| {model.name} | {devices} | {best.batch} x {best.parts} | {cut or 'nothing'} | "
                f"{best.rounds} | {held.total / GB:.0f}{fits}: {held.states / GB:.0f}, "
                f"{held.activations / GB:.1f}, {held.working / GB:.1f} | {sent.total / GB:.0f}: "
                f"{sent.activations / GB:.0f}, {sent.gradients / GB:.0f}, "
                f"{sent.gathered / GB:.0f} | {best.computing:.1f} + {best.sending:.1f} |"
            )
    return lines


_HEAD = """# Planning a large training

What lies on each device, and what it sends, when a transformer is trained over many devices by
[`AutoParallel`](training.md#many-devices). `python -m isozoo.scripts.plan_training --out
docs/planning.md` makes this page.

## What a compiled program sends

A Llama of 2 layers, 256 features, 8 heads and 1,024 tokens, 16 rows of 64 tokens, float32, Adam,
trained for one step on 8 simulated devices. Collectives are counted in the program that XLA
compiled for the step. What one sends is reckoned for rings: of an `all-reduce` over n devices each
sends 2 (n - 1) / n of its bytes, of an `all-gather` and `all-to-all` (n - 1) / n of the result, of
a `reduce-scatter` (n - 1) times the result.
"""

_FORMULAS = """
The formulas count what has to be sent, and know nothing of losses, masks and norms, which are
small. Where weights are cut along the batch XLA's CPU compiler gathers them once, keeps them for
the way back, and sums whole gradients: as many bytes as two gatherings and a scattering.

## The formulas

With `t` tokens, `h` features, `l` layers, `P` weights, on `b` devices along the batch and `m`
along the model, of each device:

- states: 16 P / m bytes (weights, gradients and two slots of Adam in float32); divided by b where
  weights are cut along the batch, too (`along_batch=True`);
- activations kept, layers recomputed: 2 l h t / b bytes (bfloat16); those of the layer under way:
  (10 + 24 / m) h t / b, and its gathered weights; logits: 8 t / b bytes for a token of the
  vocabulary, divided by m;
- sums of activations over the model's axis: 7 l + 2 of 2 h t / b bytes each. Backwards XLA sums the
  gradients of queries, keys and values apart, and those of the two ways up; added up before they
  would be 4 l + 2, as Megatron-LM has it;
- over the batch's axis: one sum of gradients of 4 P / m bytes; or, where weights are cut along it,
  two gatherings of weights and a scattering of gradients of 4 P / m bytes each, in every round.

Sources: Megatron-LM (arXiv:1909.08053), ZeRO (arXiv:1910.02054), Korthikanti et al.
(arXiv:2205.05198).

## Meshes for large models

Devices of 80 GB that compute 400 Tflop/s and send 300 GB/s to the 8 of their host and 40 GB/s to
others. A step has 2^18 tokens on 8 devices, 2^20 on 64 and 2^22 on 1,024; it is taken in rounds of
a row for each device along the batch, whose gradients are added up (`gradient_accumulation_steps`
of an optimizer). Rows have 4,096 tokens, 8,192 at 400B. Of the meshes that fit, that one is named
whose step is quickest if nothing is sent while something is computed; where none fits, the one
that comes nearest.
"""

_TAIL = """
Where a model does not fit, more devices are the only remedy that the formulas know: states of 16
bytes for each weight need (16 P / 80 GB) devices at least, 14 at 70B and 81 at 400B. What is not
in these formulas: pipelines over layers, states in fewer bits, weights sent in bfloat16, and
memory that a framework does not give back.

    from isozoo.distribution import AutoParallel, DeviceMesh

    mesh = DeviceMesh((8, 8), ["batch", "model"])
    plan = AutoParallel(mesh, along_batch=True)
    model = isozoo.from_preset("hf://org/large-llama", distribution=plan)
"""
