"""`isozoo.preprocessing` is `isozoo.framework.preprocessing`: one module under both names,
as are its namespaces."""

import sys

from .framework import preprocessing

sys.modules[__name__] = preprocessing
for _namespace in ("image", "sequence"):
    sys.modules[f"{__name__}.{_namespace}"] = getattr(preprocessing, _namespace)
