"""Random calls of every op on every backend, judged by NumPy and SciPy in float64.

    python -m isozoo.scripts.fuzz_ops                      # ten minutes, all ops
    python -m isozoo.scripts.fuzz_ops --seconds 60 --seed 7 --op hypot --op "random.*"
    python -m isozoo.scripts.fuzz_ops --seed 7 --op hypot --case 17
    python -m isozoo.scripts.fuzz_ops --device cuda --backend torch --backend jax

Each case draws an op's arguments (shapes without axes, empty ones, of size 1, broadcast, not
contiguous; all dtypes; NaN, infinities, the ends of each dtype) and runs the call eagerly on each
backend, compiled on one of them, with symbolic tensors, and differentiated. What differs from the
reference, in value, shape or dtype, is a finding, and so is an error of a framework. The line of a
finding begins with the command's arguments that show it again. The last line counts.

With a device, tensors of torch lie there, some beside arrays of NumPy,
and a result that lies elsewhere is a finding; jax takes its own default device.
"""

import argparse
import os
import sys
import time


def main(argv: list[str] | None = None) -> int:
    """Print the findings and their number; 1 if there are any."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--op", action="append", help="a name or a pattern; may be repeated")
    parser.add_argument("--backend", action="append", help="only these; may be repeated")
    parser.add_argument("--case", type=int, help="this case alone, with its arguments shown")
    parser.add_argument("--device", help='where tensors lie on torch, as "cuda"')
    arguments = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.device is None:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")

    from .fuzzing import run
    from .fuzzing.trial import place_on

    place_on(arguments.device)

    names = run.matching(arguments.op)
    if not names:
        parser.error(f"no op matches {arguments.op}")
    backends = tuple(arguments.backend or run.installed())
    if arguments.case is not None:
        return run.one(names, arguments.seed, arguments.case, backends)
    end = time.monotonic() + arguments.seconds
    return run.until(end, names, arguments.seed, backends)


if __name__ == "__main__":
    sys.exit(main())
