"""TFSMLayer: a SavedModel of TensorFlow as a layer."""

from typing import Any

from ...core.layer import Layer
from ...core.variable import in_slot

_REFUSED = (
    "Requested the deserialization of a `TFSMLayer`, which loads an external SavedModel. That is "
    "arbitrary code execution, so it is never done by a config, whatever `safe_mode` says. Make "
    "the layer in Python, with the path of a SavedModel that you trust: `TFSMLayer(path)`."
)


class TFSMLayer(Layer):
    """A layer that runs an endpoint of a SavedModel. It needs the TensorFlow backend.

    A SavedModel is a program: give the path of one that you trust. A config or file that names one
    is refused.

    Args:
        filepath: the folder of the SavedModel.
        call_endpoint: the attribute or signature that is called.
        call_training_endpoint: the one that is called while training; `call_endpoint` if None.
        trainable: whether training changes the SavedModel's trainable variables.
        name: the layer's name.
        dtype: see Layer.

    Raises ValueError for another backend, or an endpoint that is not there.
    """

    def __init__(
        self,
        filepath: Any,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, dtype=dtype)
        if self.backend != "tensorflow":
            raise ValueError(
                "The TFSMLayer is only currently supported with the TensorFlow backend; "
                f"{self.name} is made on {self.backend!r}."
            )
        self.filepath = str(filepath)
        self.call_endpoint, self.call_training_endpoint = call_endpoint, call_training_endpoint
        loaded = self._backend.saved_model(self.filepath)
        functions = [_endpoint(loaded, call_endpoint)]
        if call_training_endpoint:
            functions.append(_endpoint(loaded, call_training_endpoint))
        # Not attributes: nothing of the loaded object is a part of the layer but its variables.
        vars(self)["_loaded"], vars(self)["_functions"] = loaded, functions
        seen: dict[int, Any] = {}
        for function in functions:
            for variable in self._backend.variables_of(function):
                seen[id(variable)] = variable
        for number, variable in enumerate(seen.values()):
            made = in_slot(self._backend, {"value": variable}, "value")
            made.trainable = bool(variable.trainable)
            made.name = variable.name.partition(":")[0].replace("/", "_")
            self.register(f"variable_{number}", made)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns what the endpoint gives."""
        return vars(self)["_functions"][-1 if training else 0](inputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments. The layer cannot be made from them; see `from_config`."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "filepath": self.filepath,
            "call_endpoint": self.call_endpoint,
            "call_training_endpoint": self.call_training_endpoint,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: bool | None = None
    ) -> Any:
        """Raises ValueError always: no config may name a program."""
        raise ValueError(_REFUSED)


def _endpoint(loaded: Any, name: str) -> Any:
    if hasattr(loaded, name):
        return getattr(loaded, name)
    signatures = getattr(loaded, "signatures", {})
    if name not in signatures:
        raise ValueError(
            f"The endpoint '{name}' is neither an attribute of the reloaded SavedModel, nor an "
            "entry in the `signatures` field of the reloaded SavedModel. Select another endpoint. "
            f"Available endpoints for this SavedModel: {list(signatures.keys())}"
        )
    return signatures[name]
