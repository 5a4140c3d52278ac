"""Pipeline: layers that prepare data, one after the other."""

from typing import Any

from ...configs import deserialize, serialize
from ...core.masks import get_mask
from .data_layer import TrainingByDefault


class Pipeline(TrainingByDefault):
    """Applies layers one after the other, such as layers that prepare data.

    Unlike a Sequential, it takes and gives any structure of tensors.

    Args:
        layers: the layers.
        name: its name.
    """

    def __init__(self, layers: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        self._pipeline_layers = layers

    @property
    def layers(self) -> Any:
        """The layers, in order."""
        return self._pipeline_layers

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        """Returns what the last layer gives."""
        for layer in self._pipeline_layers:
            kwargs: dict[str, Any] = {}
            if "mask" in layer._call_signature.mask_names:
                kwargs["mask"] = mask
            if layer._call_signature.takes_training:
                kwargs["training"] = training
            inputs = layer(inputs, **kwargs)
            mask = get_mask(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Returns the configs of the layers, and the name."""
        return {"layers": [serialize(layer) for layer in self.layers], "name": self.name}

    @classmethod
    def from_config(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, config: dict[str, Any]
    ) -> "Pipeline":
        """Returns the pipeline that `get_config` describes. ValueError for another config."""
        layers = config.get("layers")
        if not isinstance(layers, list | tuple):
            raise ValueError(
                "`Pipeline` config must contain a `layers` key mapping to a list of serialized "
                f"layers. Received config with layers={layers}."
            )
        return cls(**{**config, "layers": [deserialize(layer) for layer in layers]})
