"""Festival: speech at given times. The program and its voice kal_diphone come from the system's packages.

Festival (University of Edinburgh, MIT-like licence) speaks an utterance of type `Segments`: phones with their lengths
and pitch targets, made here from an alignment. Its sound has exactly these times, because the diphones of the voice
kal_diphone (CMU, 1998, free for any use) are stretched to them. Pitch falls over each stretch of speech and rises
on stressed vowels.
"""

import re
import shutil
import subprocess
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError, MissingToolError, PhonolipsWarning
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE, UNKNOWN
from phonolips.phones.sounds import nearest_phone
from phonolips.speech.tts.backend import Backend
from phonolips.speech.tts.spoken import OURS, Spoken, whole_frames
from phonolips.temporary import temporary_folder
from phonolips.timebase import SAMPLE_RATE, seconds_to_samples
from phonolips.workers.processes import run_program

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

INSTALL = "apt-get install festival festvox-kallpc16k"
VOICES = ("kal_diphone",)
LEAD_SECONDS = 0.2  # silence that Festival speaks before and after a stretch; cut off again
FIRST_HERTZ, LAST_HERTZ = 120.0, 85.0  # pitch at the start and end of a stretch of speech
STRESS_HERTZ = (0.0, 18.0, 9.0)  # rise on an unstressed, primary and secondary vowel
PROGRAM_SECONDS = 30.0  # to start; and then as long as the sound lasts, which is some twenty times its need
PEAK = 0.7  # of the loudest sample


class Festival(Backend):
    """The program `festival`: keeps the times of an alignment, whose words, for their stress, may be missing.

    Args:
        program: its name or path.
    """

    name = "festival"
    timing = OURS
    rates = (1.0, 1.0)

    def __init__(self, program: str = "festival") -> None:
        self.program = program

    def is_available(self) -> bool:
        """Return whether the program is there (not whether it has the voice)."""
        return shutil.which(self.program) is not None

    def version(self) -> str:
        path = self._path()
        result = run_program([path, "--version"], timeout=PROGRAM_SECONDS)
        words = result.stdout.replace(":", " ").split()
        found = next((word for word in words if word[:1].isdigit()), None)
        if result.returncode != 0 or found is None:
            raise InputError(f"'{self.program} --version' failed (exit {result.returncode}); reinstall it: {INSTALL}")
        return found

    def languages(self) -> list[str]:
        return ["en"]

    def voices(self) -> list[str]:
        return list(VOICES)

    def _speak(
        self,
        words: "Sequence[SpokenWord]",
        alignment: Alignment | None,
        language: str,
        voice: str | None,
        rate: float,
    ) -> Spoken:
        assert alignment is not None  # `speak` refuses to go on without one
        if voice not in (None, *VOICES):
            raise InputError(f"festival's voice {voice!r} is not known here; expected one of {', '.join(VOICES)}")
        asked = [phone for word in words for phone in word.phones if phone != SILENCE]
        if asked and asked != alignment.phone_sequence():
            raise InputError("the alignment's phones are not those of the words; give an alignment of these words")
        stretches = _stretches(alignment)
        if not stretches:
            raise InputError("the alignment holds no speech; expected at least one phone")
        stresses = iter(_stresses_of(words, alignment))
        sounds = self._synthesise([[(phone, next(stresses)) for phone in stretch] for stretch in stretches])
        waveform = np.zeros(seconds_to_samples(alignment.duration), np.float32)
        for stretch, sound in zip(stretches, sounds, strict=True):
            first = seconds_to_samples(stretch[0].start)
            cut = sound[seconds_to_samples(LEAD_SECONDS) :]
            room = min(len(cut), len(waveform) - first, seconds_to_samples(stretch[-1].end) - first)
            waveform[first : first + room] += cut[:room]
        waveform = whole_frames(waveform)
        waveform *= PEAK / max(PEAK, float(np.abs(waveform).max()))
        longer = Alignment.build(
            alignment.speech_words(),
            [phone for phone in alignment.phones if phone.label != SILENCE],
            len(waveform) / SAMPLE_RATE,
        )
        return Spoken(waveform, longer, self.name, self.timing)

    def _path(self) -> str:
        path = shutil.which(self.program)
        if path is None:
            raise MissingToolError(
                f"Festival ({self.program}) is not on PATH; {INSTALL}, or use the synthesiser espeak"
            )
        return path

    def _synthesise(self, utterances: "Sequence[Sequence[tuple[Interval, int]]]") -> list[np.ndarray]:
        """Speak each utterance; return float32 waveforms at 16 kHz, with LEAD_SECONDS of silence first."""
        from phonolips.media.audio import read

        path = self._path()
        seconds = sum(stretch[-1][0].end - stretch[0][0].start for stretch in utterances)
        with temporary_folder() as folder:
            lines = ['(if (not (member "kal_diphone" (mapcar string-append (voice.list)))) (exit 7))']
            lines.append("(voice_kal_diphone)")
            for number, stretch in enumerate(utterances):
                lines += [
                    f"(set! u (utt.synth (Utterance Segments ({_segments(stretch)}))))",
                    f"(utt.wave.resample u {SAMPLE_RATE})",
                    f'(utt.save.wave u "{number}.wav" \'riff)',
                ]
            (folder / "speak.scm").write_text("\n".join(lines) + "\n")
            try:
                result = run_program([path, "-b", "speak.scm"], cwd=folder, timeout=PROGRAM_SECONDS + seconds)
            except subprocess.TimeoutExpired as error:
                raise InputError(
                    f"festival did not end within {error.timeout:.0f} s; use the synthesiser espeak"
                ) from error
            if result.returncode == 7:
                raise MissingToolError(f"Festival has no voice kal_diphone; {INSTALL}")
            files = [folder / f"{number}.wav" for number in range(len(utterances))]
            if not all(file.is_file() for file in files):
                output = " ".join((result.stdout + result.stderr).split())[-200:]
                raise InputError(f"festival could not speak (exit {result.returncode}): {output}")
            missing = sorted(set(re.findall(r"default diphone \S+ for (\S+)", result.stdout + result.stderr)))
            if missing:
                warnings.warn(
                    f"festival's voice has no sound for {', '.join(missing[:5])} and says a schwa there",
                    PhonolipsWarning,
                    stacklevel=5,
                )
            return [read(file) for file in files]


