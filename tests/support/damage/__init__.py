"""Damaged media: made by a number, given to a render or to a daemon, and judged."""
