"""The beginning of a session: a version that both sides speak."""

from lipsyncd import __version__
from lipsyncd.errors import InvalidRequest, VersionMismatch
from lipsyncd.sessions.request import Reply, Request
from lipsyncd.wire import HINT, VERSIONS


def on_hello(request: Request) -> Reply:
    offered = request.field("versions", list)
    request.field("client", str)
    if len(offered) != 2 or not all(type(version) is int for version in offered):
        raise InvalidRequest("versions is not the oldest and the newest.", "Send two numbers.")
    version = min(offered[1], VERSIONS[1])
    if version < max(offered[0], VERSIONS[0]):
        raise VersionMismatch(
            f"The client speaks versions {offered[0]} to {offered[1]}, the daemon {VERSIONS[0]} "
            f"to {VERSIONS[1]}.",
            HINT,
        )
    state = str(request.house.status.condition)
    return Reply("welcomed", {"version": version, "server": __version__, "state": state})
