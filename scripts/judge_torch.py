"""Makes models of PyTorch modules, and compares their outputs with the modules' on each backend.

    python -m isozoo.scripts.judge_torch --set timm --backend jax --smallest names.json --show

Of timm the net with the fewest parameters of each of its modules is taken, of transformers 72
architectures as small random configs (`judged_nets.py`). Weights are random, with what is
zero or one at the beginning moved, so that every weight counts. Each net is exported once, and
called with the batch size of the export and with another one. It passes where all of its float
outputs are within 1e-4 of their largest element, and all others are equal. It is refused where an
operator has no rule or torch cannot export it, and wrong where it fails in any other way.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

BACKENDS = ("numpy", "torch", "jax", "tensorflow")
SETS = ("timm", "transformers", "torchvision")
# Of the largest element of an output.
NEAR = 1e-4


class Net(NamedTuple):
    """A module to judge: what makes it, and what makes its inputs for a batch size."""

    name: str
    make: Callable[[], Any]
    inputs: Callable[[int], dict[str, Any]]


def smallest(path: Path | None) -> dict[str, str]:
    """Returns module of timm -> name of its net with the fewest parameters.

    Args:
        path: a JSON file that keeps what was found, since 1371 nets are made for it.
    """
    import timm
    import torch
    from tqdm import tqdm

    if path is not None and path.exists():
        return json.loads(path.read_text())
    modules: dict[str, list[str]] = {}
    for name in timm.list_models():
        module = timm.models.model_entrypoint(name).__module__.rpartition(".")[2]
        modules.setdefault(module, []).append(name)
    found: dict[str, str] = {}
    for module, names in tqdm(sorted(modules.items()), disable=None):
        counts = {}
        for name in names:
            try:
                with torch.device("meta"):
                    net = timm.create_model(name)
                counts[name] = sum(p.numel() for p in net.parameters())
            except Exception:  # a few nets compute with numbers when they are made
                continue
        found[module] = min(counts, key=lambda name: counts[name]) if counts else names[0]
    if path is not None:
        path.write_text(json.dumps(found, indent=1) + "\n")
    return found


def timm_nets(path: Path | None) -> Iterator[Net]:
    """Yields the smallest net of each module of timm."""
    import timm
    import torch

    for module, name in smallest(path).items():

        def make(name: str = name) -> Any:
            return timm.create_model(name, pretrained=False)

        def inputs(batch: int, name: str = name) -> dict[str, Any]:
            config = timm.get_pretrained_cfg(name)
            sizes = config.input_size if config is not None else (3, 224, 224)
            return {"x": torch.randn(batch, *sizes)}

        yield Net(f"{module}/{name}", make, inputs)


def torchvision_nets() -> Iterator[Net]:
    """Yields torchvision's classifiers, one of each kind."""
    import torch
    import torchvision

    for name in (
        "alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet "
        "inception_v3 maxvit_t mnasnet0_5 mobilenet_v2 mobilenet_v3_small regnet_y_400mf resnet18 "
        "resnext50_32x4d shufflenet_v2_x0_5 squeezenet1_1 swin_t swin_v2_t vgg11_bn vit_b_16 "
        "wide_resnet50_2"
    ).split():
        size = 299 if name == "inception_v3" else 224

        def make(name: str = name) -> Any:
            return torchvision.models.get_model(name, weights=None)

        def inputs(batch: int, size: int = size) -> dict[str, Any]:
            return {"x": torch.randn(batch, 3, size, size)}

        yield Net(f"torchvision/{name}", make, inputs)


def transformers_nets() -> Iterator[Net]:
    """Yields small random nets of transformers."""
    from .judged_nets import NETS, inputs_of, made

    for name in NETS:
        yield Net(
            f"transformers/{name}",
            lambda name=name: made(name),
            lambda batch, name=name: inputs_of(name, batch),
        )


def unsettled(module: Any) -> None:
    """Moves a module's weights and running statistics off their first values."""
    import torch

    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.is_floating_point() and parameter.numel():
                spread = float(parameter.std()) if parameter.numel() > 1 else 0.0
                if spread < 1e-4:  # zeros, ones, and the scales of layers
                    parameter.add_(0.1 * torch.randn_like(parameter))
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.add_(0.1 * torch.randn_like(buffer))
            if name.endswith("running_var"):
                buffer.mul_(0.5 + torch.rand_like(buffer))


def flat(outputs: Any) -> list[np.ndarray]:
    """Returns the tensors of a module's outputs, in their order."""
    import torch
    from torch.utils import _pytree as pytree

    return [x.numpy() for x in pytree.tree_leaves(outputs) if isinstance(x, torch.Tensor)]


