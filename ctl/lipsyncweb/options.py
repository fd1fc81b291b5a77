"""The choices of a job as Gradio's widgets, made from the fields of the protocol's Options."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, get_args

import gradio as gr

from lipsyncd.protocol.options import Options

FIRST = ("expression", "blend", "silence", "extend", "audio_offset")  # that people change
# chosen at the file itself; a share is for those who join it with others
ELSEWHERE = ("who", "box", "share")
WORDS = {"to": "to_option", "still": "still_option"}  # that mean other things elsewhere
FIELDS = {each.name: each for each in fields(Options)}
FOLDED = tuple(name for name in FIELDS if name not in (*FIRST, *ELSEWHERE))


def widget(name: str, i18n: gr.I18n) -> Any:
    """One of them, by what values it takes."""
    field = FIELDS[name]
    how = {
        "label": i18n(WORDS.get(name, name)),
        "value": field.default,
        "elem_id": f"option-{name}",
    }
    if name == "expression":
        return gr.Slider(0, 1.5, step=0.05, **how)
    if name == "audio_offset":
        return gr.Slider(-500, 500, step=10, **how)
    if field.type is bool:
        return gr.Checkbox(**how)
    if choices := field.metadata["values"].choices:
        open_ended = [("—", "")] if field.default is None else []
        pairs = [*open_ended, *((each, each) for each in choices)]
        return gr.Dropdown(pairs, **how | {"value": field.default or ""})
    (kind, *_) = get_args(field.type | None)
    if kind in (int, float):
        return gr.Number(precision=0 if kind is int else None, **how)
    return gr.Textbox(max_lines=1, **how)


def chosen(values: Sequence[Any]) -> dict[str, Any]:
    """What the widgets of FIRST and FOLDED hold, without what is as it is anyway.

    Raises InvalidRequest for what no job may have.
    """
    pairs = zip((*FIRST, *FOLDED), values, strict=True)
    found = {
        name: int(value) if name == "audio_offset" else value
        for name, value in pairs
        if value not in (None, "") and value != FIELDS[name].default
    }
    Options(**found)
    return found
