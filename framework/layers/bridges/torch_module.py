"""TorchModuleWrapper: a module of torch's own as a layer."""

from typing import Any

from ...core.layer import Layer
from ...core.own_variables import unfit
from ...nested import map_structure

_REFUSED = (
    "Requested the deserialization of a `torch.nn.Module` object via `torch.load()`. That is "
    "arbitrary code execution, so it is never done, whatever `safe_mode` says. Make the module in "
    "Python, `TorchModuleWrapper(module)`, and read its weights by `load_weights`."
)


class TorchModuleWrapper(Layer):
    """A layer that computes what a `torch.nn.Module` computes. It needs the torch backend.

    Within a layer that lives on torch, a module may also be set as an attribute as it is: its
    parameters and buffers are among the layer's variables. This class is for models of symbolic
    calls, and for programs written for Keras.

    Args:
        module: a module without parameters that are yet to be made.
        name: the layer's name.
        output_shape: the shape of the outputs for symbolic calls; found by a trial call if None.
        **kwargs: see Layer.

    Raises:
        ValueError: another backend, or a lazy module that has no parameters yet.
        TypeError: what is not a module.
    """

    module: Any

    def __init__(
        self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        if self.backend != "torch":
            raise ValueError(
                f"TorchModuleWrapper needs the torch backend; {self.name} is made on "
                f"{self.backend!r}. Make it within `isozoo.use_backend('torch')`."
            )
        if not hasattr(module, "named_parameters") or not callable(module):
            raise TypeError(f"`module` must be a torch.nn.Module; got {module!r}.")
        if getattr(module, "has_uninitialized_params", bool)():
            raise ValueError(
                "LazyModules are not supported unless they are already initialized. Received "
                f"uninitialized LazyModule: module={module}"
            )
        self.module = module
        self._given_shape = output_shape
        self.built = True

    def call(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Returns what the module gives, in its mode for training or for inference."""
        if self.module.training != bool(training):
            self.module.train(bool(training))
        return self.module(*args, **kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the shape of the outputs for inputs of the shapes given."""
        given = self._given_shape
        return super().compute_output_shape(*args, **kwargs) if given is None else tuple(given)

    def save_own_variables(self, store: Any) -> None:
        """Puts the module's state into a mapping, by torch's names."""
        for key, value in self.module.state_dict().items():
            store[key] = self._backend.to_numpy(value)

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` put into a mapping. ValueError if it does not fit."""
        held = self.module.state_dict()
        names = {str(key.decode() if isinstance(key, bytes) else key): key for key in store.keys()}
        if names.keys() != held.keys():
            raise ValueError(
                unfit(self, len(held), len(names))
                or f"{self.name}: the module has {sorted(held)}; the file has {sorted(names)}."
            )
        values = {name: self._backend.asarray(store[key]) for name, key in names.items()}
        wrong = [n for n, value in values.items() if value.shape != held[n].shape]
        if wrong:
            raise ValueError(
                f"{self.name}.{wrong[0]}: shape {tuple(held[wrong[0]].shape)} in the module, "
                f"{tuple(values[wrong[0]].shape)} in the file."
            )
        self.module.load_state_dict(values)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the layer, and what the module prints as.

        A module has no config, so the layer cannot be made from this: a model around it is saved
        by its weights.
        """
        return {**super().get_config(), "module": repr(self.module)}

    def _config_arguments(self, default: bool) -> dict[str, Any]:
        shape = self._given_shape
        return {"output_shape": None if shape is None else map_structure(lambda n: n, list(shape))}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: bool | None = None
    ) -> Any:
        """Makes a layer of a config in which "module" is a module, not a text.

        Raises:
            ValueError: a module as a text, which only running code could bring back.
        """
        if isinstance(config.get("module"), str | bytes | dict):
            raise ValueError(_REFUSED)
        return cls(**config)
