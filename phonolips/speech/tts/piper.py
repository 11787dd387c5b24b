"""Piper: the user's own neural voice, whose durations drive the lips.

Piper (PyPI `piper-tts`, GPL-3) turns phonemes into sound with a VITS network (Kim, Kong and Son 2021) in an ONNX file.
Its network decides how long each phoneme lasts; since version 1.8 it reports that, with the package `onnx` for files
that were not made to. So the times are the voice's, and they come out. What it says are our phones, written as
espeak-ng's IPA, which the voices were trained on.

No voice is in any package. Voices are published at huggingface.co/rhasspy/piper-voices: two files each, NAME.onnx and
NAME.onnx.json, with a MODEL_CARD that names the data and its licence. They differ (public domain, CC BY, CC BY-NC,
research only): read the card before you pass the sound on.
"""

import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import InputError, MissingToolError
from phonolips.phones.intervals import Alignment, Interval
from phonolips.speech.tts.backend import Backend
from phonolips.speech.tts.spoken import SYNTHESISER, Spoken, SpokenSentence, assemble

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

INSTALL = "pip install 'piper-tts>=1.8' onnx"
SHORTEST_PAUSE_SECONDS = 0.06  # a shorter gap between words belongs to the phone before it
PEAK = 0.9  # of the loudest sample of a sentence

# The inventory as espeak-ng writes it in IPA for English: unstressed, stressed.
IPA: dict[str, tuple[str, str]] = {
    "AA": ("ɑː", "ɑː"), "AE": ("æ", "æ"), "AH": ("ə", "ʌ"), "AO": ("ɔː", "ɔː"), "AW": ("aʊ", "aʊ"),
    "AY": ("aɪ", "aɪ"), "EH": ("ɛ", "ɛ"), "ER": ("ɚ", "ɜː"), "EY": ("eɪ", "eɪ"), "IH": ("ɪ", "ɪ"),
    "IY": ("i", "iː"), "OW": ("oʊ", "oʊ"), "OY": ("ɔɪ", "ɔɪ"), "UH": ("ʊ", "ʊ"), "UW": ("uː", "uː"),
    **{phone: (phone.lower(),) * 2 for phone in "BDFKLMNPSTVWZ"},
    "CH": ("tʃ", "tʃ"), "DH": ("ð", "ð"), "G": ("ɡ", "ɡ"), "HH": ("h", "h"), "JH": ("dʒ", "dʒ"), "NG": ("ŋ", "ŋ"),
    "R": ("ɹ", "ɹ"), "SH": ("ʃ", "ʃ"), "TH": ("θ", "θ"), "Y": ("j", "j"), "ZH": ("ʒ", "ʒ"),
}  # fmt: skip
STRESS_MARKS = {0: "", 1: "ˈ", 2: "ˌ"}


class Piper(Backend):
    """piper-tts and onnx, with the user's English voice: `voice` is the path of NAME.onnx, NAME.onnx.json beside it."""

    name = "piper"
    timing = SYNTHESISER
    rates = (0.4, 2.5)

    def version(self) -> str:
        try:
            found = version("piper-tts")
            version("onnx")
        except PackageNotFoundError as error:
            raise MissingToolError(
                f"the synthesiser piper needs {error.name}, which is not installed; {INSTALL}"
            ) from error
        if tuple(map(int, found.split(".")[:2])) < (1, 8):
            raise MissingToolError(f"piper-tts {found} does not give durations; expected 1.8 or later; {INSTALL}")
        return found

    def languages(self) -> list[str]:
        return ["en"]

    def voices(self) -> list[str]:
        return []

    def _speak(
        self,
        words: "Sequence[SpokenWord]",
        alignment: Alignment | None,
        language: str,
        voice: str | None,
        rate: float,
    ) -> Spoken:
        if voice is None:
            raise InputError("piper needs a voice file NAME.onnx, with NAME.onnx.json beside it; no package holds one")
        self.version()
        path = Path(voice)
        loaded = _load(path.resolve())
        return assemble(words, lambda sentence, pace: _speak_sentence(sentence, loaded, pace, path), self, rate)


