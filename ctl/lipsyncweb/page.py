"""The whole page, in Gradio's Blocks."""

import json
import os
from pathlib import Path
from typing import Any, NoReturn

import gradio as gr
from fastapi import FastAPI
from gradio import processing_utils

from lipsyncd.errors import InvalidRequest
from lipsyncweb import options
from lipsyncweb.make import CHOICES, Make, Parts
from lipsyncweb.words import CHINESE, ENGLISH

STATIC = Path(__file__).with_name("static")
LOOKS = 8  # of all tabs, at a time; the daemon does one after the other
PRIVATE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": LOOKS}
# what is beside the page by default tells others of it, or leads there
QUIET: dict[str, Any] = {
    "allowed_paths": [],
    "footer_links": [],
    "run_history": False,
    "enable_monitoring": False,
    "pwa": False,
    "mcp_server": False,
    "ssr_mode": False,
    "show_error": False,
}


def mounted(app: FastAPI, parts: Parts) -> FastAPI:
    """The page in front of whatever else the app answers."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    processing_utils.async_ssrf_protected_get = refuse_address
    i18n = gr.I18n(**{"en": ENGLISH, "zh-CN": CHINESE, "zh-TW": CHINESE})
    look = {"theme": theme(), "css_paths": STATIC / "page.css", "head": head(), "i18n": i18n}
    most = {"max_file_size": parts.folder.largest}  # told to browsers, which refuse more themselves
    blocks = page(parts, i18n)
    blocks.has_launched = True  # else Gradio takes any path of this machine for an upload
    return gr.mount_gradio_app(app, blocks, "/", **QUIET, **look, **most)


async def refuse_address(address: str) -> NoReturn:
    """In place of what fetches the addresses that Gradio takes for files: the page asks nobody."""
    raise InvalidRequest(f"{address[:100]} is not fetched.", "Upload the file itself.")


def theme() -> gr.Theme:
    """With the fonts that a machine has: none is fetched from anywhere; with colours that can be
    read."""
    fonts = ["system-ui", "Noto Sans CJK SC", "sans-serif"]
    mono = ["ui-monospace", "monospace"]
    found = gr.themes.Default(primary_hue="blue", font=fonts, font_mono=mono)
    strong = {"background_fill": "*primary_700", "text_color": "white"}
    strong["background_fill_hover"] = "*primary_800"
    colours = {f"button_primary_{name}": value for name, value in strong.items()}
    return found.set(**colours, **{f"{name}_dark": value for name, value in colours.items()})


def head() -> str:
    """The page's own script, with its words."""
    words = json.dumps({"en": ENGLISH, "zh": CHINESE})
    script = (STATIC / "page.js").read_text(encoding="utf-8")
    return f"<script>const WORDS = {words};\n{script}</script>"


def page(parts: Parts, i18n: gr.I18n) -> gr.Blocks:
    """Three tabs; the last is shown to admins alone."""
    make = Make(parts)
    with gr.Blocks(title=ENGLISH["title"], analytics_enabled=False) as blocks:
        gr.HTML('<h1 id="title"></h1>')
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(i18n("make"), id="make"):
                build_make(make, tabs, i18n)
            with gr.Tab(i18n("jobs"), id="jobs"):
                gr.HTML('<div id="jobs"></div>')
            with gr.Tab(i18n("service"), id="service", visible=False) as service:
                gr.HTML('<div id="service"></div>')
        blocks.load(make.admits, None, service, api_visibility="private")
        blocks.unload(make.closed)
    return blocks


def build_make(make: Make, tabs: gr.Tabs, i18n: gr.I18n) -> None:
    """The widgets of the first tab, and what happens when they change."""
    with gr.Row():
        with gr.Column():
            voice = gr.File(label=i18n("voice"), elem_id="voice", height=160)
            with gr.Accordion(i18n("record"), open=False):
                spoken = gr.Audio(
                    sources=["microphone"], type="filepath", label=i18n("recording"),
                    elem_id="recording", buttons=[],
                )  # fmt: skip
        with gr.Column():
            faces = gr.File(label=i18n("faces"), file_count="multiple", elem_id="faces", height=160)
    found = gr.HTML(elem_id="found")
    choices = gr.Textbox(visible=False)
    with gr.Accordion(i18n("options"), open=False):
        with gr.Row():
            first = [options.widget(name, i18n) for name in options.FIRST]
        with gr.Accordion(i18n("more"), open=False), gr.Row():
            folded = [options.widget(name, i18n) for name in options.FOLDED]
    knobs = [*first, *folded, choices]
    media = [voice, spoken, faces]
    build_preview(make, media, knobs, i18n, first)
    render = gr.Button(i18n("render"), variant="primary", elem_id="render")
    told = gr.HTML(elem_id="told")
    gr.on(
        [each.change for each in media], make.looked, media, found,
        trigger_mode="always_last", show_progress="hidden", **PRIVATE,
    )  # fmt: skip
    outputs = [*media, told, tabs]
    render.click(make.render, [*media, *knobs], outputs, js=CHOICES, **PRIVATE)


def build_preview(
    make: Make, media: list[Any], knobs: list[Any], i18n: gr.I18n, turned: list[Any]
) -> None:
    """A frame of the result: when it is asked for, and again as somebody turns a knob."""
    with gr.Row():
        at = gr.Number(0, label=i18n("at"), minimum=0, elem_id="at", scale=1)
        preview = gr.Button(i18n("preview"), elem_id="preview", scale=2)
    frame = gr.HTML(elem_id="frame")
    how = {"js": CHOICES, "trigger_mode": "always_last", "show_progress": "minimal", **PRIVATE}
    inputs = [*media, at, *knobs]
    preview.click(make.preview, inputs, frame, **how)
    gr.on([each.change for each in turned], make.preview_again, [frame, *inputs], frame, **how)
