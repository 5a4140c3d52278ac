"""Keys that any config.json of transformers may hold, whatever its model."""

from __future__ import annotations

from .config_table import Fixed

_BOOKKEEPING = (
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_commit_hash",
    "_name_or_path",
    "architectures",
    "dtype",
    "finetuning_task",
    "gradient_checkpointing",
    "id2label",
    "label2id",
    "language",
    "license",
    "model_max_length",
    "name",
    "num_labels",
    "problem_type",
    "task_specific_params",
    "sbert_ce_default_activation_function",
    "sentence_transformers",
    "tf_legacy_loss",
    "tokenizer_class",
    "torch_dtype",
    "transformers_version",
    "xla_device",
)
_OUTPUT_FORM = (
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "return_dict",
    "torchscript",
    "use_cache",
    "use_return_dict",
)
# What is computed does not hang on these: they save memory, or begin and steer training.
_TRAINING = (
    "chunk_size_feed_forward",
    "classifier_dropout",
    "initializer_factor",
    "initializer_range",
    "use_bfloat16",
)
# They steer transformers' `generate`, which reads generation_config.json instead.
_GENERATION = (
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "cls_token_id",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_decoder_ids",
    "forced_eos_token_id",
    "is_encoder_decoder",
    "length_penalty",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_scores",
    "pad_token_id",
    "prefix",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict_in_generate",
    "sep_token_id",
    "suppress_tokens",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
)
IRRELEVANT = (*_BOOKKEEPING, *_OUTPUT_FORM, *_TRAINING, *_GENERATION)
"""Keys that do not change what a network computes."""

FIXED = (
    Fixed("add_cross_attention", False),
    Fixed("is_decoder", False),
    Fixed("pruned_heads", {}),
    Fixed("tie_encoder_decoder", False),
)
"""Keys that change the network, with their defaults; for every family that has nothing else."""
