"""`isozoo.ops` is `isozoo.framework.ops`: one module under both names, as are its namespaces."""

import sys

from .framework import ops

sys.modules[__name__] = ops
for _namespace in ("numpy", "nn", "linalg", "image"):
    sys.modules[f"{__name__}.{_namespace}"] = getattr(ops, _namespace)
