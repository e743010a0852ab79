"""What an ablation found, in sentences with places to fill."""

from meddef_core.text import Text

MORE = Text("study.network-holds", "{network} holds more scans under attack than these: {others}.")
FEWER = Text("study.network-holds-fewer", "{network} holds fewer scans under attack than these: {others}.")
NO_DIFFERENCE = Text(
    "study.no-part", "No part of the network makes a difference under attack that chance does not explain."
)
ONE_SEED = Text("study.one-seed", "One seed says nothing about training: another could turn this round ({variants}).")
VERDICTS = (MORE, FEWER, NO_DIFFERENCE, ONE_SEED)
"""All that `ablation.verdict` says."""
