"""A result on its way from the store to its place: checked, and whole or not at all."""

import hashlib
import tempfile

from lipsyncctl.client.fetch import Place
from lipsyncd.errors import JobNotEnded, NoResult, StoreFailed
from lipsyncd.protocol.state import ENDED, State
from lipsyncd.system.disk import disk_named
from lipsyncfarm.record import Fields
from lipsyncfarm.spec import Spec
from lipsyncfarm.store import MediaStore
from lipsyncfarm.views import phrase_of


def receive(store: MediaStore, id: str, fields: Fields, place: Place) -> int:
    """Write the result of a job to its place; its size.

    Raises JobNotEnded, NoResult, StoreFailed if it is damaged, and what the store and the place do.
    """
    state = fields["state"]
    if state not in ENDED:
        raise JobNotEnded(f"{phrase_of(id, state)}.", "Wait for it first.")
    if state != State.SUCCEEDED:
        raise NoResult(f"{phrase_of(id, state)}, so it has no result.", "Its status tells why.")
    place.refuse_other(Spec.loads(fields["spec"]).format)
    digest, size = hashlib.sha256(), 0
    with disk_named("temporary files"), tempfile.TemporaryFile() as file:
        try:
            for piece in store.read(fields["result"]):
                digest.update(piece)
                size += file.write(piece)
        except FileNotFoundError as error:
            raise NoResult(f"The result of job {id} is gone.", "Submit the job anew.") from error
        if digest.hexdigest() != fields["result_sha256"]:
            raise StoreFailed(
                f"The result of job {id} is damaged in the store.", "Submit the job anew."
            )
        file.flush()
        place.receive(file.fileno(), size)
    return size
