"""Model cards and weights: list, load, verify, save.

A model is a folder `assets/models/<task>/<name>/` with `weights.safetensors` and `card.json`. The card names the
hash of the weights; weights without a matching card do not load.
"""

from meddef_core.zoo.card import Card, Weights, check_spelling
from meddef_core.zoo.load import (
    MODELS,
    LoadedModel,
    list_models,
    load_model,
    loadable_models,
    malformed_models,
    models_root,
    with_profile,
)
from meddef_core.zoo.save import MAX_BYTES, compact, describe, encode, restored, rewrite_card, save_model
from meddef_core.zoo.site import SiteProfile, configured_profile, read_profile, save_profile

__all__ = [
    "MAX_BYTES",
    "MODELS",
    "Card",
    "LoadedModel",
    "SiteProfile",
    "Weights",
    "check_spelling",
    "compact",
    "configured_profile",
    "describe",
    "encode",
    "list_models",
    "load_model",
    "loadable_models",
    "malformed_models",
    "models_root",
    "read_profile",
    "restored",
    "rewrite_card",
    "save_model",
    "save_profile",
    "with_profile",
]
