"""A disk that fails on demand, and what a daemon promised meanwhile."""
