"""From files to files: what `phonolips synth` does, for callers in Python too.

Everything that can be checked is checked before the model loads, and messages name the arguments.
"""

import logging
import warnings
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.extras import need
from phonolips.media.pipes import STANDARD_INPUT, is_pipe
from phonolips.synth.folder import (
    FACE_FILE,
    POSTERIORS_FILE,
    RESULT_FILES,
    TEXTGRID_FILE,
    check_out_folder,
    is_of_run,
    read_posteriors,
    read_result,
    start_painter,
)
from phonolips.synth.options import Options
from phonolips.timebase import MODEL_FPS, FrameRate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from phonolips.face.person import Face
    from phonolips.lips.articulation import Articulation
    from phonolips.lips.emphasis import Emphasis
    from phonolips.model.speakers import LipSpeaker
    from phonolips.speech.text.own_words import LexiconArgument
    from phonolips.synth.result import Result

logger = logging.getLogger(__name__)

SOURCES = ("text", "audio", "phones", "posteriors", "textgrid")
LIST_SUFFIXES = (".txt", ".lst", ".scp")  # of an `audio` that is a list of recordings


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that a synthesis from files can be asked for.

    One of `text`, `audio`, `phones`, `posteriors` and `textgrid` says what is spoken; `audio` with `textgrid` is that
    sound with these phones.

    Args:
        out: the folder to write to.
        text: a text to speak.
        audio: a sound or video file.
        phones: ARPAbet phones, such as "B IH1 N  B L UW1"; sil pauses.
        posteriors: an (edited) posteriors.npz.
        textgrid: an (edited) TextGrid, or another alignment file (see docs/file-formats.md).
        speaker: a speaker of the model, a .json made by `phonolips adapt`, or a LipSpeaker; None = the mean speaker.
        fps: frames per second of the lips, and of the formats, such as 29.97 or "30000/1001"; None = 25, and for the
            formats their own.
        rate: of speaking, for `text`, `phones` and `textgrid`; 2 is twice as fast.
        durations: a TextGrid, or another alignment file, with the times of the phones of `text` or `phones`.
        tier: name or number of the phone tier of `textgrid` or `durations`, or phones=NAME,words=NAME.
        tier_speaker: whose tiers of theirs, where they hold several speakers'.
        emphasis: word as written or spoken, or its place -> factor: longer and larger.
        phones_only: predict the lip parameters from the phones instead of the sound.
        voice_activity: rest where `audio` is not speech; False = move with every sound.
        liveliness: how much quick movements are exaggerated, 0 to 2; None = as the model says.
        speak: also say `text` or `phones` aloud, in step with the lips: speech.wav.
        synthesiser: who speaks, one of `speech.tts.speak.BACKENDS`.
        voice: of the synthesiser; None = its own choice.
        face: a photo or a video of a person to give the lips to: face.mp4.
        export: formats to write besides, with commas between them, or "all".
        rest: where nothing is said, "shut" the mouth, or leave it ajar as people do, "natural".
        articulation: how far the movements go: a factor for all, or for some of opening, width and height.
        shut_in_silence: old for `rest`, True being "shut".
        pictures: draw posteriorgram.png and lips.mp4.
        language: the text's, as `phonolips languages` lists them, or `auto`.
        model: a model folder; None = the one in the package.
        provider, threads: what computes the model, see `model.network.read_network`.
        audio_stream: which of the sounds in `audio`, counted from 0; None = its default one. It is kept as speech.wav.
        lexicon: words of the user's own for `text`, see `speech.text.own_words.read_lexicon`.
        text_format: what `text` is, one of `speech.text.markup.read.TEXT_FORMATS`.
    """

    out: Path
    text: str | None = None
    audio: Path | None = None
    phones: str | None = None
    posteriors: Path | None = None
    textgrid: Path | None = None
    speaker: "str | LipSpeaker | None" = None
    fps: FrameRate | None = None
    rate: float = 1.0
    durations: Path | None = None
    tier: str | None = None
    tier_speaker: str | None = None
    emphasis: "Emphasis" = field(default_factory=dict)
    phones_only: bool = False
    voice_activity: bool = True
    liveliness: float | None = None
    speak: bool = False
    synthesiser: str = "espeak"
    voice: str | None = None
    face: Path | None = None
    export: str | None = None
    rest: str = "shut"
    articulation: "Articulation" = 1.0
    shut_in_silence: bool | None = None
    pictures: bool = True
    language: str = "en-us"
    model: Path | None = None
    audio_stream: int | None = None
    lexicon: "LexiconArgument" = None
    text_format: str = "auto"
    provider: str = "auto"
    threads: int = 1

    @property
    def given(self) -> dict[str, Any]:
        """What is spoken: the sources that are not None, by name."""
        return {name: getattr(self, name) for name in SOURCES if getattr(self, name) is not None}

    @property
    def files(self) -> dict[str, Path]:
        """The files that are read, by the names of the arguments."""
        names = ("audio", "textgrid", "durations", "face", "posteriors")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def is_batch(self) -> bool:
        """Whether `audio` is a folder or a list of many recordings."""
        return self.audio is not None and (self.audio.is_dir() or self.audio.suffix.lower() in LIST_SUFFIXES)

    def options(self) -> Options:
        """Return what is asked for of every recording of a batch; raise InputError for formats that are not known."""
        from phonolips.export.formats import ALL, check_names
        from phonolips.lips.curve import check_fps
        from phonolips.synth.arguments import rest_of

        formats = () if self.export is None else (ALL,) if ALL in self.export.split(",") else check_names(self.export)
        return Options(
            read_speaker_name(self.speaker),
            None if self.fps is None else check_fps(self.fps),
            self.liveliness,
            self.phones_only,
            rest_of(self.shut_in_silence, self.rest),
            self.model,
            tuple(formats),
            self.pictures,
            self.audio_stream,
            self.voice_activity,
            self.provider,
            self.threads,
            self.articulation,
        )


def quoted(names: "Mapping[str, Any] | tuple[str, ...]", mark: str = " and ") -> str:
    """Write names of arguments as messages do: `text` and `phones`."""
    return mark.join(f"`{name}`" for name in names)


def read_speaker_name(speaker: "str | LipSpeaker | None") -> "str | LipSpeaker | None":
    """Read a speaker's file where the name is one (.json); return anything else as it is."""
    if not isinstance(speaker, str) or not speaker.endswith(".json"):
        return speaker
    from phonolips.model.speakers import read_speaker

    return read_speaker(Path(speaker))


