"""Visemes as weights for every frame and as cues: the Oculus set, our own twelve, or a user's from a YAML file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.checks import shortened, shown
from phonolips.errors import InputError
from phonolips.export.cues import Cue, divide
from phonolips.export.writing import new_text_file
from phonolips.lips.curve import check_fps
from phonolips.lips.smoothing import smooth_gaussian
from phonolips.phones.inventory import (
    NUM_PHONES,
    PHONE_IDS,
    PHONES,
    SILENCE,
    SILENCE_ID,
    VISEMES,
    normalise_phone,
)
from phonolips.reading import read_yaml
from phonolips.timebase import (
    STEP_SECONDS,
    exact_fps,
    frame_centres,
    frames_in,
    seconds_to_steps,
    step_centres,
    steps_to_seconds,
)

if TYPE_CHECKING:
    from phonolips.synth.result import Result

SMOOTHING_SECONDS = 0.02  # standard deviation; a closure of 60 ms keeps seven eighths of its weight
WEIGHT_PARTS = 1000  # weights are written in thousandths
LEAST_CUE_SECONDS = 0.05
CHANGE_COST = 1.5  # steps of full weight that a change of viseme must earn
EXAMPLE = "a mapping like {name: mine, silence: rest, visemes: {rest: [], shut: [B, M, P], ...}}"


@dataclass(frozen=True)
class VisemeSet:
    """Names of visemes, and which phones each stands for.

    Args:
        name: of the set.
        silence: the viseme shown in silence.
        visemes: viseme -> phones; every phone but `sil` exactly once. A viseme may have none.

    Raises:
        InputError: a phone is missing, named twice or unknown, or `silence` is none of the visemes.
    """

    name: str
    silence: str
    visemes: Mapping[str, Sequence[str]]

    def __post_init__(self) -> None:
        if self.silence not in self.visemes:
            raise InputError(f"silence is {self.silence!r}; expected one of the visemes: {', '.join(self.visemes)}")
        owner = {SILENCE: self.silence}
        for viseme, phones in self.visemes.items():
            for phone in map(normalise_phone, phones):
                if phone not in PHONE_IDS:
                    raise InputError(f"viseme {viseme!r} holds {phone}, a word of unknown phones; name phones only")
                if phone == SILENCE and viseme == self.silence:
                    continue
                if phone in owner:
                    raise InputError(
                        f"phone {phone} is in viseme {owner[phone]!r} and again in {viseme!r}; name it once"
                    )
                owner[phone] = viseme
        missing = [phone for phone in PHONES if phone not in owner]
        if missing:
            raise InputError(f"no viseme for {' '.join(missing)}; name every phone once")

    @property
    def names(self) -> tuple[str, ...]:
        """The visemes, in order."""
        return tuple(self.visemes)

    @cached_property
    def from_phones(self) -> np.ndarray:
        """The matrix that adds up phones to visemes: float32 (phones, visemes), a 1 in every row."""
        matrix = np.zeros((NUM_PHONES, len(self.visemes)), np.float32)
        matrix[SILENCE_ID, self.names.index(self.silence)] = 1
        for column, phones in enumerate(self.visemes.values()):
            for phone in phones:
                matrix[PHONE_IDS[normalise_phone(phone)], column] = 1
        return matrix


# Meta's reference of the visemes of Oculus Lipsync names one or two sounds of each; the others stand with the
# nearest. HH is beside the velars because it takes whatever shape comes next.
OCULUS = VisemeSet(
    "oculus",
    "sil",
    {
        "sil": (),
        "PP": ("P", "B", "M"),
        "FF": ("F", "V"),
        "TH": ("TH", "DH"),
        "DD": ("T", "D"),
        "kk": ("K", "G", "NG", "HH"),
        "CH": ("CH", "JH", "SH", "ZH"),
        "SS": ("S", "Z"),
        "nn": ("N", "L"),
        "RR": ("R", "ER"),
        "aa": ("AA", "AE", "AH", "AY", "AW"),
        "E": ("EH", "EY"),
        "ih": ("IH", "IY", "Y"),
        "oh": ("AO", "OW", "OY"),
        "ou": ("UH", "UW", "W"),
    },
)
DEFAULT_SET = VisemeSet("phonolips", "silence", VISEMES)
TALKING_HEAD_NAMES = {"ih": "I", "oh": "O", "ou": "U"}  # as Ready Player Me's avatars call these three


def read_viseme_set(path: Path) -> VisemeSet:
    """Read a set of visemes from YAML: `name`, `silence`, and `visemes`, a mapping of names to lists of phones.

    Raises:
        InputError: no such file, not YAML, other keys, or phones not exactly once each.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected {EXAMPLE}")
    found: Any = read_yaml(path)  # every word a string: `no`, `on` and `Y` are names here, not truth values
    wanted = {"name", "silence", "visemes"}
    if not isinstance(found, dict) or set(found) != wanted or not isinstance(found["visemes"], dict):
        keys = (
            shortened(", ".join(map(str, found))) if isinstance(found, dict) else shown(found) if found else "nothing"
        )
        raise InputError(f"{path}: found {keys}; expected {EXAMPLE}")
    lists: dict[str, list[str]] = {}
    for viseme, phones in found["visemes"].items():
        phones = phones or []  # "rest:" with nothing after it
        if not isinstance(phones, list) or not all(isinstance(phone, str) for phone in phones):
            raise InputError(f"{path}: viseme {shown(viseme)} holds {shown(phones)}; expected a list such as [B, M, P]")
        lists[str(viseme)] = phones
    try:
        return VisemeSet(str(found["name"]), str(found["silence"]), lists)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def viseme_weights(result: "Result", visemes: VisemeSet, fps: float) -> np.ndarray:
    """Weigh the visemes of every frame: the posteriors of their phones added up, smoothed by a Gaussian of 20 ms.

    Where there are no posteriors the alignment's phones take their place. Looks 80 ms back and ahead.

    Returns:
        float64 (frames, visemes), rows sum to 1; frame i is read at (i + 0.5) / fps seconds.

    Raises:
        InputError: the result has neither posteriors nor an alignment.
    """
    rate = float(exact_fps(check_fps(fps)))
    by_step = _phone_weights(result, prefer_posteriors=True) @ visemes.from_phones.astype(np.float64)
    smooth = smooth_gaussian(by_step, SMOOTHING_SECONDS / STEP_SECONDS)
    times, steps = frame_centres(frames_in(result.seconds, rate), rate), step_centres(len(smooth))
    weights = np.stack([np.interp(times, steps, column) for column in smooth.T], axis=1)
    weights /= weights.sum(1, keepdims=True)
    return weights


