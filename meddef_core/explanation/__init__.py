"""What moved a model's output: gradients' and occlusion's maps, the network's own, and what maps are worth."""

from meddef_core.explanation.channels import ChannelMap, top_channels
from meddef_core.explanation.explainer import Explainer, ExplanationSubject
from meddef_core.explanation.layers import grad_cam_layers
from meddef_core.explanation.maps import MAP_CAVEAT, ExplanationMap, MapInfo, shared_scale
from meddef_core.explanation.methods.daam import ChannelWeight, attention_from, channel_ranking
from meddef_core.explanation.methods.grad_cam import DEFAULT_LAYER, gradcam, private_view
from meddef_core.explanation.propagation import StageChange, propagation
from meddef_core.explanation.registry import EXPLAINERS, available, explain
from meddef_core.explanation.sanity import SanityRow, sanity_check
from meddef_core.explanation.stability import Stability, stability

__all__ = [
    "DEFAULT_LAYER",
    "EXPLAINERS",
    "MAP_CAVEAT",
    "ChannelMap",
    "ChannelWeight",
    "Explainer",
    "ExplanationMap",
    "ExplanationSubject",
    "MapInfo",
    "SanityRow",
    "Stability",
    "StageChange",
    "attention_from",
    "available",
    "channel_ranking",
    "explain",
    "grad_cam_layers",
    "gradcam",
    "private_view",
    "propagation",
    "sanity_check",
    "shared_scale",
    "stability",
    "top_channels",
]
