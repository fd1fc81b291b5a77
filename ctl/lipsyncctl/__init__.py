"""lipsyncctl: hands jobs to lipsyncd, follows them, and fetches their results.

`main` reads the command line (`arguments`) and calls a verb (`verbs`; `run`, `wait`, `follow`,
`listing`, `logs` and those for all `daemons` have files of their own). A verb finds the daemon
(`instances`), reaches it (`reach`), opens files (`inputs`), speaks with the daemon (`client`) and
hears what it tells by itself (`events`, `changes`), also after an `outage`, shows what happens
(`console`, `progress`, `table`, in the words of `job` and `wording`), and puts the result in its
place (`result`, `links`).
"""
