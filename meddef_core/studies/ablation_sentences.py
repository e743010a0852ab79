"""What an ablation found, in sentences with places to fill."""

from meddef_core.text import Text

MORE = Text("study.network-holds", "{network} is robust on more scans than these: {others}.")
FEWER = Text("study.network-holds-fewer", "{network} is robust on fewer scans than these: {others}.")
NO_DIFFERENCE = Text("study.no-part", "No part of the network makes a significant difference under attack.")
ONE_SEED = Text("study.one-seed", "One seed says nothing about training: another could turn this round ({variants}).")
VERDICTS = (MORE, FEWER, NO_DIFFERENCE, ONE_SEED)
"""All that `ablation.verdict` says."""
