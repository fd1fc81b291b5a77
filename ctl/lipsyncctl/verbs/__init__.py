"""What lipsyncctl can do: the verbs, in the order of its help, each with the file that it is in.

A new verb is a row here and, in its file, a function of this name with `@verb`. A file is imported
when one of its verbs is typed.

`verb` is what a verb is made of, `typed` reads what is typed, `choices` are the options of a job.
`tasks` (of a `manifest`) are jobs that are to be; `handing` makes a job of one, `batch` of many.
`several` does one thing to several jobs, `ending` is the end of a job as its user meets it.
"""

from importlib import import_module

from lipsyncctl.verbs.verb import Verb

FILES = {
    "submit": {
        "run": "render a face with a voice, or many, and write the results",
        "submit": "hand in a job for each face and voice, print their ids, and return",
    },
    "retry": {
        "retry": "render jobs anew that have no result, or with --redo a stretch of one; print the "
        "new ids",
    },
    "preflight": {
        "probe": "tell what a render would meet in a face, and in a voice for it",
        "preview": "write a frame of what would be the result, or several side by side, as a PNG",
    },
    "jobs": {"list": "the jobs, the newest last: the user's own, for admins all"},
    "job": {
        "status": "all about one job",
        "logs": "what became of one job so far, from its acceptance on",
    },
    "top": {"top": "the daemon at work, live: its devices, what it renders, what waits"},
    "wait": {
        "wait": "wait for jobs to end",
        "fetch": "write the result of a job that has succeeded",
        "cancel": "stop jobs; they leave no result",
    },
    "line": {
        "hold": "have jobs wait until they are let go",
        "release": "let jobs go that are held: they come at the end of the line",
        "move": "bring a job before those of the same user and priority, behind or between them",
    },
    "follow": {"follow": "tell each change of a job's state as it happens"},
    "clean": {"clean": "remove jobs that have ended, with their results"},
    "report": {
        "report": "write a page on a result: pictures before and after, voice and lips, sync, "
        "timings",
    },
    "health": {"health": "whether the daemon is ready"},
    "metrics": {"metrics": "the daemon in numbers, or a farm and its hosts, as OpenMetrics"},
    "daemon": {
        "info": "what the daemon is made of",
        "models": "which weights lie beside the checkpoint, what they are, whether they run",
        "drain": "take no more jobs and start none, until `resume` (for admins)",
        "resume": "take and start jobs again (for admins)",
        "reload": "have the daemon read its configuration again (for root)",
    },
    "farm": {"hosts": "the hosts of a farm, and what each of them does"},
}
VERBS = {name: text for verbs in FILES.values() for name, text in verbs.items()}


def find(name: str) -> Verb:
    """The verb of this name, whose file is imported now."""
    (file,) = (file for file, verbs in FILES.items() if name in verbs)
    found = vars(import_module(f"{__name__}.{file}")).values()
    return next(each for each in found if isinstance(each, Verb) and each.name == name)
