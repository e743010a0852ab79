"""Predict a scan: `python 01_predict.py [FILE]`; without a file, a drawn OCT B-scan."""

import sys

import meddef_core as md
from meddef_core.words import percent

model = md.load_model("oct/meddef")
scan = md.read_scan(sys.argv[1]) if sys.argv[1:] else md.list_samples("oct")[0].load()
found = md.predict(model, scan)

if found.abstained:
    print(found.abstained.sentence)
else:
    print(f"{found.label} ({model.task.words[found.label]}), {percent(found.probability)}")
