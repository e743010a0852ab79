"""The classroom's own pages: phones, teacher and projector. They need no session of Streamlit's."""
