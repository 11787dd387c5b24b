"""Write what the studio's engine must make of the shipped weights, as Python makes it: tests/vectors/studio.v1.json.

    python tools/release/write_studio_vectors.py

Run it after every release of weights; `node --test tests/studio` and tests/test_studio.py compare. Arrays are base64 of
little-endian float32 or int16 with their shapes. Needs espeak-ng, which speaks the sound.
"""

import argparse
import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

import phonolips
from phonolips.export.cues import mouth_cues
from phonolips.export.subtitles import subtitles
from phonolips.export.visemes import OCULUS, viseme_cues
from phonolips.lips.articulators import articulate
from phonolips.model.network import load_network
from phonolips.model.stream import encode
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.posteriors import check_posteriors
from phonolips.speech.mel import log_mel
from phonolips.speech.text.g2p import text_to_phones
from phonolips.synth.result import Result
from phonolips.synth.verbs import from_speech

OUT = Path(__file__).parents[2] / "tests" / "vectors" / "studio.v1.json"
SPOKEN = "Maybe five people move up"  # with closures, bites, and round vowels
TEXT = "Bin blue at F two now, please!"
# What the studio reads as Python does: numbers, money, times, letters, parts of words.
READ = (
    "Bin blue at F two now, please!",
    "Dr. Smith paid $5.50 for 3 cats.",
    "It is 3:30 p.m. on the 21st; call me at 7.",
    "In 1999 there were 1,234 people, 50% of them at home.",
    "The BBC and NASA said so -- twice.",
    "Sooo good, isn't it?",
    "She sold 12.5 kg of apples for £3.",
    "U.S.A. and the UK.",
    "Plan A or plan B?",
    "set white at a zero again",
    "What's the matter with Tom's well-known cat?",
    "The 1990s, and 2005, and 2024.",
    "One half is 1/2; 3/4 is more.",
    "He unfriended me, vlogged and googled.",
    "hm, mmm, uh-huh",
    "100 km/h & 20 °C",
    "1,000,000 people and 2.5 million more",
    "I'll meet you @ 5pm.",
    "DO IT NOW!",
    "ChatGPT knows AI.",
    "café naïve",
    "rock 'n' roll",
    "The email is over; (yes) it's done...",
    "-5 degrees",
    "Ten thousand and one: 10,001.",
    "On January 5, 2024 we met.",
    "May 3rd was fine",
    "It was 12/05/2024.",
    "She was born on 4 July 1976 in St. Louis.",
    "The meeting is at 10:00 a.m. on Monday.",
    "He ran 5 miles in 40 min.",
    "I have 2 dogs, 1 cat & 3 birds!",
    "Temperature: -5°C to 10°C.",
    "Call 555-1234.",
    "Version 2.0.1 is out",
    "me@example.com",
    "It costs $1.2 million.",
    "$3bn",
    "20 percent, 3.5%",
    "the 2nd of May",
    "1st place",
    "e.g. this, i.e. that, etc.",
    "a/b testing",
    "The U.S. economy",
    "They don't can't won't shouldn't've",
    "C++ and C#",
    "3 x 4 = 12",
    "10-20 people",
    "the '90s",
    "24/7",
    "9/11",
    "No. 5",
    "#1 fan",
    "1/2 cup",
    "2 1/2 cups",
    "Hello... world",
    "Wait -- what?",
    "(in brackets)",
    '"Quoted" text',
    "well-being",
    "mother-in-law",
    "COVID-19",
    "MP3 player",
    "Windows 11",
    "the year 2000",
    "in 1066",
    "1,500 BC",
    "100k followers",
    "0.5",
    ".5",
    "007",
    "1000000",
    "x² + y²",
    "½ a cup",
    "5€",
    "€5",
    "£20",
    "¥500",
    "50¢",
    "1:1",
    "3-4",
    "A to Z",
    "Vitamin C",
    "TV",
    "OK",
    "PhD",
    "CEO's",
    "1980s",
    "Jan. 1",
    "Dec 25",
    "Mon.",
    "sq. ft.",
    "lbs",
    "w/o",
    "&c",
    "read the lead",
    "I read it yesterday",
    "close the door",
    "live music",
    "tear it",
    "object to the object",
    "minute details",
    "10 a.m.",
    "Fig. 3",
    "p. 12",
    "pp. 3-5",
    "Dr Who",
    "dr. no",
    "George W. Bush",
    "JFK",
    "D.C.",
    "Ph.D.",
    "1990-1995",
    "20s",
    "20th century",
)
PIECES = (1, 700, 640, 3200, 0, 5000)  # samples, round and round, that a stream is pushed