def viseme_cues(result: "Result", visemes: VisemeSet) -> list[Cue]:
    """Name one viseme at a time: neighbours that are alike joined, none shorter than 50 ms, no gaps.

    From the alignment's phones, or the posteriors where there is none. Needs the whole: all cues together cost least.
    """
    price = 1 - _phone_weights(result, prefer_posteriors=False) @ visemes.from_phones
    least = [seconds_to_steps(LEAST_CUE_SECONDS)] * len(visemes.names)
    return [
        Cue(visemes.names[kind], steps_to_seconds(first), steps_to_seconds(last))
        for kind, first, last in divide(price, least, CHANGE_COST)
    ]


def write_oculus(result: "Result", path: Path, *, fps: float | None = None) -> None:
    """Write the 15 Oculus visemes as JSON, with a `speakAudio` block for the TalkingHead avatar."""
    cues = viseme_cues(result, OCULUS)
    _write(result, path, OCULUS, cues, fps, {"speakAudio": speak_audio(result, cues)})


def write_visemes(result: "Result", path: Path, *, fps: float | None = None, viseme_set: Path | None = None) -> None:
    """Write visemes as JSON: a user's set, or our twelve classes where none is given."""
    visemes = DEFAULT_SET if viseme_set is None else read_viseme_set(viseme_set)
    _write(result, path, visemes, viseme_cues(result, visemes), fps, {})


def speak_audio(result: "Result", cues: Sequence[Cue]) -> dict[str, list[Any]]:
    """Make what `speakAudio` of the TalkingHead avatar takes beside the sound; times in milliseconds.

    Silence is left out: there the avatar's own rest shows. The words are its subtitles.

    Args:
        result: for its words.
        cues: visemes of OCULUS.
    """
    cues = [cue for cue in cues if cue.value != OCULUS.silence]
    words = result.alignment.speech_words() if result.alignment else []
    return {
        "words": [word.label for word in words],
        "wtimes": [round(1000 * word.start) for word in words],
        "wdurations": [round(1000 * word.duration) for word in words],
        "visemes": [TALKING_HEAD_NAMES.get(cue.value, cue.value) for cue in cues],
        "vtimes": [round(1000 * cue.start) for cue in cues],
        "vdurations": [round(1000 * (cue.end - cue.start)) for cue in cues],
    }


def _write(
    result: "Result", path: Path, visemes: VisemeSet, cues: Sequence[Cue], fps: float | None, more: dict[str, Any]
) -> None:
    rate = float(exact_fps(check_fps(result.fps if fps is None else fps)))
    weights = _in_parts(viseme_weights(result, visemes, rate))
    head = {
        "format": "phonolips visemes 1",
        "set": visemes.name,
        "fps": rate,
        "frames": len(weights),
        "duration": round(result.seconds, 6),
        "visemes": list(visemes.names),
    }
    named = [{"start": round(cue.start, 2), "end": round(cue.end, 2), "value": cue.value} for cue in cues]
    blocks = {name: json.dumps(value, ensure_ascii=False) for name, value in (head | more).items()}
    blocks["cues"] = "[\n" + ",\n".join(f"    {json.dumps(cue, ensure_ascii=False)}" for cue in named) + "\n  ]"
    blocks["weights"] = "[\n" + ",\n".join(f"    {json.dumps(row)}" for row in weights.tolist()) + "\n  ]"
    with new_text_file(path) as file:
        file.write("{\n" + ",\n".join(f"  {json.dumps(name)}: {text}" for name, text in blocks.items()) + "\n}\n")


def _in_parts(weights: np.ndarray) -> np.ndarray:
    """Round rows to thousandths that still add up: what is missing goes to those that lost most."""
    exact = weights * WEIGHT_PARTS
    whole = np.floor(exact)
    missing = np.round(WEIGHT_PARTS - whole.sum(1)).astype(int)
    order = np.argsort(np.argsort(whole - exact, axis=1, kind="stable"), axis=1)  # 0 = lost most
    rounded: np.ndarray = (whole + (order < missing[:, None])) / WEIGHT_PARTS
    return rounded


def _phone_weights(result: "Result", *, prefer_posteriors: bool) -> np.ndarray:
    """Collect what is spoken at each step of the lips, from posteriors or alignment: float64 (steps, phones)."""
    steps = max(1, seconds_to_steps(result.seconds))
    if result.posteriors is not None and (prefer_posteriors or result.alignment is None):
        found = np.asarray(result.posteriors, np.float64)[:steps]
    else:
        found = result.need_alignment().posteriors(steps).astype(np.float64)
    silence = np.eye(NUM_PHONES)[[SILENCE_ID]]
    return np.concatenate([found, np.repeat(silence, steps - len(found), axis=0)])
