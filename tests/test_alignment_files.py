"""Alignment files as other programs write them: every kind, choices among tiers, damage, and the length of the sound."""

import base64
import json
import random
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from phonolips.cli import main
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.files.fit import LENGTH_TOLERANCE_SECONDS
from phonolips.phones.files.lines import HTK_UNITS_PER_SECOND
from phonolips.phones.files.read import read_alignment, read_alignment_file
from phonolips.phones.intervals import Alignment, Interval
from phonolips.synth.verbs import from_alignment
from phonolips.timebase import SAMPLE_RATE

Rows = list[tuple[float, float, str]]
WORDS: Rows = [(0.0, 0.2, ""), (0.2, 0.5, "bin"), (0.5, 0.9, "blue"), (0.9, 1.1, "")]
PHONES: Rows = [
    (0.0, 0.2, ""), (0.2, 0.3, "B"), (0.3, 0.42, "IH1"), (0.42, 0.5, "N"), (0.5, 0.6, "B"), (0.6, 0.71, "L"),
    (0.71, 0.9, "UW1"), (0.9, 1.1, ""),
]  # fmt: skip
END = 1.1
# Written by Praat 6.1: tiers words (`bïn` with a quote), phones (b, ɪ, n) and points; "Save as binary file".
PRAAT_BINARY = (
    "b29CaW5hcnlGaWxlCFRleHRHcmlkAAAAAAAAAAA/4AAAAAAAAAEAAAADDEludGVydmFsVGllcgAFd29yZHMAAAAAAAAAAD/gAAAAAAAAAAAAAwAA"
    "AAAAAAAAP7mZmZmZmZoAAD+5mZmZmZmaP9mZmZmZmZr//wAEAGIAIgDvAG4/2ZmZmZmZmj/gAAAAAAAAAAAMSW50ZXJ2YWxUaWVyAAZwaG9uZXMA"
    "AAAAAAAAAD/gAAAAAAAAAAAABQAAAAAAAAAAP7mZmZmZmZoAAD+5mZmZmZmaP8mZmZmZmZoAAWI/yZmZmZmZmj/TMzMzMzMz//8AAQJqP9MzMzMz"
    "MzM/2ZmZmZmZmgABbj/ZmZmZmZmaP+AAAAAAAAAAAAhUZXh0VGllcgAFdG9uZXMAAAAAAAAAAD/gAAAAAAAAAAAAAT/QAAAAAAAAAAJIKg=="
)


def quoted(label: str) -> str:
    return '"' + label.replace('"', '""') + '"'


def long_grid(tiers: dict[str, Rows], start: float = 0.0, end: float = END) -> str:
    """Write a TextGrid as Praat's long form has it."""
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = {start} \nxmax = {end} \ntiers? <exists> \n'
    parts = [head, f"size = {len(tiers)} \nitem []: \n"]
    for number, (name, rows) in enumerate(tiers.items(), start=1):
        parts.append(f'    item [{number}]:\n        class = "IntervalTier" \n        name = {quoted(name)} \n')
        parts.append(f"        xmin = {start} \n        xmax = {end} \n        intervals: size = {len(rows)} \n")
        for index, (first, last, label) in enumerate(rows, start=1):
            parts.append(f"        intervals [{index}]:\n            xmin = {first} \n            xmax = {last} \n")
            parts.append(f"            text = {quoted(label)} \n")
    return "".join(parts)


def short_grid(tiers: dict[str, Rows], start: float = 0.0, end: float = END) -> str:
    """Write a TextGrid as Praat's short form has it."""
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        str(start),
        str(end),
        "<exists>",
        str(len(tiers)),
    ]
    for name, rows in tiers.items():
        lines += ['"IntervalTier"', quoted(name), str(start), str(end), str(len(rows))]
        lines += [part for first, last, label in rows for part in (str(first), str(last), quoted(label))]
    return "\n".join(lines) + "\n"


