"""Daemons for tests: in this process, or a real process of their own."""
