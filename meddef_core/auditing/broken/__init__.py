"""Deliberately broken defences, which an audit must see through."""
