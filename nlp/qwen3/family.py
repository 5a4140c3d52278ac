"""Qwen 3's family: how its files are read and written."""

from __future__ import annotations

from ...hub.config_table import COUNT, FLAG, Argument
from ...hub.registry import register_family
from ..qwen2.family import qwen_config, qwen_family

CONFIG = qwen_config(
    3,
    Argument("head_dim", "head_dim", COUNT, 128),
    Argument("attention_bias", "attention_bias", FLAG, False),
)

register_family(qwen_family(__package__ or "", 3, CONFIG))