def check_request(request: Request) -> None:
    """Raise InputError where the arguments do not go together, or a file is missing; nothing heavy is loaded."""
    from phonolips.lips.articulation import check_articulation
    from phonolips.lips.curve import check_fps
    from phonolips.synth.arguments import check_liveliness, check_rest, warn_of_shut_in_silence

    given = request.given
    texts = {"text", "phones"} & set(given)
    if len(given) != 1 and set(given) != {"audio", "textgrid"}:
        found = quoted(given) or "none of them"
        raise InputError(f"expected one of {quoted(SOURCES, ', ')}, or `audio` with `textgrid`; found {found}")
    if request.durations is not None and not texts:
        raise InputError(f"`durations` goes with `text` or `phones`, not with {quoted(given)}")
    if (request.tier or request.tier_speaker) and request.textgrid is None and request.durations is None:
        raise InputError("`tier` and `tier_speaker` choose tiers of `textgrid` or `durations`; give one of these")
    if request.rate != 1.0 and {"audio", "posteriors"} & set(given):
        raise InputError(
            f"`rate` {request.rate}: {quoted(given)} has its own pace; it goes with `text`, `phones`, `textgrid`"
        )
    if request.audio_stream is not None and request.audio is None:
        raise InputError(f"`audio_stream` {request.audio_stream}: goes with `audio`, not with {quoted(given)}")
    if (request.lexicon or request.text_format != "auto") and request.text is None:
        name = "lexicon" if request.lexicon else "text_format"
        raise InputError(f"`{name}` goes with `text`, not with {quoted(given)}")
    if (request.speak or request.voice is not None) and not texts:
        raise InputError(f"`speak` goes with `text` or `phones`, not with {quoted(given)}")
    if request.voice is not None and not request.speak:
        raise InputError(f"`voice` {request.voice}: only with `speak`")
    check_rest(request.rest)
    if request.shut_in_silence is not None:
        warn_of_shut_in_silence(request.shut_in_silence)
    check_articulation(request.articulation)
    check_out_folder(request.out)
    check_fps(MODEL_FPS if request.fps is None else request.fps)
    if request.is_batch and (request.textgrid is not None or request.emphasis or request.face is not None):
        raise InputError(
            f"{request.audio}: many recordings; `textgrid`, `emphasis` and `face` go with a single sound or video file"
        )
    if request.is_batch:
        return
    for path, what in (
        (request.audio, "a sound or video file"),
        (request.textgrid, "a TextGrid"),
        (request.durations, "a TextGrid"),
        (request.face, "a photo or a video of a person"),
    ):
        if path is not None:
            existing_file(path, what)
    if request.face is not None:
        need("face", "`face`")
    _check_overwritten(request)
    if request.liveliness is not None:
        check_liveliness(request.liveliness)


def _check_overwritten(request: Request) -> None:
    """Refuse an input that the run would write over; the TextGrid and posteriors of a run are there to be edited."""
    from phonolips.export.formats import FORMATS, check_names

    formats = () if request.export is None else check_names(request.export)
    written = {*RESULT_FILES, FACE_FILE, *(FORMATS[name].file for name in formats)}
    edited = {"textgrid": TEXTGRID_FILE, "posteriors": POSTERIORS_FILE}
    for name, path in request.files.items():
        if path.name not in written or path.resolve().parent != request.out.resolve():
            continue
        if edited.get(name) != path.name or not is_of_run(path):
            raise InputError(f"{path}: would be overwritten; choose another `out`")


