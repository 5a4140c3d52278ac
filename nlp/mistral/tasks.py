"""Mistral: Llama's decoder whose tokens attend to a window of those before them."""

from __future__ import annotations

from typing import Any

from ..llama.backbone import LlamaBackbone
from ..llama.tasks import LlamaCausalLM
from ..writing_files import WritingPresetAdapter


class MistralPresetAdapter(WritingPresetAdapter):
    """What config.json says of windows even where there are none."""

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns the window: transformers takes an absent one for 4096, and null for none."""
        backbone = getattr(model, "backbone", model)
        return {"sliding_window": backbone.sliding_window}


class MistralBackbone(LlamaBackbone):
    """Mistral without a head: LlamaBackbone, whose `sliding_window` files tell.

    Definition: transformers' `MistralModel`. Inputs, outputs and arguments are LlamaBackbone's.
    """

    preset_adapter = MistralPresetAdapter


class MistralCausalLM(LlamaCausalLM):
    """Mistral with the scores of the next token; its arguments are those of LlamaCausalLM."""

    backbone_class = MistralBackbone
    preset_adapter = MistralPresetAdapter
