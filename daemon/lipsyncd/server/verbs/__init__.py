"""What a client can ask for: one handler per verb, from a request to its reply."""

from collections.abc import Callable

from lipsyncd.server.request import Reply, Request
from lipsyncd.server.verbs.daemon import on_clean, on_drain, on_hello, on_reload, on_resume
from lipsyncd.server.verbs.follow import on_follow
from lipsyncd.server.verbs.jobs import on_fetch, on_health, on_info, on_list, on_status
from lipsyncd.server.verbs.submit import on_retry, on_submit
from lipsyncd.server.verbs.wait import on_cancel, on_wait

VERBS: dict[str, Callable[[Request], Reply]] = {
    "hello": on_hello,
    "submit": on_submit,
    "retry": on_retry,
    "list": on_list,
    "status": on_status,
    "wait": on_wait,
    "follow": on_follow,
    "fetch": on_fetch,
    "cancel": on_cancel,
    "clean": on_clean,
    "drain": on_drain,
    "resume": on_resume,
    "health": on_health,
    "info": on_info,
    "reload": on_reload,
}
DESCRIPTORS = {"submit": 2}  # how many come with a request; none with the others