def packed(array: np.ndarray, kind: str = "float32") -> dict[str, Any]:
    """Pack an array for JSON."""
    values = np.ascontiguousarray(array, np.dtype(kind).newbyteorder("<"))
    return {"shape": list(array.shape), kind: base64.b64encode(values.tobytes()).decode()}


def alignment_of(alignment: Alignment) -> dict[str, Any]:
    """List an alignment's tiers."""
    return {
        "words": [list(word) for word in alignment.words],
        "phones": [list(phone) for phone in alignment.phones],
        "duration": alignment.duration,
        "confidences": alignment.confidences,
    }


def result_of(result: Result) -> dict[str, Any]:
    """Keep what a result holds, and what some exports make of it."""
    assert result.posteriors is not None
    assert result.lip_parameters is not None
    assert result.alignment is not None
    articulators = articulate(len(result.lips), result.fps, result.alignment, result.posteriors)
    assert articulators is not None
    words = result.alignment.speech_words()
    return {
        "fps": result.fps,
        "lips": packed(result.lips),
        "lip_parameters": packed(result.lip_parameters),
        "alignment": alignment_of(result.alignment),
        "articulators": packed(articulators),
        "cues": [list(cue) for cue in mouth_cues(result.lips, result.fps, result.alignment)],
        "visemes": [list(cue) for cue in viseme_cues(result, OCULUS)],
        "subtitles": [list(shown) for shown in subtitles(words)] if words else [],
    }


def sound() -> np.ndarray:
    """Speak a sentence, between silences, and add noise behind it that nobody speaks in."""
    spoken = from_speech(SPOKEN).waveform
    assert spoken is not None
    noise = 0.05 * np.random.default_rng(3).standard_normal(16_000).astype(np.float32)
    waveform = np.concatenate([spoken, noise, np.zeros(3_333, np.float32)])  # no whole number of frames
    return np.round(np.clip(waveform, -1, 1) * 32767).astype(np.int16)


def streamed(waveform: np.ndarray) -> np.ndarray:
    """Push a sound through a stream in uneven pieces; return the lips."""
    stream = phonolips.Stream(speaker="s1")
    lips, at, turn = [], 0, 0
    while at < len(waveform):
        piece = PIECES[turn % len(PIECES)]
        lips.append(stream.push(waveform[at : at + piece]).lips)
        at, turn = at + piece, turn + 1
    return np.concatenate([*lips, stream.close().lips])


def vectors() -> dict[str, Any]:
    """Compute all of them."""
    network = load_network()
    recorded = sound()
    waveform = recorded.astype(np.float32) / 32768
    encoded = [np.concatenate(part) for part in zip(*encode(network, iter([waveform])), strict=True)]
    soft = check_posteriors(0.8 * encoded[0][: len(encoded[0]) // 2] + 0.2 / 40)
    phones = [Interval(*row) for row in (("M", 0.2, 0.3), ("AA", 0.3, 0.55), ("[y]", 0.55, 0.7), ("F", 0.8, 0.95))]
    given = Alignment.build([Interval("ma", 0.2, 0.7)], phones, 1.234)
    spoken_words = text_to_phones(TEXT)
    gains = {"opening": 1.2, "height": 0.5}
    cases = {
        "audio": phonolips.from_audio(waveform),
        "audio_s1_natural_30": phonolips.from_audio(waveform, speaker="s1", rest="natural", fps=30),
        "audio_phones_only": phonolips.from_audio(waveform, phones_only=True, voice_activity=False, liveliness=0.5),
        "text": phonolips.from_text(TEXT),
        "text_s4_emphasis": phonolips.from_text(
            TEXT,
            speaker="s4",
            rate=1.3,
            emphasis={"blue": 1.5},
            fps=29.97,
            articulation=gains,
        ),
        "posteriors": phonolips.from_posteriors(soft),
        "alignment_natural": phonolips.from_alignment(given, rest="natural"),
    }
    return {
        "version": 1,
        "about": "what Python makes of the shipped weights; written anew with every release of them",
        "samples": packed(recorded, "int16"),
        "mel": packed(log_mel(waveform)),
        "encoded": {"posteriors": packed(encoded[0]), "lip_parameters": packed(encoded[1])},
        "soft_posteriors": packed(soft),
        "given": alignment_of(given),
        "text": TEXT,
        "words": [
            {"word": word.word, "phones": word.phones, "pauseSeconds": word.pause_seconds} for word in spoken_words
        ],
        "read": {
            text: [[word.word, " ".join(word.phones), word.pause_seconds] for word in text_to_phones(text)]
            for text in READ
        },
        "pieces": PIECES,
        "streamed": packed(streamed(waveform)),
        "cases": {name: result_of(result) for name, result in cases.items()},
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="the file")
    options = parser.parse_args()
    options.out.write_text(json.dumps(vectors(), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(options.out)


if __name__ == "__main__":
    main()
