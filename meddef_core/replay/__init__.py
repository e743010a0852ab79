"""A record read back and computed anew: does the same come out?"""
