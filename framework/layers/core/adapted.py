"""Arguments of Keras's layers that change a kernel, and that are no business of a layer here."""

from typing import Any


def without_adapters(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the keyword arguments of a layer without Keras's `lora_*` and `quantization_config`.

    Configs that Keras wrote have them, as None. Adapters are put on any layer from outside.

    Raises:
        ValueError: one that is not None.
    """
    rest = dict(options)
    for name in ("lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size"):
        given = rest.pop(name, None)
        if given is not None:
            raise ValueError(
                f"A layer takes no `{name}`; got {given!r}. Make the layer without it, and change "
                "the kernels of a model afterwards: `isozoo.lora.enable(model, rank=...)` adds "
                "low-rank adapters."
            )
    return rest
