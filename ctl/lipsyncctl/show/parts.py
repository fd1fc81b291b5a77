"""How the daemon reads to a person: what it is made of, in lines."""

from lipsyncctl.client.told import Told
from lipsyncctl.show.daemon import devices
from lipsyncctl.show.fields import fields


def parts(informed: Told, room: int | None = None) -> str:
    """What the daemon is made of, in lines; several devices below them."""
    hidden = {"verb", "id", "devices"}
    own = {name: value for name, value in informed.items() if name not in hidden}
    told = {name: words(informed[name]) for name, words in IN_WORDS.items() if name in informed}
    found = informed.get("devices", ())
    below = devices(found) if len(found) > 1 else ""
    return "\n".join(filter(None, (fields(own | told, room), below)))


def held_in(cage: Told) -> str:
    """What of the cage is in force, and what is not."""
    return ", ".join(name if in_force else f"no {name}" for name, in_force in cage.items())


def passes(made: Told) -> str:
    """1204 of 0.21 s, 92 % full; or none"""
    if not made["count"]:
        return "none"
    each, share = made["seconds"] / made["count"], made["rows"] / made["room"]
    return f"{made['count']} of {each:.2g} s, {share:.0%} full".replace("%", " %")


def known(plans: Told) -> str:
    """12 of 20 faces were known"""
    return f"{plans['hits']} of {plans['hits'] + plans['misses']} faces were known"


IN_WORDS = {"cage": held_in, "passes": passes, "plans": known}
