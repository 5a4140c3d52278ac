"""Language and speech models. Names are loaded when they are first used."""

from ..framework import lazy

__getattr__, __dir__ = lazy.exports(
    __name__,
    {
        "AudioToText": ".speech",
        "BertBackbone": ".bert.backbone",
        "BertMaskedLM": ".bert.tasks",
        "BertMaskedLMPreprocessor": ".bert.preprocessing",
        "BertTextClassifier": ".bert.classification",
        "BertTextClassifierPreprocessor": ".bert.classification",
        "BertTextEmbedder": ".bert.tasks",
        "BertTextEmbedderPreprocessor": ".bert.preprocessing",
        "BertTokenizer": ".bert.preprocessing",
        "CausalLM": ".causal_lm",
        "CausalLMPreprocessor": ".causal_lm",
        "ByteLevelTokenizer": ".byte_level",
        "LlamaBackbone": ".llama.backbone",
        "LlamaCausalLM": ".llama.tasks",
        "MaskedLM": ".tasks",
        "TextClassifier": ".classification",
        "TextEmbedder": ".tasks",
        "WhisperAudioConverter": ".whisper.features",
        "WhisperAudioToText": ".whisper.audio_to_text",
        "WhisperAudioToTextPreprocessor": ".whisper.preprocessing",
        "WhisperBackbone": ".whisper.backbone",
        "WhisperTokenizer": ".whisper.tokenizer",
    },
)
