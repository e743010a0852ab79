"""What a person sees: Streamlit pages over `meddef_core`, reached through `services` alone."""
