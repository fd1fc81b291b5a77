"""lipsyncctl: hands jobs to lipsyncd, follows them, and fetches their results.

`main` reads the command line (`arguments`) and calls a verb (`verbs`; `run` has a file of its own).
A verb opens files (`inputs`), speaks with the daemon (`client`), shows what happens (`console`,
`progress`, in the words of `wording`), and puts the result in its place (`result`).
"""
