"""Clients of a daemon: sessions, the command line, and one made from the page of the protocol."""
