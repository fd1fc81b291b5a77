"""The manual pages and the completion of shells, from what the programs themselves say.

`python -m lipsyncctl.manual CHECKOUT SHARE` writes them, as an installation does: `pages` from the
parsers of the command lines, the comments of the configuration, and the Markdown that lies beside
what it is about (ctl/README.md, systemd/README.md, systemd/FARM.md, daemon/PROTOCOL.md), in the
language of man that `roff` writes; `completion` by shtab from the same parsers.
"""
