"""Small random nets of transformers, as `judge_torch.py` judges them."""

from __future__ import annotations

from typing import Any

# What small configs have, where their class knows it.
_SMALL: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 32,
    "d_model": 32,
    "n_embd": 32,
    "dim": 32,
    "embedding_size": 16,
    "num_hidden_layers": 2,
    "num_layers": 2,
    "n_layers": 2,
    "n_layer": 2,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "num_decoder_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_heads": 4,
    "n_head": 4,
    "n_heads": 4,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "head_dim": 8,
    "intermediate_size": 40,
    "encoder_ffn_dim": 40,
    "decoder_ffn_dim": 40,
    "ffn_dim": 40,
    "d_ff": 40,
    "d_kv": 8,
    "hidden_dim": 40,
    "max_position_embeddings": 40,
    "n_positions": 40,
    "image_size": 32,
    "patch_size": 8,
    "num_labels": 5,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}

_TEXT, _BOTH, _IMAGE, _WAVE, _SPECTRUM, _PAIR = (
    "text",
    "both",
    "image",
    "wave",
    "spectrum",
    "pair",
)
_STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
_WAVES = {
    "conv_dim": [16, 16, 16],
    "conv_stride": [5, 2, 2],
    "conv_kernel": [10, 3, 3],
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
# Name -> class of the model, kind of its inputs, and what its config has of its own.
NETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "albert": ("AlbertForSequenceClassification", _TEXT, {}),
    "bert": ("BertForMaskedLM", _TEXT, {}),
    "deberta_v2": (
        "DebertaV2ForSequenceClassification",
        _TEXT,
        {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8},
    ),
    "distilbert": ("DistilBertForSequenceClassification", _TEXT, {}),
    "electra": ("ElectraForTokenClassification", _TEXT, {}),
    "modernbert": ("ModernBertForMaskedLM", _TEXT, {"attn_implementation": "sdpa"}),
    "mpnet": ("MPNetModel", _TEXT, {}),
    "roberta": ("RobertaForMaskedLM", _TEXT, {}),
    "bloom": ("BloomForCausalLM", _TEXT, {}),
    "falcon": ("FalconForCausalLM", _TEXT, {}),
    "gemma2": ("Gemma2ForCausalLM", _TEXT, {}),
    "gpt2": ("GPT2LMHeadModel", _TEXT, {}),
    "gpt_neox": ("GPTNeoXForCausalLM", _TEXT, {}),
    "llama": ("LlamaForCausalLM", _TEXT, {}),
    "mistral": ("MistralForCausalLM", _TEXT, {}),
    "mixtral": ("MixtralForCausalLM", _TEXT, _EXPERTS),
    "opt": ("OPTForCausalLM", _TEXT, {"word_embed_proj_dim": 32}),
    "phi": ("PhiForCausalLM", _TEXT, {}),
    "qwen2": ("Qwen2ForCausalLM", _TEXT, {}),
    "qwen3": ("Qwen3ForCausalLM", _TEXT, {}),
    "bart": ("BartForConditionalGeneration", _BOTH, {}),
    "marian": ("MarianMTModel", _BOTH, {}),
    "pegasus": ("PegasusForConditionalGeneration", _BOTH, {}),
    "t5": ("T5ForConditionalGeneration", _BOTH, {}),
    "beit": ("BeitForImageClassification", _IMAGE, {"use_relative_position_bias": True}),
    "convnext": (
        "ConvNextForImageClassification",
        _IMAGE,
        {**_STAGES, "patch_size": 4, "num_hidden_layers": 4},
    ),
    "deit": ("DeiTForImageClassification", _IMAGE, {}),
    "dinov2": ("Dinov2Model", _IMAGE, {}),
    "mobilevit": (
        "MobileViTForImageClassification",
        _IMAGE,
        {"patch_size": 2, "hidden_sizes": [16, 24, 32], "image_size": 64},
    ),
    "resnet": ("ResNetForImageClassification", _IMAGE, {**_STAGES, "embedding_size": 8}),
    "swin": (
        "SwinForImageClassification",
        _IMAGE,
        {"embed_dim": 8, "depths": [2, 2], "num_heads": [2, 2], "window_size": 2, "patch_size": 4},
    ),
    "vit": ("ViTForImageClassification", _IMAGE, {}),
    "clip": ("CLIPModel", _PAIR, {}),
    "siglip": ("SiglipModel", _PAIR, {}),
    "yolos": ("YolosForObjectDetection", _IMAGE, {"image_size": [32, 32]}),
    "segformer": ("SegformerForSemanticSegmentation", _IMAGE, {"hidden_sizes": [8, 16, 16, 32]}),
    "depth_anything": ("DepthAnythingForDepthEstimation", _IMAGE, {}),
    "audio_spectrogram": ("ASTForAudioClassification", _SPECTRUM, {"num_mel_bins": 16}),
    "wav2vec2": ("Wav2Vec2ForCTC", _WAVE, _WAVES),
    "hubert": ("HubertModel", _WAVE, _WAVES),
    "deberta": (
        "DebertaForMaskedLM",
        _TEXT,
        {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    ),
    "squeezebert": ("SqueezeBertModel", _TEXT, {"embedding_size": 32}),
    "convbert": ("ConvBertModel", _TEXT, {"embedding_size": 32, "conv_kernel_size": 3}),
    "esm": ("EsmForMaskedLM", _TEXT, {"position_embedding_type": "rotary", "token_dropout": False}),
    "fnet": ("FNetForMaskedLM", _TEXT, {}),
    "xlnet": ("XLNetLMHeadModel", _TEXT, {"d_inner": 40}),
    "funnel": (
        "FunnelModel",
        _TEXT,
        {"block_sizes": [1, 1], "d_head": 8, "d_inner": 40, "n_head": 4},
    ),
    "big_bird": ("BigBirdForMaskedLM", _TEXT, {"attention_type": "original_full"}),
    "canine": (
        "CanineModel",
        _TEXT,
        {
            "num_hash_functions": 8,
            "num_hash_buckets": 16,
            "downsampling_rate": 3,
            "upsampling_kernel_size": 2,
            "local_transformer_stride": 3,
        },
    ),
    "nomic_bert": ("NomicBertModel", _TEXT, {}),
    "eurobert": ("EuroBertForMaskedLM", _TEXT, {}),
    "gptj": ("GPTJForCausalLM", _TEXT, {"rotary_dim": 4}),
    "gpt_neo": ("GPTNeoForCausalLM", _TEXT, {"attention_types": [[["global", "local"], 1]]}),
    "codegen": ("CodeGenForCausalLM", _TEXT, {"rotary_dim": 4, "n_head": 4}),
    "mpt": ("MptForCausalLM", _TEXT, {}),
    "cohere": ("CohereForCausalLM", _TEXT, {}),
    "olmo2": ("Olmo2ForCausalLM", _TEXT, {}),
    "phi3": ("Phi3ForCausalLM", _TEXT, {}),
    "gemma3": ("Gemma3ForCausalLM", _TEXT, {}),
    "qwen2_moe": (
        "Qwen2MoeForCausalLM",
        _TEXT,
        {
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
        },
    ),
    "glm4": ("Glm4ForCausalLM", _TEXT, {}),
    "smollm3": ("SmolLM3ForCausalLM", _TEXT, {}),
    "mamba": ("MambaForCausalLM", _TEXT, {"state_size": 8, "time_step_rank": 2}),
    "mamba2": (
        "Mamba2ForCausalLM",
        _TEXT,
        {
            "num_heads": 8,
            "head_dim": 8,
            "state_size": 8,
            "n_groups": 1,
            "chunk_size": 4,
            "expand": 2,
        },
    ),
    "rwkv": ("RwkvForCausalLM", _TEXT, {"attention_hidden_size": 32}),
    "gpt_oss": ("GptOssForCausalLM", _TEXT, {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "dinov3_vit": ("DINOv3ViTModel", _IMAGE, {}),
    "swinv2": (
        "Swinv2ForImageClassification",
        _IMAGE,
        {"embed_dim": 8, "depths": [2, 2], "num_heads": [2, 2], "window_size": 2, "patch_size": 4},
    ),
    "pvt_v2": (
        "PvtV2ForImageClassification",
        _IMAGE,
        {
            "hidden_sizes": [8, 16, 16, 32],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 2, 2, 4],
        },
    ),
    "levit": (
        "LevitForImageClassification",
        _IMAGE,
        {
            "hidden_sizes": [16, 24, 32],
            "num_attention_heads": [2, 3, 4],
            "depths": [1, 1, 1],
            "key_dim": [8, 8, 8],
            "image_size": 64,
            "patch_size": 16,
        },
    ),
    "detr": (
        "DetrForObjectDetection",
        _IMAGE,
        {
            "num_queries": 5,
            "use_timm_backbone": False,
            "use_pretrained_backbone": False,
            "image_size": 64,
        },
    ),
    "whisper": ("WhisperForConditionalGeneration", "speech", {"num_mel_bins": 16}),
}


def _config(cls: Any, **own: Any) -> Any:
    plain = cls()
    computed = {name for name in _SMALL if isinstance(getattr(cls, name, None), property)}
    small = {n: value for n, value in _SMALL.items() if hasattr(plain, n) and n not in computed}
    for name in list(small):  # one number for each stage is the net's own
        if isinstance(getattr(plain, name), list | tuple):
            small.pop(name)
    small |= own
    for name, limit in (("max_source_positions", 16), ("max_length", 24), ("rotary_pct", 0.5)):
        if hasattr(plain, name) and name not in small:
            small[name] = limit
    return cls(**small)


def made(name: str) -> Any:
    """Returns the net, small and with random weights."""
    import transformers

    cls, kind, own = NETS[name]
    model = getattr(transformers, cls)
    own = dict(own)
    attention = own.pop("attn_implementation", None)
    if kind == _PAIR:
        parts = {}
        for part in ("text_config", "vision_config"):
            plain = getattr(model.config_class(), part)
            parts[part] = _config(type(plain)).to_dict()
        config = model.config_class(**parts, projection_dim=16)
    elif name == "depth_anything":
        inner = transformers.Dinov2Config(
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
            out_indices=[1, 2, 3, 4],
            reshape_hidden_states=False,
            apply_layernorm=True,
        )
        config = model.config_class(
            backbone_config=inner,
            patch_size=8,
            reassemble_hidden_size=32,
            neck_hidden_sizes=[8, 16, 16, 32],
            fusion_hidden_size=16,
            head_hidden_size=8,
        )
    else:
        config = _config(model.config_class, **own)
    if attention:
        config._attn_implementation = attention
    for part in (config, *(v for v in vars(config).values() if hasattr(v, "use_cache"))):
        if hasattr(part, "use_cache"):
            part.use_cache = False
    return model(config)


def inputs_of(name: str, batch: int) -> dict[str, Any]:
    """Returns inputs for one call, by name."""
    import torch

    kind = NETS[name][1]
    ids = torch.randint(3, 60, (batch, 9))
    mask = torch.ones_like(ids)
    mask[0, -2:] = 0
    if kind == _TEXT:
        return {"input_ids": ids, "attention_mask": mask}
    if kind == _BOTH:
        decoder = torch.randint(3, 60, (batch, 6))
        return {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": decoder}
    size = NETS[name][2].get("image_size", 32)
    size = size[0] if isinstance(size, list) else size
    image = torch.randn(batch, 3, size, size)
    if kind == _IMAGE:
        return {"pixel_values": image}
    if kind == _PAIR:
        return {"input_ids": ids, "pixel_values": image, "attention_mask": mask}
    if kind == _WAVE:
        return {"input_values": torch.randn(batch, 800)}
    if kind == _SPECTRUM:
        return {"input_values": torch.randn(batch, 24, 16)}
    return {
        "input_features": torch.randn(batch, 16, 32),
        "decoder_input_ids": torch.randint(3, 60, (batch, 6)),
    }
