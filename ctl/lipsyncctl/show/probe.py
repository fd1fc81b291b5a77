"""How a probe reads to a person: what was found, in lines, then in sentences."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from lipsyncctl.show.fields import fields
from lipsyncctl.show.wording import printable, roughly, sentence
from lipsyncd.protocol.moment import clock

COLUMNS = 80
MOST_FACES, MOST_CUTS = 8, 6  # that are told by themselves
BLINK = 0.1  # seconds: a still, or as good as one
FRONT, SIDE = 0.15, 0.42  # of the turn of a head: up to one, and from the other on

Probe = Mapping[str, Any]


def findings(probe: Probe) -> str:
    """All there is to know about files, in lines of 80 columns."""
    lines = fields(
        {
            **streams(probe["streams"]),
            "picture": picture(probe),
            "length": length(probe),
            "cuts": cuts(probe["cuts"]),
            **faces(probe["faces"]),
            "sound": sound(probe["sync"]),
            "voices" if len(probe["voices"]) > 1 else "voice": seconds(probe["voices"]),
            "result": result(probe),
        },
        COLUMNS,
    )
    fails = [f"A render would fail. {sentence(probe['error'])}"] if probe["error"] else []
    sentences = (printable(each) for each in (*fails, *probe["warnings"]))
    return "\n".join([lines, *map(wrapped, sentences)])


def streams(found: list[Mapping[str, Any]]) -> dict[str, str]:
    """Each in a line."""
    return {f"stream {number}": stream(each) for number, each in enumerate(found, start=1)}


def stream(it: Mapping[str, Any]) -> str:
    """video h264 yuv420p 1280 x 720 25 fps; or audio aac fltp 48000 Hz stereo"""
    size = f"{it['width']} x {it['height']}" if it["width"] else ""
    unit = "Hz" if it["kind"] == "audio" else "fps"
    rate = f"{it['rate']:.5g} {unit}" if it["rate"] else ""
    channels = {None: "", 1: "mono", 2: "stereo"}.get(it["channels"], f"{it['channels']} channels")
    parts = (it["kind"], it["codec"], it["format"], size, rate, channels)
    return " ".join(str(each) for each in parts if each)


def picture(probe: Probe) -> str:
    """1280 x 720, 25 fps, turned by 90 degrees, BT709, limited range"""
    turned = f", turned by {probe['rotation']} degrees" if probe["rotation"] else ""
    mirrored = ", mirrored" if probe["is_mirrored"] else ""
    aspect = f", pixels {probe['aspect']:.3g} times as wide as high" if probe["aspect"] != 1 else ""
    size = f"{probe['width']} x {probe['height']}, {probe['rate']:.5g} fps"
    return f"{size}{turned}{mirrored}{aspect}, {probe['colour']}"


def length(probe: Probe) -> str:
    """12.0 s, of which the first 3.8 s were looked at"""
    whole, looked = probe["seconds"], probe["looked_seconds"]
    if whole is None:
        return "a still" if looked * probe["rate"] < 2 else f"not stated; {looked:.1f} s were seen"
    part = f", of which the first {looked:.1f} s were looked at" if looked < whole - 0.1 else ""
    return f"{whole:.1f} s{part}"


def cuts(found: list[float]) -> str:
    """3: at 0:03.2, 0:07.0, 0:09.1; nothing without any"""
    more = f" and {len(found) - MOST_CUTS} more" if len(found) > MOST_CUTS else ""
    return f"{len(found)}: at {', '.join(map(clock, found[:MOST_CUTS]))}{more}" if found else ""


def faces(found: list[Mapping[str, Any]]) -> dict[str, str]:
    """Each in a line, those whose lips move first."""
    order = sorted(found, key=lambda each: each["voice"] is None)
    told = {f"face {number}": face(each) for number, each in enumerate(order[:MOST_FACES], start=1)}
    more = len(found) - len(told)
    return told | ({"more": f"{more} faces"} if more > 0 else {}) or {"faces": "none"}


def face(it: Mapping[str, Any]) -> str:
    """0:00.0-0:03.2, 96 x 120 at 200,100, frontal, 93 % usable, speaks"""
    left, top, right, bottom = it["box"]
    place = f"{right - left} x {bottom - top} at {left},{top}"
    turn = "frontal" if it["turn"] < FRONT else "turned a little"
    turn = turn if it["turn"] < SIDE else "turned away"
    speaks = "" if it["voice"] is None else ", speaks"
    number = f" with voice {it['voice']}" if (it["voice"] or 0) > 1 else ""
    share = f"{100 * it['coverage']:.0f} % usable"
    lasts = it["end"] - it["start"] > BLINK
    time = f"{clock(it['start'])}-{clock(it['end'])}, " if lasts else ""
    return f"{time}{place}, {turn}, {share}{speaks}{number}"


def sound(sync: Mapping[str, Any] | None) -> str:
    """Its own, in sync with the lips; or 160 ms later than the lips; nothing if nobody can tell."""
    if sync is None:
        return ""
    if sync["is_in_sync"]:
        return "its own, in sync with the lips"
    how = "later" if sync["offset_ms"] > 0 else "earlier"
    return f"its own, {abs(sync['offset_ms'])} ms {how} than the lips"


def seconds(found: Iterable[float]) -> str:
    """3.8 s, 2.0 s"""
    return ", ".join(f"{each:.1f} s" for each in found)


def result(probe: Probe) -> str:
    """94 frames, 3.8 s, rendered in about 2 s; nothing without a voice"""
    if not probe["frames"]:
        return ""
    took = probe["render_seconds"]
    about = "" if took is None else f", rendered in about {roughly(max(took, 1))}"
    return f"{probe['frames']} frames, {probe['result_seconds']:.1f} s{about}"


def wrapped(words: str) -> str:
    """A sentence."""
    return textwrap.fill(words, COLUMNS)
