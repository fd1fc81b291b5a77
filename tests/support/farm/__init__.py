"""Farms for tests: a real Redis, real daemons whose renders are cheap, and real bridges."""
