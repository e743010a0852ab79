"""What moved a model's output: Grad-CAM by captum and the DAAM's own maps, on scales that can be compared."""

from meddef_core.explain.daam import ChannelWeight, attention_from, channel_ranking
from meddef_core.explain.explainer import Explainer, Subject
from meddef_core.explain.grad_cam import DEFAULT_LAYER, gradcam, private_view
from meddef_core.explain.maps import MAP_CAVEAT, ExplanationMap, MapInfo, shared_scale
from meddef_core.explain.registry import EXPLAINERS, available, explain

__all__ = [
    "DEFAULT_LAYER",
    "EXPLAINERS",
    "MAP_CAVEAT",
    "ChannelWeight",
    "Explainer",
    "ExplanationMap",
    "MapInfo",
    "Subject",
    "attention_from",
    "available",
    "channel_ranking",
    "explain",
    "gradcam",
    "private_view",
    "shared_scale",
]
