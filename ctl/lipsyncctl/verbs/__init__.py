"""What lipsyncctl can do. A new verb is a function with `@verb` in one of these files, no more.

    submit    jobs come in
    preflight what would come of one
    jobs      what there is, and its results
    report    how a result came out
    wait      until they have ended
    follow    each change as it happens
    clean     ended jobs go
    health    whether the daemon is well
    metrics   the daemon in numbers
    daemon    what keeps the daemon in order
    farm      what there is of a farm

`verb` is what a verb is made of, `typed` reads what is typed, `several` does one thing to several
jobs, `ending` is the end of a job as its user meets it.
"""

from lipsyncctl.verbs import (
    clean,
    daemon,
    farm,
    follow,
    health,
    jobs,
    metrics,
    preflight,
    report,
    submit,
    wait,
)
from lipsyncctl.verbs.verb import Verb

VERBS = {
    each.name: each
    for module in (
        submit,
        preflight,
        jobs,
        report,
        wait,
        follow,
        clean,
        health,
        metrics,
        daemon,
        farm,
    )
    for each in vars(module).values()
    if isinstance(each, Verb)
}
