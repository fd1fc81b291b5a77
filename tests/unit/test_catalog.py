"""The journal's events keep their ids, and every one is explained in the catalog."""

import logging
import re
from pathlib import Path

import pytest

from lipsyncd.errors import NoFace
from lipsyncd.protocol.job import move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.queue.transitions import failed, new_job, tell
from lipsyncd.system import catalog as events
from lipsyncd.system.catalog import JOB_ACCEPTED, JOB_FAILED, JOB_FAILED_BY_INPUT, Entry, emit
from lipsyncd.system.journal import PRIORITIES, always, fields_of

CATALOG = Path(__file__).parents[2] / "systemd/lipsyncd.catalog"
EVENTS = {name: each for name, each in vars(events).items() if isinstance(each, Entry)}
del EVENTS["JOB_FAILED_BY_INPUT"]  # the same event, less urgent
# What an operator's scripts may rely on; never to be changed.
IDS = {
    "READY": ("437708e229c05bb4a94f225c19871c1c", 5),
    "MODEL_LOADED": ("fcaba266ea0c5f19ad6cba8fc75af0bd", 6),
    "LOAD_FAILED": ("f46fa2cbb05a50839c159b2bd92a069e", 2),
    "JOB_ACCEPTED": ("9e89be7c5a8b54f4ae75f944c8ff4293", 6),
    "JOB_STARTED": ("4e0fa5c7531a546c8c630c58460d38ec", 6),
    "JOB_CONTINUED": ("b5acf2d32b2b510cb4fa1f0d1c523555", 6),
    "JOB_HELD": ("0538a191116057e78a21f5a0eb13a6ee", 6),
    "JOB_RELEASED": ("914d9c31080f516fbbec75d0da913d36", 6),
    "JOB_MOVED": ("a06fcdc47a945198bc4862c663cc42ec", 6),
    "JOB_FINISHED": ("1c1def7f6d3758d59af4a0e1560b4079", 6),
    "JOB_FAILED": ("766f6415e7015095982da847a4872363", 3),
    "JOB_CANCELLED": ("b4248a27e32f5bf38a53b80206731c27", 6),
    "JOB_EXPIRED": ("57d475af262a58a08cf0989e71e36d4f", 6),
    "JOB_REQUEUED": ("14b2199be02d5add9b67e73bcf43f9fb", 6),
    "JOB_REJECTED_QUEUE_FULL": ("a70da739756e588381c60eb7e49873e4", 5),
    "JOB_RECOVERED": ("1994212b7fae5abebb03bab797a682ae", 5),
    "GPU_OOM": ("bfc080ad34145130857ddac301578493", 4),
    "GPU_LOST": ("4d6caf091d3455a2bda2bfd2edf2eb1c", 2),
    "WARM_PASS_SLOW": ("bcc161db4e925c26ba23e888e8f89cb1", 4),
    "JOBS_CLEANED": ("ff49634221955d21aa8397d436afab31", 6),
    "CLOCK_SET": ("30260f892a2c54419e0325f1e25ba903", 5),
    "DRAIN_BEGIN": ("b79319a0beec5ae4b67f311b9162c131", 5),
    "DRAIN_END": ("5641b22396035c34a5bfe0ed0a9bd55c", 5),
    "RELOADED": ("df68bae111025167890ecb6b22168b80", 5),
    "CRASHED": ("2f09aeb38d055e14a3b3b9c7062a604f", 2),
    "QUEUE_DRAINED": ("d0e1856e00665ce38c96898a576be1fb", 5),
    "QUEUE_RESUMED": ("92a4e9835a16557f964040514fbc7fe8", 5),
    "STATE_CORRUPT": ("a447d706c9e15aa8a4c3a57da6de6b24", 2),
    "RECORDS_LOST": ("189b45d6b2af5a328a1a5bc1ae049a89", 2),
    "RESULT_RECOVERED": ("e6ccf20da71059e79d020a517d43beca", 4),
    "DEVICE_RESTARTED": ("3c805ebb54f85108a54a6795141d40ee", 5),
    "TEMPLATE_RESTARTED": ("3b00e5d004615131916dacea63296f2f", 4),
    "CAGE_OPEN": ("35c114b62a1050fba5d1121a2b1cee86", 4),
    "RENDER_STALLED": ("c895c1cf608759df886dd14b724f7c32", 4),
    "RENDER_CRASHED": ("0084b7b5787a55b2a7bfe23ef586611f", 4),
    "PROTOCOL_ERROR": ("c36a40c7692b5b5f831ed91bde95b619", 5),
    "AUTH_DENIED": ("9dcdc8db7a47530e962b16bba36653b0", 4),
    "DISK_FULL": ("5f88f28c89ef548ca1f9b8dd60ba8617", 3),
}


