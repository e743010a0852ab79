"""Model cards and weights: list, load, verify, save.

A model is a folder `assets/models/<task>/<name>/` with `weights.safetensors` and `card.json`. The card names the
hash of the weights; weights without a matching card do not load.
"""

from meddef_core.zoo.card import Card, Weights, check_spelling
from meddef_core.zoo.load import MODELS, LoadedModel, list_models, load_model, malformed_models, models_root
from meddef_core.zoo.save import MAX_BYTES, compact, describe, encode, restored, rewrite_card, save_model

__all__ = [
    "MAX_BYTES",
    "MODELS",
    "Card",
    "LoadedModel",
    "Weights",
    "check_spelling",
    "compact",
    "describe",
    "encode",
    "list_models",
    "load_model",
    "malformed_models",
    "models_root",
    "restored",
    "rewrite_card",
    "save_model",
]
