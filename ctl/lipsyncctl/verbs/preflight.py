"""Before there is a job: what a render would make of the files."""

from argparse import Namespace

from lipsyncctl.client.client import Client
from lipsyncctl.show.console import Console
from lipsyncctl.show.probe import findings
from lipsyncctl.show.wording import size
from lipsyncctl.verbs.choices import OPTIONS, options_of
from lipsyncctl.verbs.pipes import opened
from lipsyncctl.verbs.typed import at_least, moment
from lipsyncctl.verbs.verb import Argument, argument, verb
from lipsyncd.errors import InvalidRequest

FACE = argument("face", metavar="FACE", help="a video or a still of a face, - for stdin")


def voice(*, is_required: bool) -> Argument:
    """Those who speak in one job."""
    return argument(
        *("-a", "--voice"),
        metavar="VOICE",
        dest="voices",
        action="append",
        required=is_required,
        default=[],
        help="the speech, a sound file, - for stdin; for a dialogue once for each who speaks, with "
        "a --who for each",
    )


@verb(
    FACE,
    voice(is_required=False),
    OPTIONS,
)
def probe(console: Console, client: Client, arguments: Namespace) -> int:
    """In lines; why a render would fail as an exit code as well."""
    options, pictures = options_of(arguments)
    with opened(client, [arguments.face], arguments.voices) as files:
        face, *voices = (files[each] for each in (arguments.face, *arguments.voices))
        probed = client.probe(face, voices, pictures=pictures, **options)
    console.answer(probed, findings(probed))
    return int(probed["error"]["code"]) if probed["error"] else 0


@verb(
    FACE,
    voice(is_required=True),
    argument(
        "--at",
        metavar="[[H:]M:]S",
        type=moment,
        default=0.0,
        help="the time of the frame in the result (default: 0)",
    ),
    argument(
        "--strip",
        metavar="N",
        type=at_least(1),
        default=1,
        help="so many frames, evenly spread from there to the end of the result",
    ),
    OPTIONS,
    argument("-o", "--output", metavar="OUT", required=True, help="where the PNG is written"),
)
def preview(console: Console, client: Client, arguments: Namespace) -> int:
    """Says how much was written."""
    if arguments.output in {"", "-"}:
        raise InvalidRequest("-o takes the name of a file.", "Name one, as frame.png.")
    options, pictures = options_of(arguments)
    with opened(client, [arguments.face], arguments.voices) as files:
        face, *voices = (files[each] for each in (arguments.face, *arguments.voices))
        previewed = client.preview(
            face,
            voices,
            arguments.output,
            at=arguments.at,
            frames=arguments.strip,
            pictures=pictures,
            **options,
        )
    words = f"{arguments.output}: {size(previewed['size'])}"
    console.answer(previewed | {"path": arguments.output}, words)
    return 0
