"""lipsyncctl: hands jobs to lipsyncd, follows them, and fetches their results.

`main` reads the command line (`arguments`) and calls a verb (`verbs`; `run`, `logs` and those for
all `daemons` have files of their own). A verb finds the daemon (`instances`), opens files
(`inputs`), speaks with the daemon (`client`, `follow`), shows what happens (`console`,
`progress`, in the words of `wording`), and puts the result in its place (`result`).
"""
