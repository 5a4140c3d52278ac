"""What files say of how a model writes: the tokens that begin and end its texts, and talks."""

from __future__ import annotations

from typing import Any

from ..hub.adapters import PresetAdapter
from ..hub.loading import JsonFiles
from .byte_level import end_ids

_GENERATION, _TOKENIZER = "generation_config.json", "tokenizer_config.json"


class WritingPresetAdapter(PresetAdapter):
    """Writes what transformers asks for, where no file tells it: of a model of a GGUF file."""

    @classmethod
    def json_files(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns generation_config.json and tokenizer_config.json, where there are none that say
        which tokens end a text, and what the tokenizer and its talks are."""
        tools = getattr(model, "preprocessor", None)
        if tools is None or layout != "huggingface":
            return {}
        files = JsonFiles(tools.files)
        told = [files[name] for name in (_GENERATION, "config.json") if name in files]
        begin = getattr(tools.tokenizer, "begin", None)
        found: dict[str, Any] = {}
        if tools.ends != end_ids(*told):
            ends = tools.ends[0] if len(tools.ends) == 1 else [*tools.ends]
            found[_GENERATION] = {
                **files.get(_GENERATION, {}),
                **({} if begin is None else {"bos_token_id": begin}),
                "eos_token_id": ends or None,
            }
        if _TOKENIZER not in files and hasattr(tools.tokenizer, "token_of"):
            ids = {"bos_token": begin, "eos_token": tools.ends[0] if tools.ends else None}
            found[_TOKENIZER] = {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "clean_up_tokenization_spaces": False,
                **{key: tools.tokenizer.token_of(i) for key, i in ids.items() if i is not None},
                **({} if tools.chat_template is None else {"chat_template": tools.chat_template}),
            }
        return found