def binary_grid(tiers: dict[str, Rows]) -> bytes:
    """Write a TextGrid as Praat's binary form has it."""

    def text(label: str) -> bytes:
        return struct.pack(">H", len(label)) + label.encode("latin-1")

    data = b"ooBinaryFile\x08TextGrid" + struct.pack(">ddBi", 0.0, END, 1, len(tiers))
    for name, rows in tiers.items():
        data += b"\x0cIntervalTier" + text(name) + struct.pack(">ddi", 0.0, END, len(rows))
        data += b"".join(struct.pack(">dd", first, last) + text(label) for first, last, label in rows)
    return data


BOTH = {"words": WORDS, "phones": PHONES}


def spoken(rows: Rows) -> Rows:
    return [row for row in rows if row[2]]


def mfa_json() -> str:
    tiers = {name: {"type": "interval", "entries": [list(row) for row in spoken(rows)]} for name, rows in BOTH.items()}
    return json.dumps({"start": 0, "end": END, "tiers": tiers})


def praatio_json() -> str:
    tiers = [
        {"class": "IntervalTier", "name": name, "xmin": 0, "xmax": END, "entries": [list(row) for row in rows]}
        for name, rows in BOTH.items()
    ]
    return json.dumps({"xmin": 0, "xmax": END, "tiers": tiers})


def mfa_csv() -> str:
    rows = [f"{first},{last},{label},{kind},ann" for kind in BOTH for first, last, label in spoken(BOTH[kind])]
    return "\n".join(["Begin,End,Label,Type,Speaker", *rows, ""])


def gentle_json() -> str:
    words = []
    for first, last, word in spoken(WORDS):
        inside = [row for row in spoken(PHONES) if first <= row[0] < last]
        parts = [
            {"phone": f"{label.lower()}_{place}", "duration": round(end - start, 2)}
            for (start, end, label), place in zip(inside, "BIIE", strict=False)
        ]
        words.append(
            {"case": "success", "word": word, "alignedWord": word, "start": first, "end": last, "phones": parts}
        )
    return json.dumps({"transcript": "bin blue", "words": words})


def htk_rows(words: bool = False) -> list[str]:
    starts = {first: label for first, _, label in WORDS} if words else {}
    units = HTK_UNITS_PER_SECOND
    return [
        f"{round(first * units)} {round(last * units)} {label or 'sil'} -71.5 {starts.get(first, '')}".rstrip()
        for first, last, label in PHONES
    ]


