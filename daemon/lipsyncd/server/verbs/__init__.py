"""What a client can ask for. A new verb is a handler in one of these files, no more: `on_clean`
takes a request to `clean` and gives its reply.

    submit    jobs come in
    preflight what would come of one
    jobs      what there is, and its results
    line      jobs that wait are held, let go, moved
    wait      until they have ended
    follow    each change as it happens
    daemon    what keeps the daemon in order
"""

from collections.abc import Callable

from lipsyncd.protocol.options import MAX_VOICES
from lipsyncd.server.request import Reply, Request
from lipsyncd.server.verbs import daemon, follow, jobs, line, preflight, submit, wait

VERBS: dict[str, Callable[[Request], Reply]] = {
    name.removeprefix("on_"): handler
    for module in (daemon, submit, preflight, jobs, line, wait, follow)
    for name, handler in vars(module).items()
    if name.startswith("on_")
}
# How many come with a request: a face, its voices, and pictures of those who speak, with a
# submission work that was done of it before; none with the others.
DESCRIPTORS = {
    "submit": range(2, 3 + 2 * MAX_VOICES),
    "probe": range(1, 2 + 2 * MAX_VOICES),
    "preview": range(2, 2 + 2 * MAX_VOICES),
}