def existing_file(path: Path, what: str) -> Path:
    """Return a file or a pipe that is there; raise InputError for another."""
    if not path.is_file() and not is_pipe(path):
        silent = "nothing comes through the standard input" if str(path) == STANDARD_INPUT else "no such file"
        found = "no file" if path.exists() else silent
        raise InputError(f"{path}: {found}; expected {what}")
    return path


def synthesise(request: Request) -> list[Path]:
    """Make the lips of one text, recording, or the like, and write them.

    Returns:
        the files.

    Raises:
        InputError: arguments that do not go together, or of which one cannot be used.
        CheckpointError: no readable model.
        MissingToolError: something that was asked for is not installed.
    """
    from phonolips.model.network import load_network

    check_request(request)
    options = request.options()
    person = _read_person(request.face)
    with start_painter() if request.pictures else nullcontext() as painter:
        make = _choose_verb(request)
        network = load_network(request.model, provider=request.provider, threads=request.threads)
        network.lip_speaker(options.speaker)
        result = make(
            emphasis=request.emphasis,
            rest=options.rest,
            articulation=request.articulation,
            speaker=options.speaker,
            fps=options.lips_fps,
            liveliness=request.liveliness,
            network=network,
        )
        # A pipe cannot be read again, and a file alone does not tell which of its sounds it was.
        speech = request.speak or request.audio_stream is not None or (request.audio and is_pipe(request.audio))
        keep = request.files.values()
        files = result.save(request.out, painter=painter, pictures=request.pictures, speech=bool(speech), keep=keep)
    del result  # of an hour of sound it is read back once, not held twice
    if not options.export and person is None:
        return files
    saved = read_result(request.out)
    if options.export:
        files += saved.export(",".join(options.export), fps=options.fps)
    if person is not None:
        from phonolips.face.render import render_face

        files.append(render_face(saved, person, request.out / FACE_FILE))
    return files


def _read_person(face: Path | None) -> "Face | None":
    if face is None:
        return None
    from phonolips.face.person import read_face

    return read_face(face)


def _check_text(text: str, language: str, lexicon: "LexiconArgument", text_format: str) -> str:
    """Return the code of a text's language; raise InputError, before the model loads, for what cannot be spoken."""
    from phonolips.speech.text.g2p import language_of_text, text_to_phones
    from phonolips.speech.text.languages import all_languages, is_auto

    code = language_of_text(text, language, text_format)
    if is_auto(language):
        logger.info("the text is taken for %s (%s)", all_languages()[code].name, code)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhonolipsWarning)  # the verb says the same
        text_to_phones(text, language=code, lexicon=lexicon, text_format=text_format)
    return code


def _choose_verb(request: Request) -> "Callable[..., Result]":
    """Choose the verb for what is given, and read the files that it needs; all before the model loads."""
    from phonolips.speech.text.own_words import read_lexicon
    from phonolips.speech.words import phones_to_words
    from phonolips.synth.sound import Sound, read_sound
    from phonolips.synth.verbs import from_audio, from_phones, from_posteriors, from_speech, from_text, speak_alignment

    if request.durations is not None or request.textgrid is not None:
        from phonolips.phones.files.read import read_alignment
    choice: dict[str, Any] = {"tier": request.tier, "tier_speaker": request.tier_speaker}
    times = read_alignment(request.durations, **choice) if request.durations is not None else None
    timed: dict[str, Any] = {"rate": request.rate, "durations": times}
    read: dict[str, Any] = {"lexicon": read_lexicon(request.lexicon), "text_format": request.text_format}
    language = request.language if request.text is None else _check_text(request.text, request.language, **read)
    aloud: dict[str, Any] = {"backend": request.synthesiser, "voice": request.voice, "language": language}
    if request.text is not None:
        if request.speak:
            return partial(from_speech, request.text, **aloud, **timed, **read)
        return partial(from_text, request.text, language=language, **timed, **read)
    if request.phones is not None:
        spelt = phones_to_words(request.phones)
        if request.speak:
            return partial(from_speech, spelt, **aloud, **timed)
        return partial(from_phones, request.phones, **timed)
    if request.textgrid is not None:
        sound = Sound() if request.audio is None else read_sound(request.audio, request.audio_stream)
        alignment = read_alignment(request.textgrid, **choice, seconds=sound.seconds)
        return partial(speak_alignment, alignment, sound, rate=request.rate)
    if request.audio is not None:
        return partial(
            from_audio,
            request.audio,
            phones_only=request.phones_only,
            voice_activity=request.voice_activity,
            audio_stream=request.audio_stream,
        )
    assert request.posteriors is not None
    layer = read_posteriors(request.posteriors)
    assert layer.posteriors is not None
    moves = None if request.phones_only else layer.lip_parameters
    return partial(from_posteriors, layer.posteriors, lip_parameters=moves)