@pytest.fixture(autouse=True)
def nothing_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """No field from a daemon that lived in this process before."""
    monkeypatch.setattr("lipsyncd.system.journal._standing", {})


def test_every_event_keeps_its_id_and_its_priority() -> None:
    found = {name: (each.id, PRIORITIES[each.level]) for name, each in EVENTS.items()}
    assert found == IDS
    assert (JOB_FAILED_BY_INPUT.id, PRIORITIES[JOB_FAILED_BY_INPUT.level]) == (JOB_FAILED.id, 5)


def test_the_catalog_explains_every_event() -> None:
    explained = re.findall(r"^# (\w+)\n-- (\w+)\nSubject: \S", CATALOG.read_text(), re.MULTILINE)
    assert dict(explained) == {name: event.id for name, event in EVENTS.items()}


def test_an_entry_of_a_job_tells_its_story(caplog: pytest.LogCaptureFixture) -> None:
    job = new_job(1000, "face", "voice", Options())
    with caplog.at_level(logging.INFO):
        emit(JOB_ACCEPTED, "job %s: accepted", job.id, job=job, QUEUE_DEPTH=3)
    fields = fields_of(caplog.records[0])
    assert fields["MESSAGE"] == f"job {job.id}: accepted"
    assert (fields["PRIORITY"], fields["MESSAGE_ID"]) == ("6", JOB_ACCEPTED.id)
    assert fields["SYSLOG_IDENTIFIER"] == "lipsyncd"
    assert (fields["CODE_FILE"], fields["CODE_FUNC"]) == (
        __file__,
        "test_an_entry_of_a_job_tells_its_story",
    )
    ours = {name: value for name, value in fields.items() if name.startswith("LIPSYNCD_")}
    assert ours == {
        "LIPSYNCD_EVENT": "JOB_ACCEPTED",
        "LIPSYNCD_JOB_ID": job.id,
        "LIPSYNCD_OWNER_UID": "1000",
        "LIPSYNCD_STATE": "queued",
        "LIPSYNCD_ATTEMPT": "0",
        "LIPSYNCD_QUEUE_DEPTH": "3",
    }


def test_a_job_that_failed_through_its_input_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    job = move(new_job(0, "face", "voice", Options()), State.RUNNING)
    with caplog.at_level(logging.INFO):
        tell(failed(job, NoFace("There is no face.", "Use another."), 1.0))
    (record,) = caplog.records
    fields = fields_of(record)
    assert fields["PRIORITY"] == "5"
    assert fields["LIPSYNCD_ERROR"] == "input.no_face"


def test_what_broke_is_in_the_entry_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    error = OSError(5, "Input/output error")
    emit(JOB_FAILED, "job k3: failed", cause=error)
    fields = fields_of(caplog.records[0])
    assert fields["MESSAGE"].splitlines()[0] == "job k3: failed"
    assert fields["MESSAGE"].splitlines()[-1] == "OSError: [Errno 5] Input/output error"
    assert fields["ERRNO"] == "5"


def test_what_always_holds_is_in_every_entry(caplog: pytest.LogCaptureFixture) -> None:
    always(LIPSYNCD_DEVICE="cuda:0")
    logging.getLogger("a library").warning("beware")
    fields = fields_of(caplog.records[0])
    assert (fields["LIPSYNCD_DEVICE"], fields["PRIORITY"]) == ("cuda:0", "4")
