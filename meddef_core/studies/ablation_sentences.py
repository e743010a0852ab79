"""What an ablation found, in sentences with places to fill."""

MORE = "{network} holds more scans under attack than these: {others}."
FEWER = "{network} holds fewer scans under attack than these: {others}."
NO_DIFFERENCE = "No part of the network makes a difference under attack that chance does not explain."
ONE_SEED = "One seed says nothing about training: another could turn this round ({variants})."
VERDICTS = (MORE, FEWER, NO_DIFFERENCE, ONE_SEED)
"""All that `ablation.verdict` says."""
