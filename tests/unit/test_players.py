"""What others make of a result: ffprobe reads it whole, and a browser plays it to its end."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from support.media.synthetic import babble, examined, moving, result_at, write_video, write_voice

from lipsyncd.media.output import Output
from lipsyncd.media.source import examine_source
from lipsyncd.protocol.outputs import FORMATS

COMBINATIONS = [(name, codec) for name, each in FORMATS.items() for codec in each.codecs]
every_combination = pytest.mark.parametrize(("format", "codec"), COMBINATIONS)
PICTURES, RATE, SECONDS = 24, 30, 0.8
PLAYED = {"h264", "av1", "vp9"}  # by any Chromium; some have decoders for others
PATIENCE = 120  # seconds for all of them
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HEADLESS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run"),
    "--autoplay-policy=no-user-gesture-required",
)
PAGE = b"""<!DOCTYPE html><script>
const told = {};
function shown(name) {
  return new Promise(done => {
    const video = document.createElement("video");
    const tell = why => {
      told[name] = {why, width: video.videoWidth, duration: video.duration, at: video.currentTime,
                    pictures: video.getVideoPlaybackQuality().totalVideoFrames};
      video.remove();
      done();
    };
    video.onended = () => tell("ended");
    video.onerror = () => tell("error");
    video.muted = true;
    video.src = "/" + name;
    document.documentElement.append(video);
    video.play().catch(() => {});
  });
}
(async () => {
  for (const name of await (await fetch("/names")).json()) await shown(name);
  await fetch("/told", {method: "POST", body: JSON.stringify(told)});
})();
</script>"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result of each format and codec, called by these."""
    folder = tmp_path_factory.mktemp("results")
    pictures = moving(PICTURES, 160, 120)
    face = write_video(folder / "speaker.mkv", pictures, rate=RATE)
    source = examine_source(face, "The face")
    voice = write_voice(folder / "voice.wav", babble(SECONDS))
    for format, codec in COMBINATIONS:
        output, path = Output(format, codec), folder / f"{codec}.{format}"
        with result_at(path, source, examined(voice, format), output) as made:
            for frame in source.frames():
                made.write(frame.picture)
    return folder


@every_combination
def test_ffprobe_counts_every_picture_and_knows_when_it_begins_and_ends(
    results: Path, format: str, codec: str
) -> None:
    if not shutil.which("ffprobe"):
        pytest.skip("there is no ffprobe")
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format"]
    path = results / f"{codec}.{format}"
    done = subprocess.run(
        [*command, "-of", "json", str(path)], capture_output=True, check=True, text=True
    )
    assert done.stderr == ""
    told = json.loads(done.stdout)
    video, sound = told["streams"]
    assert (video["codec_type"], sound["codec_type"]) == ("video", "audio")
    assert int(video["nb_read_frames"]) == PICTURES
    assert Fraction(video["r_frame_rate"]) == RATE
    assert abs(float(video["start_time"])) < 0.001
    assert abs(float(told["format"]["duration"]) - SECONDS) < 0.03
    assert abs(float(told["format"]["start_time"])) < 0.025  # of Opus and AAC: what runs up to it
    if "duration" in video:
        assert float(video["duration"]) == pytest.approx(PICTURES / RATE, abs=0.001)


class Shown(BaseHTTPRequestHandler):
    """Gives the page and the results, and takes what is told."""

    server: "Stage"

    def do_GET(self) -> None:  # noqa: N802
        name = self.path.strip("/")
        content = {"": PAGE, "names": json.dumps(self.server.names).encode()}.get(name)
        if content is None:
            content = (self.server.folder / Path(name).name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.told.put(json.loads(body))

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Stage(ThreadingHTTPServer):
    """What a browser is given to play."""

    daemon_threads = False  # who closes it waits for them, so none leaves a socket open

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Shown)
        self.folder = folder
        self.names = [f"{codec}.{format}" for format, codec in COMBINATIONS]
        self.told: Queue[dict[str, Any]] = Queue()


@pytest.fixture(scope="module")
def told(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a browser tells of all results, one after the other."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    stage = Stage(results)
    Thread(target=stage.serve_forever, daemon=True).start()
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    address = f"http://127.0.0.1:{stage.server_port}/"
    browser = subprocess.Popen(
        [CHROMIUM, *HEADLESS, profile, address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield stage.told.get(timeout=PATIENCE)
    finally:
        browser.terminate()
        browser.wait()
        stage.shutdown()
        stage.server_close()


@every_combination
def test_a_browser_plays_it_to_its_end_if_it_has_the_decoder(
    told: dict[str, Any], format: str, codec: str
) -> None:
    seen = told[f"{codec}.{format}"]
    print(f"\n  {format} {codec}: {seen}")
    if codec not in PLAYED and not seen["width"]:
        return  # its sound alone
    assert seen["why"] == "ended"
    assert seen["width"] == 160
    assert seen["duration"] == pytest.approx(SECONDS, abs=0.03)
    assert seen["at"] == pytest.approx(seen["duration"], abs=0.03)
    assert seen["pictures"] > PICTURES / 2
