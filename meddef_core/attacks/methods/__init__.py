"""The attacks, one family a module: each offers a tuple `ATTACKS` of `AttackInfo`."""
