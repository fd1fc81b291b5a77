"""An output: what a result is to be."""

from dataclasses import dataclass

from lipsyncd.media.encoders import ENCODERS, Encoder
from lipsyncd.media.limits import LARGE
from lipsyncd.media.mastering import Mastering
from lipsyncd.media.muxers import MUXERS, Muxer
from lipsyncd.protocol.options import Options


@dataclass(frozen=True)
class Output:
    """The words are those of the options of these names; `is_tagged`: its metadata say that the
    lips are synthesised."""

    format: str = "mp4"
    codec: str = "h264"
    crf: int = 18
    preset: str = "veryfast"
    is_tagged: bool = True

    @property
    def muxer(self) -> Muxer:
        return MUXERS[self.format]

    @property
    def encoder(self) -> Encoder:
        return ENCODERS[self.codec]

    def settings(self, pixels: int, mastering: Mastering | None = None) -> dict[str, str]:
        """Of the encoder for pictures of so many pixels, and for HDR that was graded so."""
        encoder = self.encoder
        chosen = dict(encoder.settings(self.crf, self.preset))
        if pixels > LARGE:
            chosen |= encoder.sparing
        told = encoder.mastering(mastering) if mastering else {}
        if told:
            own = [chosen.get(encoder.own), *(f"{name}={value}" for name, value in told.items())]
            chosen[encoder.own] = ":".join(filter(None, own))
        return chosen


def output_of(options: Options, crf: int, preset: str) -> Output:
    """As the job has it, else with the `crf` and the `preset` that the operator chose."""
    wanted = crf if options.crf is None else options.crf
    return Output(options.format, options.coded, wanted, options.preset or preset, options.tag)
