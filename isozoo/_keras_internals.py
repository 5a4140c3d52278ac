"""What Keras's own tests read of its internals and isozoo has under other names.

For the referee alone: nothing else may import it. A key is the path of the name in Keras without
`keras.src.`.
"""

from enum import StrEnum

from .framework import ops
from .framework.backends import registry
from .framework.backends.registry import state
from .framework.configs import custom_object_scope
from .framework.core import masks, naming, symbolic
from .framework.layers.preprocessing.index_lookup import IndexLookup
from .framework.quantizers import parameters
from .framework.random import SeedGenerator
from .framework.saving import load_weights, save_weights
from .framework.serialization import object_sharing
from .framework.utils import messages


def _any_symbolic_tensors(args=None, kwargs=None) -> bool:
    return symbolic.among((args or (), kwargs or {}))


class _AUCCurve(StrEnum):
    """The curves of `metrics.AUC`, which are strings here."""

    ROC = "ROC"
    PR = "PR"
    PRGAIN = "PRGAIN"


class _Processes:
    """Keras's module of a backend's processes, of which its tests replace functions.

    What is set here is what the current backend answers from then on, under its own names.
    """

    def num_processes(self) -> int:
        backend = registry.current()
        return type(backend).process_place(backend)[0]

    def process_id(self) -> int:
        backend = registry.current()
        return type(backend).process_place(backend)[1]

    def initialize(self, job_addresses=None, num_processes=None, process_id=None) -> None:
        backend = registry.current()
        type(backend).join_processes(backend, job_addresses, num_processes, process_id)

    def __setattr__(self, name, value) -> None:
        super().__setattr__(name, value)
        held = vars(registry.current())
        held["process_place"] = lambda: (self.num_processes(), self.process_id())
        held["join_processes"] = lambda *place: self.initialize(*place)

    def __delattr__(self, name) -> None:
        super().__delattr__(name)
        if not vars(self):
            for own in ("process_place", "join_processes"):
                vars(registry.current()).pop(own, None)


def _save_weights_only(model, filepath, max_shard_size=None) -> None:
    save_weights(model, filepath, max_shard_size=max_shard_size)


def _obtain_input_shape(*args, **kwargs):
    from .applications.imagenet_utils import obtain_input_shape

    return obtain_input_shape(*args, **kwargs)


SYMBOLS = {
    "applications.imagenet_utils.obtain_input_shape": _obtain_input_shape,
    "saving.saving_lib.load_weights_only": load_weights,
    "saving.saving_lib.save_weights_only": _save_weights_only,
    "saving.serialization_lib.ObjectSharingScope": object_sharing,
    "backend.distribution_lib": _Processes(),
    "backend.common.keras_tensor.any_symbolic_tensors": _any_symbolic_tensors,
    "backend.common.stateless_scope.in_stateless_scope": lambda: state.substitutes is not None,
    "backend.common.symbolic_scope.in_symbolic_scope": lambda: state.inferring,
    "backend.common.masking.get_keras_mask": masks.get_mask,
    "saving.object_registration.custom_object_scope": custom_object_scope,
    "layers.preprocessing.index_lookup.IndexLookup": IndexLookup,
    "metrics.metrics_utils.AUCCurve": _AUCCurve,
    "quantizers.quantizers.quantize_with_zero_point": parameters.quantize_with_zero_point,
    "quantizers.quantizers.dequantize_with_zero_point": parameters.dequantize_with_zero_point,
    "random.seed_generator.SeedGenerator": SeedGenerator,
    "utils.backend_utils.convert_tf_tensor": ops.convert_to_tensor,
    "utils.io_utils.print_msg": messages.print_message,
    "utils.io_utils.set_logging_verbosity": messages.set_logging_verbosity,
    "utils.naming.auto_name": lambda prefix: naming.auto_name(naming.snake_case(prefix)),
    "utils.naming.reset_uids": naming.reset,
    "utils.naming.to_snake_case": naming.snake_case,
    "utils.naming.uniquify": naming.auto_name,
}
