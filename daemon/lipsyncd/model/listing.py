"""The listing process: what lies in a folder of weights, and whether it runs as the generator.

A file is asked by loading it, as a device would: nothing else knows.  It is a process of its own
because that takes torch and the memory of the largest file; it ends when it has answered.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from setproctitle import setproctitle

from lipsyncd.errors import CheckpointInvalid, CheckpointMissing, LipsyncError
from lipsyncd.model.checkpoint import Checkpoint, checkpoint_of
from lipsyncd.model.published import PUBLISHED_FILES, UNTOLD, Published
from lipsyncd.model.weights import CHECKPOINT, Report, WeightsFile, read_weights
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.wire import Kind
from lipsyncd.system.parent import connected, leave

Listed = dict[str, object]  # a file, by the fields of PROTOCOL.md


def main() -> None:
    """List the files that the daemon names, which hears of each."""
    setproctitle("lipsyncd: models")
    with connected() as daemon:
        message = daemon.receive()
        if message:
            answer(daemon, [Path(path) for path in cast(list[str], message.body["paths"])])


def answer(daemon: Connection, paths: list[Path]) -> None:
    """All of them, or the error of a disk."""

    def report(detail: str) -> None:
        daemon.send(Kind.EVENT, {"detail": detail})

    try:
        daemon.send(Kind.REPLY, {"models": list(listed(paths, report))})
    except LipsyncError as error:
        daemon.send(Kind.ERROR, error.as_map())


def listed(paths: list[Path], report: Report) -> Iterator[Listed]:
    """What each file is; one that has gone meanwhile is left out.

    Raises DiskFailed, HostExhausted.
    """
    for path in paths:
        try:
            file = read_weights(path, CHECKPOINT, report)
        except CheckpointMissing:
            continue
        except CheckpointInvalid as error:
            yield refused(path, path.stat().st_size, "", error)
        else:
            yield looked_at(file, report)


def looked_at(file: WeightsFile, report: Report) -> Listed:
    """A file that could be read.  Raises DiskFailed, HostExhausted."""
    size = len(file.content)
    try:
        checkpoint = checkpoint_of(file, report)
    except CheckpointInvalid as error:
        return refused(file.path, size, file.sha256, error)
    known = PUBLISHED_FILES.get(file.sha256, unknown(checkpoint))
    return entry(file.path, size, file.sha256, known, "")


def unknown(checkpoint: Checkpoint) -> Published:
    """A generator that is known by nothing but itself."""
    width = "" if checkpoint.width == 1 else f", {checkpoint.width:.3g} as wide as the published"
    what = f"a Wav2Lip generator for {checkpoint.conventions.side} pixels{width}"
    return Published(what, checkpoint.licence or UNTOLD)


def refused(path: Path, size: int, sha256: str, error: CheckpointInvalid) -> Listed:
    """What does not run as the generator, and why."""
    why = error.message.removeprefix(f"{path} ")
    known = PUBLISHED_FILES.get(sha256, Published("", ""))
    return entry(path, size, sha256, known, f"it {why}")


def entry(path: Path, size: int, sha256: str, known: Published, problem: str) -> Listed:
    """The fields."""
    return {
        "name": path.name,
        "bytes": size,
        "sha256": sha256,
        "what": known.what,
        "licence": known.licence,
        "runs": not problem,
        "problem": problem,
    }


if __name__ == "__main__":
    main()
    leave(0)