def _stretches(alignment: Alignment) -> list[list[Interval]]:
    """Split the phones at the silences; raise InputError for an unknown one (spn)."""
    found: list[list[Interval]] = [[]]
    for phone in alignment.phones:
        if phone.label == UNKNOWN:
            raise InputError(
                f"the alignment has unknown phones (spn) at {phone.start:.3f} s; write their ARPAbet phones there"
            )
        if phone.label != SILENCE:
            found[-1].append(phone)
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]


def _stresses_of(words: "Sequence[SpokenWord]", alignment: Alignment) -> list[int]:
    """Return the stress of each phone of an alignment; none where the words are unknown."""
    from phonolips.speech.tts.espeak.phonemes import stressed_phones

    spoken = [word for word in words if word.word]
    if not spoken:
        return [0] * len(alignment.phone_sequence())
    return [stress for word in stressed_phones(spoken) for _, stress in word]


def _segments(stretch: "Sequence[tuple[Interval, int]]") -> str:
    """Write phones as Festival's segments: name, length in seconds, pitch targets (seconds from its start, hertz)."""
    start, end = stretch[0][0].start, stretch[-1][0].end
    parts = [f"(pau {LEAD_SECONDS})"]
    for index, (phone, stress) in enumerate(stretch):
        middle = (phone.start + phone.end) / 2
        name = "ax" if phone.label == "AH" and not stress else nearest_phone(phone.label).lower()
        targets = ""
        if stress or index in (0, len(stretch) - 1):
            share = (middle - start) / (end - start)
            hertz = FIRST_HERTZ + (LAST_HERTZ - FIRST_HERTZ) * share + STRESS_HERTZ[stress]
            targets = f" ({phone.duration / 2:.4f} {hertz:.1f})"
        parts.append(f"({name} {phone.duration:.6f}{targets})")
    return " ".join([*parts, f"(pau {LEAD_SECONDS})"])
