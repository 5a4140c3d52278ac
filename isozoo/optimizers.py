"""`isozoo.optimizers` is `isozoo.framework.optimizers`, as are its namespaces."""

import sys

from .framework import optimizers

sys.modules[__name__] = optimizers
for _namespace in ("legacy", "schedules"):
    sys.modules[f"{__name__}.{_namespace}"] = getattr(optimizers, _namespace)
