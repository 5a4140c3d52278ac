"""Make the certificates that are published with the presets, beside their data.

    python -m isozoo.scripts.certify all_minilm_l6_v2 efficientnet_lite0

Each preset runs on every installed backend and in float64, as by `isozoo verify`; what is written
to `certificates/NAME.json` in the folder of its family leaves the single layers out, which anyone
can have by `isozoo verify NAME --layers`. A preset whose verdict is not "ok" gets none.
"""

import argparse
from pathlib import Path

from .. import applications, cv, nlp
from ..hub.certificates import write_certificate
from ..hub.parity import verify
from ..hub.registry import get_preset


def main(argv: list[str] | None = None) -> int:
    """Write the certificates; 1 when a preset failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", metavar="NAME", nargs="+", help="a registered preset")
    failed = 0
    for name in parser.parse_args(argv).names:
        report = verify(name, layers=False)
        print(report.table(layers=False), flush=True)
        if not report.ok:
            failed += 1
            continue
        path = _place(name)
        path.parent.mkdir(exist_ok=True)
        write_certificate(report, path, layers=False)
        print(f"wrote {path.parent.parent.name}/certificates/{path.name}", flush=True)
    return 1 if failed else 0


def _place(name: str) -> Path:
    """Where the certificate of a registered preset lies: in the folder with its data file."""
    family = get_preset(name).family
    roots = [Path(package.__path__[0]) for package in (applications, nlp, cv)]
    found = [root / family for root in roots if (root / family / "family.py").is_file()]
    if not found:
        raise SystemExit(f"{name} is no preset of a family's folder")
    return found[0] / "certificates" / f"{name}.json"


if __name__ == "__main__":
    raise SystemExit(main())
