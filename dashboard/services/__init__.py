"""The one door between the pages and `meddef_core`: plain values go in and come out, tensors stay inside.

A module stands for a page or for a question that pages ask; `shared` for what several pages ask. `results` holds the
values that come out, `lessons` the lessons and quizzes. Modules also export the core's types that they give out: no
other part of the dashboard imports `meddef_core`, and import-linter holds it to that.

Models are shared by all sessions and read-only. Whatever is derived from a scan lives in a bounded cache of the
session that asked for it and goes with it.

This file imports nothing: `errors`, `settings` and `words` serve `streamlit_app.py` before PyTorch is loaded.
"""
