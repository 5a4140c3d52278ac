"""The multi-backend framework: knows nothing of models, presets or the network."""

from importlib import import_module
from types import SimpleNamespace

from . import configs, serialization


def _namespace(name: str):
    return lambda: import_module(name, __name__)


def _chosen(name: str, *names: str):
    """Some names of a module, and no others: not everything there is for configs to name."""
    return lambda: SimpleNamespace(**{n: getattr(import_module(name, __name__), n) for n in names})


_FEATURES = ".layers.preprocessing.feature_space"

# What a config may name by "module", and the namespace of ours that has it. A table of ours: the
# name that a file gives is looked up here, and never imported.
configs.NAMESPACES.update(
    {
        "keras": _namespace(".public"),
        "keras.layers": _namespace(".layers"),
        "keras.distillation": _namespace(".distillation"),
        "keras.dtype_policies": _namespace(".dtype_policies"),
        "keras.quantizers": _namespace(".quantizers"),
        "keras.activations": _namespace(".activations"),
        "keras.initializers": _namespace(".initializers"),
        "keras.regularizers": _namespace(".regularizers"),
        "keras.constraints": _namespace(".constraints"),
        "keras.losses": _namespace(".losses"),
        "keras.metrics": _namespace(".metrics"),
        "keras.models": _namespace(".models"),
        "keras.optimizers": _namespace(".optimizers"),
        "keras.optimizers.schedules": _namespace(".optimizers.schedules"),
        "keras.random": _namespace(".random"),
        "keras.ops": _namespace(".ops"),
        "keras.utils": _chosen(_FEATURES, "FeatureSpace"),
        "keras.src.layers.preprocessing.index_lookup": _chosen(
            ".layers.preprocessing.index_lookup", "IndexLookup"
        ),
        "keras.src.layers.preprocessing.feature_space": _chosen(
            _FEATURES, "Feature", "Cross", "TFDIdentity", "TFDConcat"
        ),
        "isozoo": _chosen("..", "GraphModel"),
        "isozoo.graphs": _chosen(".graphs", "ImportedModel"),
        "keras.src.models.functional": _namespace(".public"),
        "keras.src.models.sequential": _namespace(".public"),
        "keras.src.models.model": _namespace(".public"),
    }
)
serialization.FORMS.append(_namespace(".core.forms"))
