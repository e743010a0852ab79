"""One script a page, run by `streamlit_app.py`."""