def elan() -> str:
    times = sorted({time for rows in BOTH.values() for row in spoken(rows) for time in row[:2]})
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="ts{time}" TIME_VALUE="{round(1000 * time)}"/>' for time in times)
    tiers = "".join(
        f'<TIER TIER_ID="{name}">'
        + "".join(
            f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{name}{first}" TIME_SLOT_REF1="ts{first}" '
            f'TIME_SLOT_REF2="ts{last}"><ANNOTATION_VALUE>{label}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>'
            for first, last, label in spoken(rows)
        )
        + "</TIER>"
        for name, rows in BOTH.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT><TIME_ORDER>{slots}</TIME_ORDER>{tiers}</ANNOTATION_DOCUMENT>'


# Each kind as a program writes it: the text, whether it has words, and whether it says where the recording ends.
KINDS: dict[str, tuple[Callable[[], str | bytes], bool, bool]] = {
    "long": (lambda: long_grid(BOTH), True, True),
    "short": (lambda: short_grid(BOTH), True, True),
    "binary": (lambda: binary_grid(BOTH), True, True),
    "mfa.json": (mfa_json, True, True),
    "praatio.json": (praatio_json, True, True),
    "mfa.csv": (mfa_csv, True, False),
    "gentle": (gentle_json, True, False),
    "htk": (lambda: "\n".join(htk_rows()) + "\n", False, True),
    "htk words": (lambda: "\n".join(htk_rows(words=True)) + "\n", True, True),
    "mlf": (lambda: "\n".join(["#!MLF!#", '"*/a.lab"', *htk_rows(words=True), ".", ""]), True, True),
    "timit": (lambda: "".join(f"{round(a * 16000)} {round(b * 16000)} {x.lower() or 'h#'}\n" for a, b, x in PHONES), False, True),
    "ctm": (lambda: ";; made\n" + "".join(f"a 1 {a:.2f} {b - a:.2f} {x}_I 0.98\n" for a, b, x in spoken(PHONES)), False, False),
    "audacity": (lambda: "".join(f"{a:.6f}\t{b:.6f}\t{x}\n" for a, b, x in PHONES), False, True),
    "xlabel": (lambda: "signal a\nnfields 1\n#\n" + "".join(f" {b:.6f} 26 {x or 'pau'}\n" for _, b, x in PHONES), False, True),
    "praat table": (lambda: "tmin\ttier\ttext\ttmax\n" + "".join(f"{a}\t{k}\t{x}\t{b}\n" for k in BOTH for a, b, x in spoken(BOTH[k])), True, False),
    "elan": (elan, True, False),
}  # fmt: skip


def write(folder: Path, content: str | bytes, name: str = "a.TextGrid") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def same(found: Alignment, end: float = END, words: bool = True) -> None:
    """Check an alignment against PHONES and WORDS."""
    expected = [(first, min(last, end), label.rstrip("012") or "sil") for first, last, label in PHONES if first < end]
    assert [phone.label for phone in found.phones] == [label for _, _, label in expected]
    edges = [time for phone in found.phones for time in (phone.start, phone.end)]
    np.testing.assert_allclose(edges, [time for row in expected for time in row[:2]], atol=1e-6)
    assert found.duration == pytest.approx(end, abs=1e-6)
    assert [word.label for word in found.speech_words()] == (["bin", "blue"] if words else [])


@pytest.fixture
def quiet():
    """Let any warning fail the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# ---------------------------------------------------------------- kinds


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_whatever_its_name(kind: str, tmp_path: Path, quiet: None) -> None:
    make, words, says_end = KINDS[kind]
    path = write(tmp_path, make())
    same(read_alignment(path), END if says_end else 0.9, words)
    same(read_alignment(path, seconds=END), END, words)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("form", [long_grid, short_grid])
def test_encodings_and_line_ends_of_praat(form, newline: str, encoding: str, tmp_path: Path, quiet: None) -> None:
    rows = [(first, last, 'bïn "x"' if label == "bin" else label) for first, last, label in WORDS]
    text = form({"words": rows, "phones": PHONES}).replace("\n", newline)
    found = read_alignment(write(tmp_path, text.encode(encoding)))
    assert [word.label for word in found.speech_words()] == ['bïn "x"', "blue"]
    assert len(found.phone_sequence()) == 6


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\nxmin", "\n! made by hand\nxmin", 1).replace("    item [1]", "! !\n    item [1]"),
        lambda text: text.replace("\n", " "),
        lambda text: text.replace("tiers? <exists>", "tiers?<exists>"),
        lambda text: text.replace(" = ", "="),
        lambda text: text.replace("        ", "\t").replace(" \n", "\n\n"),
        lambda text: text.replace("xmax = 0.5 ", "xmax = 5e-1"),
        lambda text: text.replace('"ooTextFile"', '"ooTextFile short"').replace(
            'Object class = "TextGrid"', '"TextGrid"'
        ),
        lambda text: text.replace("size = 2", "size = 1"),
        lambda text: text.replace("intervals: size = 8", "intervals: size = 9"),  # edited by hand, and whole
    ],
)
def test_layouts_of_praats_text(change: Callable[[str], str], tmp_path: Path, quiet: None) -> None:
    text = long_grid(BOTH)
    assert change(text) != text
    same(read_alignment(write(tmp_path, change(text))))


def test_praats_own_binary_file(tmp_path: Path, quiet: None) -> None:
    found = read_alignment(write(tmp_path, base64.b64decode(PRAAT_BINARY)))
    assert found.speech_words() == [Interval('b"ïn', 0.1, 0.4)]
    assert found.phone_sequence() == ["B", "IH", "N"]
    assert found.phones[2] == Interval("IH", 0.2, 0.3)


def test_a_collection_of_praat_with_one_textgrid(tmp_path: Path, quiet: None) -> None:
    grid = long_grid(BOTH).partition("\n\n")[2]
    head = 'File type = "ooTextFile"\nObject class = "Collection"\n\nsize = 2\nitem []:\n'
    sound = '    item [1]:\n        class = "Sound 2"\n        name = "s"\n        xmin = 0\n        xmax = 1\n        z [1] [1] = -0.1\n'
    one = f'    item [2]:\n        class = "TextGrid"\n        name = "a"\n{grid}'
    same(read_alignment(write(tmp_path, head + sound + one)))
    with pytest.raises(InputError, match="collection of 2 TextGrids: a, a"):
        read_alignment(write(tmp_path, head + one + one))
    with pytest.raises(InputError, match="collection without a TextGrid"):
        read_alignment(write(tmp_path, head + sound))


def test_points_beside_and_empty_tiers(tmp_path: Path, quiet: None) -> None:
    text = long_grid(BOTH).replace("size = 2", "size = 4", 1)
    text += '    item [3]:\n class = "TextTier"\n name = "phones"\n xmin = 0\n xmax = 1.1\n points: size = 1\n'
    text += ' points [1]:\n number = 0.5\n mark = "H*"\n'
    text += '    item [4]:\n class = "IntervalTier"\n name = "notes"\n xmin = 0\n xmax = 1.1\n intervals: size = 0\n'
    same(read_alignment(write(tmp_path, text)))


def test_labelled_intervals_alone_mean_silence_between(tmp_path: Path, quiet: None) -> None:
    same(read_alignment(write(tmp_path, long_grid({name: spoken(rows) for name, rows in BOTH.items()}))))


def test_words_that_gentle_did_not_find_are_counted(tmp_path: Path) -> None:
    data = json.loads(gentle_json())
    data["words"].insert(1, {"case": "not-found-in-audio", "word": "big"})
    with pytest.warns(PhonolipsWarning, match=r"did not find 1 of 3 words in the sound \('big'\)"):
        same(read_alignment(write(tmp_path, json.dumps(data))), 0.9)


def test_rounded_times_leave_no_cracks(tmp_path: Path, quiet: None) -> None:
    lines = ["a 1 0.20 0.11 B", "a 1 0.30 0.12 IH", "a 1 0.43 0.07 N"]  # 10 ms too long, 10 ms too late
    found = read_alignment(write(tmp_path, "\n".join(lines)))
    assert [tuple(phone) for phone in found.phones[1:]] == [("B", 0.2, 0.3), ("IH", 0.3, 0.43), ("N", 0.43, 0.5)]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nhi", "WebVTT"),
        ("1\n00:00:01,000 --> 00:00:02,000\nhi", "SRT"),
        ('{"text": "hi", "segments": []}', "Whisper"),
        ('{"metadata": {}, "mouthCues": []}', "Rhubarb"),
        ('{"format": "phonolips 1", "phones": []}', "phones.TextGrid"),
        ('{"name": "a", "levels": []}', "EMU"),
        ("{", "JSON that cannot be read"),
        ("[" * 100_000, "nested too deeply"),
        ("<html><body>", "web page"),
        (
            '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><ANNOTATION_DOCUMENT>&b;</ANNOTATION_DOCUMENT>',
            "expanded",
        ),
        ('File type = "ooTextFile"\nObject class = "PitchTier"\n\n0\n1\n0\n', "Praat 'PitchTier'"),
        (b"RIFF\x00\x00\x00\x00WAVE", "binary file"),
        ("u 1 0.1 0.2 17\nu 1 0.3 0.1 4", "Kaldi's numbers"),
        ("0 100000 s2 -1 dh\n100000 300000 s3 -1", "state of a model"),
        ("0.1 0.2", "expected start, end and label"),
        ("hello there", "begins with 'hello there'"),
    ],
)
def test_other_files_are_refused_by_name(content: str | bytes, part: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=part) as caught:
        read_alignment(write(tmp_path, content))
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- tiers


@pytest.mark.parametrize(
    ("words", "phones"),
    [
        ("words", "phones"), ("word", "phone"), ("Words", "Phonemes"), ("ORT-MAU", "MAU"), ("ORT", "MAU"), ("word", "segmentation"),
        ("TokensAlign", "PhonAlign"), ("words", " phonetic "), ("ann - words", "ann - phones"), ("word - ann", "segment - ann"),
        ("words_ann", "phones_ann"), ("Ann: words", "Ann: phones"), ("words (ann)", "phones (ann)"), ("wrd", "phn"),
    ],
)  # fmt: skip
def test_names_of_tiers(words: str, phones: str, tmp_path: Path, quiet: None) -> None:
    canonical = [(0.2, 0.5, "bIn"), (0.5, 0.9, "blu:")]
    tiers = {words: WORDS, "KAN-MAU": canonical, phones: PHONES, "syllables": canonical, "notes": [(0.0, 1.1, "good")]}
    same(read_alignment(write(tmp_path, long_grid(tiers))))


def test_a_tier_of_another_name_is_found_by_its_labels_and_said(tmp_path: Path) -> None:
    path = write(tmp_path, long_grid({"Bill": [(0.0, 1.1, "a fine day")], "Mary": PHONES}))
    with pytest.warns(PhonolipsWarning, match=r"took 'Mary', whose labels are ARPAbet; tiers: 'Bill', 'Mary'"):
        same(read_alignment(path), words=False)
    same(read_alignment(write(tmp_path, long_grid({"Mary": PHONES}))), words=False)


def test_where_nothing_fits_the_tiers_are_listed(tmp_path: Path) -> None:
    path = write(tmp_path, long_grid({"Mary": PHONES, "John": PHONES}))
    with pytest.raises(InputError, match=r"several of its tiers could be one; .*'Mary', 'John'; name it with `tier`"):
        read_alignment(path)
    path = write(tmp_path, long_grid({"words": WORDS, "notes": WORDS}))
    with pytest.raises(InputError, match=r"none of its tiers .*'words', 'notes'"):
        read_alignment(path)


def test_tier_names_or_numbers_the_phones_and_the_words(tmp_path: Path, quiet: None) -> None:
    other = [(0.0, 1.1, "AA")]
    path = write(tmp_path, long_grid({"phones": other, "Mary": PHONES, "John, x=y": WORDS}))
    same(read_alignment(path, tier="Mary"), words=False)
    same(read_alignment(path, tier="2"), words=False)
    same(read_alignment(path, tier="phones=mary,words=John, x=y"))
    same(read_alignment(path, tier=" words = 3, phones = 2 "))
    assert read_alignment(path).phone_sequence() == ["AA"]
    for tier, part in (
        ("x", "no tier 'x'; tiers: 'phones', 'Mary', 'John, x=y'"),
        (" ", "empty"),
        ("phones=", "a name"),
        ("9", "'9'"),
    ):
        with pytest.raises(InputError, match=part):
            read_alignment(path, tier=tier)


def test_of_several_speakers_one_is_chosen(tmp_path: Path, quiet: None) -> None:
    others = {"bob - words": [(0.0, 1.1, "oh")], "bob - phones": [(0.0, 1.1, "OW")]}
    path = write(tmp_path, long_grid({f"ann - {name}": rows for name, rows in BOTH.items()} | others))
    same(read_alignment(path, tier_speaker="Ann"))
    bob = read_alignment(path, tier_speaker="bob")
    assert (bob.phone_sequence(), bob.speech_words()[0].label) == (["OW"], "oh")
    assert read_alignment(path, tier="bob - phones").speech_words()[0].label == "oh"
    with pytest.raises(InputError, match="2 speakers: 'ann', 'bob'; choose one with `tier_speaker`"):
        read_alignment(path)
    with pytest.raises(InputError, match="no phones of 'eve'; speakers: 'ann', 'bob'"):
        read_alignment(path, tier_speaker="eve")
    with pytest.raises(InputError, match="no phones of 'ann'"):
        read_alignment(write(tmp_path, long_grid(BOTH)), tier_speaker="ann")


def test_of_several_recordings_one_is_chosen(tmp_path: Path, quiet: None) -> None:
    text = "\n".join(["#!MLF!#", '"*/a.lab"', *htk_rows(), ".", '"*/b.rec"', "0 5000000 OW", ".", ""])
    with pytest.raises(InputError, match="2 recordings: 'a', 'b'"):
        read_alignment(write(tmp_path, text))
    same(read_alignment(write(tmp_path, text), tier_speaker="a"), words=False)
    assert read_alignment(write(tmp_path, "u1 1 0 1 AA\nu2 1 0 1 IY\n"), tier_speaker="u2").phone_sequence() == ["IY"]


def test_approximations_are_counted_once(tmp_path: Path) -> None:
    rows = [(0.0, 0.4, "y:"), (0.4, 0.6, "S"), (0.6, 0.8, "x"), (0.8, 1.1, "y:")]
    with pytest.warns(PhonolipsWarning) as caught:
        read_alignment(write(tmp_path, long_grid({"MAU": rows})))
    assert len(caught) == 1
    text = str(caught[0].message)
    assert "3 of 4 phones are no English sounds" in text
    assert "y: (UW+W) 2 times, x (K+Y); the labels are SAMPA" in text


# ---------------------------------------------------------------- bounds and damage


@pytest.mark.parametrize(
    ("rows", "end", "part"),
    [
        ([(0.0, 1e9, "")], 1e9, "24 hours"),
        ([(0.0, 1e300, "B")], 1e300, "24 hours"),
        ([(0.0, float("nan"), "B")], 1.0, "expected times in seconds"),
        ([(0.0, float("inf"), "B")], float("inf"), "expected times in seconds"),
        ([(-1.0, 1.0, "B")], 1.0, "before the beginning"),
        ([(0.0, 0.5, "B"), (0.5, 0.4, "N")], 1.0, "before it starts"),
        ([(0.0, 0.6, "B"), (0.5, 1.0, "N")], 1.0, "overlap"),
        ([(0.0, 0.5, "B"), (0.5, 0.5, "N")], 1.0, "nothing"),
        ([(0.0, 80.0, "B"), (80.0, 160.0, "N")], 160.0, "in seconds"),
        ([], 1.0, "single interval"),
    ],
)
def test_impossible_times_are_refused(rows: Rows, end: float, part: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=part) as caught:
        read_alignment(write(tmp_path, long_grid({"phones": rows}, end=end)))
    assert "\n" not in str(caught.value)


def test_counts_that_lie_and_files_that_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="says 1000000000 tiers, and holds 2"):
        read_alignment(write(tmp_path, long_grid(BOTH).replace("size = 2", "size = 1000000000")))
    text = long_grid({"phones": [(0.0, 0.5, "B")]}).replace("intervals: size = 1", "intervals: size = 99")
    with pytest.raises(InputError, match="says 99 intervals, and holds 1"):
        read_alignment(write(tmp_path, text))
    with pytest.raises(InputError, match="damaged"):
        read_alignment(write(tmp_path, b"ooBinaryFile\x08TextGrid" + struct.pack(">ddBi", 0.0, END, 1, 2**31 - 1)))
    monkeypatch.setattr("phonolips.phones.files.praat.MOST_INTERVALS", 4)
    with pytest.raises(InputError, match="more than"):
        read_alignment(write(tmp_path, short_grid(BOTH)))
    monkeypatch.setattr("phonolips.phones.files.read.MOST_BYTES", 100)
    with pytest.raises(InputError, match="MB; alignments of up to"):
        read_alignment(write(tmp_path, short_grid(BOTH)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::phonolips.errors.PhonolipsWarning")
def test_damage_is_refused_in_one_line_or_read(kind: str, tmp_path: Path) -> None:
    """Cut at every byte (every other of the long XML) and 200 times three bytes changed: refused, or an alignment."""
    make = KINDS[kind][0]
    whole = make()
    data = whole if isinstance(whole, bytes) else whole.encode("utf-8")
    chance = random.Random(kind)
    damaged = [data[:end] for end in range(0, len(data), 1 + (kind == "elan"))]
    for _ in range(200):
        changed = bytearray(data)
        for _ in range(3):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        damaged.append(bytes(changed))
    messages = []
    for content in damaged:
        try:
            found = read_alignment(write(tmp_path, content))
        except InputError as error:
            messages.append(str(error))
            continue
        if kind in ("long", "short", "binary") and content == data[: len(content)]:
            same(found)
    assert len(messages) > len(damaged) // 3
    assert not [message for message in messages if "\n" in message]


# ---------------------------------------------------------------- the sound


def shifted(by: float) -> dict[str, Rows]:
    return {name: [(first + by, last + by, label) for first, last, label in rows] for name, rows in BOTH.items()}


def test_times_of_a_part_count_from_its_beginning(tmp_path: Path) -> None:
    path = write(tmp_path, long_grid(shifted(10.0), 10.0, 10.0 + END))
    with pytest.warns(PhonolipsWarning, match="run from 10 to 11.1 s; counted from 10"):
        same(read_alignment(path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(read_alignment(path, seconds=END))
        whole = read_alignment(path, seconds=11.12)  # the sound that it was cut from: its times as they are
    assert whole.phones[2] == Interval("B", pytest.approx(10.2), pytest.approx(10.3))
    negative = write(tmp_path, long_grid(shifted(-0.5), -0.5, END - 0.5))
    same(read_alignment(negative, seconds=END))


def test_a_file_that_begins_with_its_first_label_keeps_the_times_of_its_sound(tmp_path: Path, quiet: None) -> None:
    path = write(tmp_path, long_grid({name: rows[1:] for name, rows in BOTH.items()}, 0.2, END))
    same(read_alignment(path, seconds=END))
    lying = write(tmp_path, long_grid({name: spoken(rows) for name, rows in BOTH.items()}, 1.0, END))
    same(read_alignment(lying))
    same(read_alignment(write(tmp_path, long_grid(BOTH, 1e-9, END))))


@pytest.mark.parametrize(
    "seconds", [END - LENGTH_TOLERANCE_SECONDS + 0.001, END, END + LENGTH_TOLERANCE_SECONDS - 0.001]
)
def test_lengths_within_the_tolerance_are_not_touched(seconds: float, tmp_path: Path, quiet: None) -> None:
    same(read_alignment(write(tmp_path, long_grid(BOTH)), seconds=seconds))


def test_lengths_that_differ_are_said_and_what_was_done(tmp_path: Path) -> None:
    file = read_alignment_file(write(tmp_path, long_grid(BOTH)))
    with pytest.warns(PhonolipsWarning, match=r"lasts 1.10 s, its sound 3.00 s: the last 1.90 s are silence"):
        longer = file.fit(3.0)
    assert longer.duration == 3.0
    assert longer.phones[-1] == Interval("sil", 0.9, 1.1) or longer.phones[-1].end == 3.0
    with pytest.warns(PhonolipsWarning, match=r"its sound 0.80 s: what lies beyond the sound is left out, none"):
        same(file.fit(0.8), 0.8)
    with pytest.warns(PhonolipsWarning, match=r"left out, 1 phones of it"):
        same(file.fit(0.65), 0.65)
    with pytest.raises(InputError, match=r"4 of 6 phones lie beyond the sound"):
        file.fit(0.41)


def test_a_file_of_speech_alone_says_nothing_of_the_silence_behind_it(tmp_path: Path) -> None:
    path = write(tmp_path, mfa_csv())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_alignment(path, seconds=3.0).duration == 3.0
    with pytest.warns(PhonolipsWarning, match="the last 9.10 s are silence"):
        read_alignment(path, seconds=10.0)


def test_the_verb_holds_a_file_against_its_waveform(tmp_path: Path) -> None:
    path = write(tmp_path, long_grid(shifted(10.0), 10.0, 10.0 + END))
    sound = np.zeros(round(END * SAMPLE_RATE), np.float32)
    result = from_alignment(path, waveform=sound)
    assert result.alignment is not None
    same(result.alignment)
    beyond = write(tmp_path, long_grid(shifted(10.0), 0.0, 10.0 + END))
    with pytest.raises(InputError, match="6 of 6 phones lie beyond the sound"):
        from_alignment(beyond, waveform=sound)


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["phonolips", *map(str, words)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_command_chooses_tiers_by_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    others = {"bob - words": [(0.0, 1.1, "oh")], "bob - phones": [(0.0, 1.1, "OW")]}
    grid = write(tmp_path, long_grid({f"ann - {name}": rows for name, rows in BOTH.items()} | others))
    made = ("synth", "--textgrid", grid, "--no-pictures", "--out", tmp_path / "made")
    assert run(monkeypatch, *made) == 1
    assert "2 speakers: 'ann', 'bob'; choose one with --tier-speaker" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
    assert run(monkeypatch, *made, "--tier-speaker", "ann") == 0
    same(read_alignment(tmp_path / "made" / "phones.TextGrid"))
    assert run(monkeypatch, *made, "--tier", "phones=bob - phones,words=bob - words") == 0
    assert read_alignment(tmp_path / "made" / "phones.TextGrid").phone_sequence() == ["OW"]
    spelt = ("synth", "--phones", "B IH N B L UW", "--no-pictures", "--out", tmp_path / "made")
    assert run(monkeypatch, *spelt, "--durations", grid, "--tier", "2") == 0
    same(read_alignment(tmp_path / "made" / "phones.TextGrid"))
    capsys.readouterr()
    assert run(monkeypatch, *spelt, "--tier", "2") == 1
    assert "choose tiers of --textgrid or --durations" in capsys.readouterr().err
    edit = ("edit", "--video", grid, "--transcript", "a", "--to", "b", "--out", tmp_path / "made")
    assert run(monkeypatch, *edit, "--tier", "2") == 1
    assert "--tier and --tier-speaker choose tiers of --textgrid" in capsys.readouterr().err
    assert run(monkeypatch, *edit, "--textgrid", grid) == 1
    assert "choose one with --tier-speaker" in capsys.readouterr().err


def test_the_verb_allocates_nothing_for_an_alignment_of_years() -> None:
    with pytest.raises(InputError, match=r"alignment of 1e\+09 s; expected at most 24 hours"):
        from_alignment(Alignment.build([], [Interval("B", 0.0, 1.0)], 1e9))


def test_a_tier_of_silence_is_said(tmp_path: Path) -> None:
    with pytest.warns(PhonolipsWarning, match="silence alone: the mouth rests"):
        read_alignment(write(tmp_path, long_grid({"words": WORDS, "phones": [(0.0, 1.1, "")]})))


def test_real_alignments_fit_their_sound(shared_data: Path) -> None:
    from phonolips.media.audio import read

    pairs = [
        (path, shared_data / "grid" / path.parent.name / f"{path.stem}.mp4")
        for path in sorted((shared_data / "grid_mfa").glob("*/*.TextGrid"))[::40]
    ]
    for path in sorted((shared_data / "librispeech_mfa").glob("*/*/*.TextGrid"))[::400]:
        subset = path.relative_to(shared_data / "librispeech_mfa").parts[0]
        pairs.append((path, shared_data / "librispeech" / subset / "audio" / path.parent.name / f"{path.stem}.opus"))
    pairs = [pair for pair in pairs if pair[1].is_file()]
    assert len(pairs) > 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path, sound in pairs:
            assert read_alignment(path, seconds=len(read(sound)) / SAMPLE_RATE) == read_alignment(path)
