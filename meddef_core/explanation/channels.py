"""The channels that the defence weighs most, each with its own map."""

from typing import NamedTuple

from meddef_core.errors import MedDefError
from meddef_core.explanation.explainer import to_map
from meddef_core.explanation.maps import ExplanationMap, MapInfo
from meddef_core.explanation.methods.daam import channel_ranking
from meddef_core.model import Trace
from meddef_core.text import Text

CHANNEL = MapInfo(
    key="channel",
    title=Text("map.one-channel", "One channel of the defence"),
    meaning=Text(
        "map.what-channel",
        "What this channel of the defence adds to the features after its weight; brighter adds more.",
    ),
    signed=False,
    bounded=None,
)
"""One kind for all channels, so that they share a scale."""


class ChannelMap(NamedTuple):
    """One channel of the channel attention Omega, its weight in [0, 1], and that channel of Phi * Omega."""

    channel: int
    weight: float
    map: ExplanationMap


def top_channels(trace: Trace, *, count: int = 8) -> tuple[ChannelMap, ...]:
    """The `count` channels of largest weight, largest first, all of them if there are fewer.

    A map is the channel's part of Phi * Omega, the sum that the defence adds to the features of `trace`'s first image:
    the mean over all channels is the map `channel_attention`. Raises MedDefError for a model without DAAM and for a
    count below 1.
    """
    if count < 1:
        raise MedDefError(
            Text("map.channel-count", "At least one channel must be asked for, not {count}.", count=count)
        )
    ranking = channel_ranking(trace)[:count]
    # Phi and Omega are at least 0; rounding in the subtraction may fall just below.
    added = (trace.defended - trace.features)[0].clamp(min=0)
    return tuple(ChannelMap(channel, weight, to_map(CHANNEL, added[channel])) for channel, weight in ranking)
