"""The daemon in numbers, as Prometheus and whatever reads OpenMetrics take them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lipsyncctl.client.told import Told

Labels = Mapping[str, object]
Sample = tuple[str, Labels, float]

OF_A_DEVICE = {  # by name: its kind, and what it is
    "up": ("gauge", "Whether the device renders."),
    "jobs": ("gauge", "Jobs that the device serves."),
    "resident_bytes": ("gauge", "What its process has of memory."),
    "memory_bytes": ("gauge", "What is taken of a GPU's own memory."),
    "proof_age_seconds": ("gauge", "Since it last proved to compute."),
    "restarts": ("counter", "How often its process was lost and started anew."),
    "pass_seconds": ("summary", "How long its passes for jobs took."),
    "batch_rows": ("counter", "Mouths that were made in them."),
    "batch_room": ("counter", "Mouths for which there was room in them."),
}


@dataclass
class Family:
    """Samples of one name: what is added to it, their labels, their value."""

    name: str
    kind: str
    text: str
    samples: list[Sample] = field(default_factory=list)

    def lines(self, is_open: bool) -> Iterator[str]:
        """As OpenMetrics, or as the older format, in which a counter's whole name is told."""
        is_counter = self.kind == "counter" and not is_open
        name = f"{self.name}_total" if is_counter else self.name
        yield f"# HELP {name} {self.text}"
        yield f"# TYPE {name} {self.kind}"
        for suffix, labels, value in self.samples:
            chosen = ",".join(f'{key}="{quoted(it)}"' for key, it in labels.items())
            yield f"{self.name}{suffix}{{{chosen}}} {value:.15g}".replace("{}", "")


def exposition(found: Iterable[Family], is_open: bool = True) -> str:
    """All of these; `is_open` for OpenMetrics, else for node_exporter's text files."""
    lines = [line for each in found if each.samples for line in each.lines(is_open)]
    return "\n".join([*lines, *(["# EOF"] if is_open else []), ""])


def families(measured: Told, health: Told, info: Told) -> Iterator[Family]:
    """All there is to measure of a daemon."""
    yield from of_jobs(measured, health, info)
    yield from of_models(info)


def of_jobs(measured: Told, health: Told, info: Told) -> Iterator[Family]:
    """What is told of the daemon and of all jobs together."""
    ended: list[Sample] = [
        ("_total", {"state": it["state"], "reason": it["reason"]}, it["count"])
        for it in measured["ended"]
    ]
    states = "queued", "running"
    jobs: list[Sample] = [("", {"state": name}, health[name]) for name in states]
    yield gauge("build_info", "The version of the daemon.", 1, {"version": info["version"]})
    yield gauge("start_time_seconds", "When this life of the daemon began.", measured["begun_at"])
    yield gauge("ready", "Whether a job can be rendered.", health["ready"])
    yield gauge("paused", "Whether the queue takes and starts no jobs.", bool(health["paused"]))
    yield Family("lipsyncd_jobs", "gauge", "Jobs that have not ended, by state.", jobs)
    yield gauge("jobs_held", "Jobs that wait until they are let go.", health.get("held", 0))
    yield counter("jobs_accepted", "Jobs that were accepted.", measured["accepted"])
    yield Family("lipsyncd_jobs_ended", "counter", "Jobs that ended, by state and error.", ended)
    yield histogram(
        "job_waiting_seconds", "From the acceptance of a job to its render.", measured["waiting"]
    )
    yield histogram("job_running_seconds", "How long a render took.", measured["running"])
    yield counter("frames", "Frames that were written.", measured["frames"])
    yield gauge(
        "last_progress_timestamp_seconds",
        "When the last frame was written.",
        measured["progress_at"],
    )
    yield gauge(
        "watchdog_least_margin_seconds",
        "The least that was left of the watchdog's time in this life.",
        measured["watchdog_margin"],
    )
    yield gauge("spool_bytes", "What the files of jobs take.", measured["spool_bytes"])
    yield gauge("store_bytes", "What the records of jobs take.", measured["store_bytes"])


def of_models(info: Told) -> Iterator[Family]:
    """What is told once the models are loaded."""
    if plans := info.get("plans"):
        words = "Faces that were to be looked at, and were {}."
        yield counter("plan_cache_hits", words.format("known"), plans["hits"])
        yield counter("plan_cache_misses", words.format("not known"), plans["misses"])
    yield from of_devices(info.get("devices", ()))


def of_devices(devices: Iterable[Told]) -> list[Family]:
    """What is told of each device; two of one name are told apart by their number."""
    told = {name: Family(f"lipsyncd_device_{name}", *how) for name, how in OF_A_DEVICE.items()}
    for number, each in enumerate(devices, start=1):
        labels = {"device": each["device"], "number": number}
        for name, suffix, value in samples_of(each):
            told[name].samples.append((suffix, labels, value))
    return list(told.values())


def samples_of(device: Told) -> Iterator[tuple[str, str, float]]:
    """Of each of OF_A_DEVICE what ends its name, and its value."""
    passes = device["passes"]
    yield "up", "", device["state"] == "ready"
    yield "jobs", "", device["jobs"]
    yield "resident_bytes", "", device["resident_bytes"]
    if "device_bytes" in device:
        yield "memory_bytes", "", device["device_bytes"]
    yield "proof_age_seconds", "", device["proof_seconds_ago"]
    yield "restarts", "_total", device["restarts"]
    yield "pass_seconds", "_sum", passes["seconds"]
    yield "pass_seconds", "_count", passes["count"]
    yield "batch_rows", "_total", passes["rows"]
    yield "batch_room", "_total", passes["room"]


def gauge(name: str, text: str, value: float | None, labels: Labels | None = None) -> Family:
    """One number, which may not be known."""
    samples = [] if value is None else [("", labels or {}, value)]
    return Family(f"lipsyncd_{name}", "gauge", text, samples)


def counter(name: str, text: str, value: float) -> Family:
    """One number that only grows."""
    return Family(f"lipsyncd_{name}", "counter", text, [("_total", {}, value)])


def histogram(name: str, text: str, spread: Told) -> Family:
    """How often it was no more than each bound."""
    bounds = [*spread["bounds"], ["+Inf", spread["count"]]]
    buckets = [("_bucket", {"le": bound}, count) for bound, count in bounds]
    ends: list[Sample] = [("_sum", {}, spread["sum"]), ("_count", {}, spread["count"])]
    return Family(f"lipsyncd_{name}", "histogram", text, [*buckets, *ends])


def quoted(value: object) -> str:
    """As the value of a label."""
    return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
