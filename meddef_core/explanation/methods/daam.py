"""Maps of the network's own modules, all read from the one trace of a reading.

Channels are averaged, never maximised: the mean keeps the sign of an edge and the [0, 1] of a gate.
"""

from typing import NamedTuple

from torch import Tensor

from meddef_core.errors import MedDefError
from meddef_core.explanation.explainer import Explainer, ExplanationSubject, to_map
from meddef_core.explanation.maps import ExplanationMap, MapInfo
from meddef_core.model import MSF_SCALES, MedDefConfig, Trace
from meddef_core.text import Text

PAPER = "Dongbo et al., MedDef: An Efficient Self-Attention Model for Adversarial Resilience in Medical Imaging, 2025"


class ChannelWeight(NamedTuple):
    """One channel of the channel attention Omega and its weight in [0, 1]."""

    channel: int
    weight: float


def channel_ranking(trace: Trace) -> tuple[ChannelWeight, ...]:
    """Every channel's weight, largest first; ties in channel order. MedDefError for a model without DAAM."""
    weights = _present(trace.daam.channel_attention)[0]
    order = weights.argsort(descending=True, stable=True)
    return tuple(ChannelWeight(int(channel), float(weights[channel])) for channel in order)


def attention_from(trace: Trace, position: tuple[int, int]) -> ExplanationMap:
    """What one position `(row, column)` of the grid looks at: its row of the self-attention, which sums to 1.

    Raises MedDefError for a model without self-attention and for a position outside the grid.
    """
    weights = _present(trace.self_attention)
    height, width = trace.final.shape[-2:]
    row, column = position
    if not (0 <= row < height and 0 <= column < width):
        raise MedDefError(
            Text(
                "map.position-position",
                "Position {position} lies outside the {height} x {width} attention grid.",
                position=position,
                height=height,
                width=width,
            )
        )
    return to_map(ATTENTION_FROM, weights[0, row * width + column].reshape(height, width))


def _present(values: Tensor | None) -> Tensor:
    if values is None:
        raise MedDefError(
            Text("map.no-module", "This model was built without the module that this map shows; choose another map.")
        )
    return values


def _channel_mean(values: Tensor | None) -> Tensor:
    return _present(values)[0].mean(dim=0)


def _afd_gate(subject: ExplanationSubject) -> Tensor:
    return _channel_mean(subject.trace.daam.afd_gate)


def _mfe_edges(subject: ExplanationSubject) -> Tensor:
    return _channel_mean(subject.trace.daam.mfe_edges)


def _mfe_texture(subject: ExplanationSubject) -> Tensor:
    return _channel_mean(subject.trace.daam.mfe_texture)


def _channel_attention(subject: ExplanationSubject) -> Tensor:
    # D(x) = x + Phi * Omega, so the difference of the traced maps is the channel-weighted Phi. Both factors are at
    # least 0; rounding in the subtraction may fall just below.
    return _channel_mean(subject.trace.defended - subject.trace.features).clamp(min=0)


def _self_attention(subject: ExplanationSubject) -> Tensor:
    grid = subject.trace.final.shape[-2:]
    return _present(subject.trace.self_attention)[0].mean(dim=0).reshape(grid)


def _msf_explainer(index: int, side: int) -> Explainer:
    def compute(subject: ExplanationSubject) -> Tensor:
        scales = subject.trace.daam.msf
        return _channel_mean(None if scales is None else scales[index])

    return Explainer(
        info=MapInfo(
            key=f"msf_{side}",
            title=Text("map.msf-side", "MSF, {side} x {side} scale", side=side),
            meaning=Text(
                "map.how-strongly",
                "How strongly features averaged over a {side} x {side} division of the scan respond; brighter "
                "is stronger.",
                side=side,
            ),
            signed=False,
            bounded=None,
        ),
        citation=PAPER,
        applies=lambda config: config.msf,
        compute=compute,
    )


def _has_daam(config: MedDefConfig) -> bool:
    return config.has_daam


ATTENTION_FROM = MapInfo(
    key="attention_from",
    title=Text("map.self-attention", "Self-attention from one position"),
    meaning=Text(
        "map.where-chosen", "Where the chosen position looks when the model weighs the scan; all shares add up to 1."
    ),
    signed=False,
    bounded=(0.0, 1.0),
)

ORDER = 30
EXPLAINERS = (
    Explainer(
        info=MapInfo(
            key="afd_gate",
            title=Text("map.afd-noise", "AFD noise gate"),
            meaning=Text(
                "map.how-much",
                "How much of each region's features the noise gate lets through; low where it holds them back as "
                "suspicious.",
            ),
            signed=False,
            bounded=(0.0, 1.0),
        ),
        citation=PAPER,
        applies=lambda config: config.afd,
        compute=_afd_gate,
    ),
    Explainer(
        info=MapInfo(
            key="mfe_edges",
            title=Text("map.mfe-edges", "MFE edges"),
            meaning=Text(
                "map.average-response",
                "Average response to feature edges, such as a layer's border; the sign tells the edge's direction.",
            ),
            signed=True,
            bounded=(-1.0, 1.0),
        ),
        citation=PAPER,
        applies=lambda config: config.mfe,
        compute=_mfe_edges,
    ),
    Explainer(
        info=MapInfo(
            key="mfe_texture",
            title=Text("map.mfe-texture", "MFE texture"),
            meaning=Text(
                "map.average-response-repeated",
                "Average response to repeated fine structure in the features; brighter is stronger.",
            ),
            signed=False,
            bounded=None,
        ),
        citation=PAPER,
        applies=lambda config: config.mfe,
        compute=_mfe_texture,
    ),
    *(_msf_explainer(index, side) for index, side in enumerate(MSF_SCALES)),
    Explainer(
        info=MapInfo(
            key="channel_attention",
            title=Text("map.defence-channel", "Defence, channel-weighted"),
            meaning=Text(
                "map.what-whole",
                "What the whole defence adds to the features after weighing its channels; brighter adds more.",
            ),
            signed=False,
            bounded=None,
        ),
        citation=f"{PAPER}; Hu et al., Squeeze-and-Excitation Networks, CVPR 2018",
        applies=_has_daam,
        compute=_channel_attention,
    ),
    Explainer(
        info=MapInfo(
            key="self_attention",
            title=Text("attention.self-attention", "Self-attention"),
            meaning=Text(
                "map.how-much-each",
                "How much each region is looked at, averaged over all regions; all shares add up to 1.",
            ),
            signed=False,
            bounded=(0.0, 1.0),
        ),
        citation=f"{PAPER}; Vaswani et al., Attention Is All You Need, NeurIPS 2017",
        applies=lambda config: config.attention,
        compute=_self_attention,
    ),
)
