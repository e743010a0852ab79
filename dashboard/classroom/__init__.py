"""The classroom: a room that students join by code, its questions and votes, the challenge, and what remains of it."""