@lru_cache(maxsize=2)
def _load(path: Path) -> Any:
    """Load a voice once; raise InputError where there is none or it is not English."""
    settings = path.with_name(path.name + ".json")
    for file in (path, settings):
        if not file.is_file():
            raise InputError(f"{file}: no such file; a piper voice is two files, NAME.onnx and NAME.onnx.json")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as model.onnx_graph does; piper imports ONNX Runtime
    from google.protobuf.message import DecodeError
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph, InvalidProtobuf
    from piper import PiperVoice

    try:
        voice = PiperVoice.load(path, include_alignments=True)
    except (ValueError, KeyError, TypeError, DecodeError, Fail, InvalidGraph, InvalidProtobuf) as error:
        raise InputError(f"{path}: not a piper voice ({' '.join(str(error).split())[:120]})") from error
    if not voice.config.espeak_voice.startswith("en"):
        raise InputError(f"{path}: a voice for {voice.config.espeak_voice!r}; expected an English one")
    return voice


def _phonemes(sentence: "Sequence[SpokenWord]") -> list[tuple[str, str, int]]:
    """Write a sentence as IPA symbols: (symbol, its phone, index of its word); marks between words have no phone."""
    from phonolips.speech.tts.espeak.phonemes import stressed_phones

    own = [word for word in sentence if word.word]
    stressed = iter(stressed_phones(own))
    written: list[tuple[str, str, int]] = []
    number = -1
    for word in sentence:
        if not word.word:
            written.append((",", "", number))
            continue
        if written:
            written.append((" ", "", number))
        number += 1
        for phone, stress in next(stressed):
            written.append((STRESS_MARKS[stress] + IPA[phone][stress > 0], phone, number))
    while written and not written[-1][1]:
        written.pop()
    return [*written, (".", "", number)]


def _symbols(written: str, clusters: "set[tuple[str, ...]] | None") -> list[str]:
    """Cut IPA into the voice's symbols: code points, or diphthongs that the voice has as one."""
    marks = [mark for mark in written if mark in "ˈˌ"]
    sounds = [sign for sign in written if sign not in "ˈˌ"]
    return [*marks, *(["".join(sounds)] if clusters and tuple(sounds) in clusters else sounds)]


def _speak_sentence(sentence: "Sequence[SpokenWord]", voice: Any, rate: float, path: Path) -> SpokenSentence:
    """Speak one sentence."""
    from piper import SynthesisConfig

    from phonolips.media.audio import resample

    written = _phonemes(sentence)
    pieces = [_symbols(signs, voice.config.vowel_clusters) for signs, _, _ in written]
    known = voice.config.phoneme_id_map
    for piece in pieces:
        for symbol in piece:
            if symbol not in known:
                raise InputError(f"{path}: the voice has no symbol {symbol!r}; expected one made with espeak-ng's IPA")
    symbols = [symbol for piece in pieces for symbol in piece]
    settings = SynthesisConfig(length_scale=voice.config.length_scale / rate)
    sound, samples = voice.phoneme_ids_to_audio(voice.phonemes_to_ids(symbols), settings, include_alignments=True)
    if samples is None or abs(int(np.sum(samples)) - len(sound)) > voice.config.hop_length:
        raise InputError(f"{path}: the voice does not report how long its phonemes last; use another voice")
    edges = np.concatenate([[0], np.cumsum(samples)]) / voice.config.sample_rate
    pad = len(known["_"])
    position = len(known["^"]) + pad  # ids: beginning, pad, then each symbol with a pad after it
    phones: list[Interval] = []
    words: list[Interval] = []
    owners: list[int] = []
    for (_, phone, number), piece in zip(written, pieces, strict=True):
        first = position
        position += sum(len(known[symbol]) + pad for symbol in piece)
        start, end = float(edges[first]), float(edges[position])
        if phone and end > start:
            phones.append(Interval(phone, start, end))
            owners.append(number)
        elif phones and piece == [" "] and end - start < SHORTEST_PAUSE_SECONDS and phones[-1].end == start:
            phones[-1] = phones[-1]._replace(end=end)
    own = [word.word for word in sentence if word.word]
    for number in dict.fromkeys(owners):
        mine = [phone for phone, owner in zip(phones, owners, strict=True) if owner == number]
        words.append(Interval(own[number], mine[0].start, mine[-1].end))
    loudest = max(1e-8, float(np.abs(sound).max()))
    waveform = resample(np.clip(sound / loudest * PEAK, -1, 1).astype(np.float32), voice.config.sample_rate)
    return SpokenSentence(waveform, phones, words)