def judged(net: Net, backends: tuple[str, ...], batches: tuple[int, ...]) -> dict[str, list[str]]:
    """Returns backend -> ["passed", "wrong" or "refused", and why]."""
    import torch

    from ..framework.graphs import GraphError, UnknownOperatorError
    from ..framework.graphs.loading import model_of
    from ..framework.graphs.reading_torch import read_torch

    torch.manual_seed(0)
    try:
        module = net.make().eval()
        unsettled(module)
        given = {batch: net.inputs(batch) for batch in batches}
        with torch.no_grad():
            wanted = {batch: flat(module(**given[batch])) for batch in batches}
    except Exception as error:  # of the origin
        return {backend: ["refused", f"the module itself: {_line(error)}"] for backend in backends}
    try:
        graph, arrays = read_torch(module, (), given[batches[0]])
    except UnknownOperatorError as error:
        why = "no rule for " + ", ".join(sorted(f"{d}.{op}" for d, op in error.missing))
        return {backend: ["refused", why] for backend in backends}
    except (GraphError, RuntimeError, ValueError) as error:
        return {backend: ["refused", _line(error)] for backend in backends}
    found = {}
    for backend in backends:
        try:
            model = model_of(graph, arrays, backend=backend)
            names = {value.name for value in graph.inputs}
            why = ""
            for batch in batches:
                fed = {k: v.numpy() for k, v in given[batch].items() if k in names}
                why = why or _compared(model, model(fed), wanted[batch], batch)
            found[backend] = ["wrong", why] if why else ["passed", ""]
        except Exception as error:  # whatever it is, the net did not pass
            found[backend] = ["wrong", f"{type(error).__name__}: {_line(error)}"]
        gc.collect()
    return found


def _line(error: Exception) -> str:
    return str(error).strip().replace("\n", " ")[:400]


def _compared(model: Any, outputs: Any, wanted: list[np.ndarray], batch: int) -> str:
    """What is wrong with the outputs; "" if nothing is."""
    from ..framework.ops import convert_to_numpy

    found = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
    if len(found) != len(wanted):
        return f"{len(found)} outputs; {len(wanted)} are expected"
    for place, (x, y) in enumerate(zip(found, wanted, strict=True)):
        x, name = np.asarray(convert_to_numpy(x)), model.graph.outputs[place].name
        if x.shape != y.shape:
            return f"{name}, batch {batch}: shape {x.shape}; {y.shape} is expected"
        if x.dtype != y.dtype:
            return f"{name}, batch {batch}: {x.dtype}; {y.dtype} is expected"
        if y.dtype.kind != "f":
            if not np.array_equal(x, y):
                return f"{name}, batch {batch}: other whole numbers"
            continue
        good = np.isfinite(y)
        if not np.array_equal(good, np.isfinite(x)):
            return f"{name}, batch {batch}: other elements are finite"
        if y[good].size:
            scale = float(np.abs(y[good]).max()) or 1.0
            off = float(np.abs(x[good].astype(np.float64) - y[good]).max()) / scale
            if not off <= NEAR:
                return f"{name}, batch {batch}: off by {off:.1e} of its scale"
    return ""


def nets_of(sets: tuple[str, ...], path: Path | None) -> Iterator[Net]:
    """Yields the nets of some sets."""
    for kind in sets:
        if kind == "timm":
            yield from timm_nets(path)
        elif kind == "torchvision":
            yield from torchvision_nets()
        else:
            yield from transformers_nets()


def main() -> int:
    from tqdm import tqdm

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--set", action="append", choices=SETS)
    parser.add_argument("--only", default="", help="nets whose names hold this")
    parser.add_argument("--smallest", type=Path, help="a file that keeps the names of timm's nets")
    parser.add_argument("--out", help="a JSON file for the verdict of each net")
    parser.add_argument("--show", action="store_true", help="print each net as it is judged")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore")
    backends = tuple(arguments.backend or BACKENDS)
    sets = tuple(arguments.set or SETS[:2])
    nets = [net for net in nets_of(sets, arguments.smallest) if arguments.only in net.name]
    verdicts: dict[str, dict[str, list[str]]] = {}
    for net in tqdm(nets, disable=None):
        began = time.perf_counter()
        verdicts[net.name] = judged(net, backends, (2, 3))
        if arguments.show:
            shown = ", ".join(f"{b} {v[0]}" for b, v in verdicts[net.name].items())
            why = next((v[1] for v in verdicts[net.name].values() if v[1]), "")
            tqdm.write(f"{net.name}: {shown} ({time.perf_counter() - began:.0f} s) {why}")
            sys.stdout.flush()
        if arguments.out:
            Path(arguments.out).write_text(json.dumps(verdicts, indent=1) + "\n")
    for kind in sets:
        mine = {
            name: v
            for name, v in verdicts.items()
            if (name.split("/")[0] if name.split("/")[0] in SETS else "timm") == kind
        }
        print(f"{kind}: {len(mine)} nets")
        for backend in backends:
            counts = Counter(v[backend][0] for v in mine.values())
            share = counts["passed"] / max(len(mine), 1)
            print(
                f"  {backend:11} passed {counts['passed']:3} ({share:.1%})  "
                f"wrong {counts['wrong']:3}  refused {counts['refused']:3}"
            )
        for name, verdict in mine.items():
            reasons: dict[str, list[str]] = {}
            for backend, (_, why) in verdict.items():
                if why:
                    reasons.setdefault(why, []).append(backend)
            for why, where in reasons.items():
                print(f"  {name} ({', '.join(where)}): {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
