"""Tiers and TextGrid files: what is refused, what survives a round trip, and real files of MFA."""

import math
import re
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import IGNORED_ID, PHONE_IDS, SILENCE_ID
from phonolips.phones.textgrid import read_textgrid, write_textgrid
from phonolips.timebase import samples_to_steps, step_centres

WORDS = (Interval("bin", 0.1, 0.4), Interval("blue", 0.4, 0.7))
PHONES = (
    Interval("B", 0.1, 0.2), Interval("IH1", 0.2, 0.3), Interval("N", 0.3, 0.4),
    Interval("B", 0.4, 0.5), Interval("L", 0.5, 0.55), Interval("UW1", 0.55, 0.7),
)  # fmt: skip


def example() -> Alignment:
    return Alignment.build(WORDS, PHONES, 1.0)


def long_textgrid(tiers: dict[str, list[tuple[float, float, str]]], end: float) -> str:
    """Write what MFA writes: a space before the newline of every value line."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end} "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, (name, rows) in enumerate(tiers.items(), 1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ', f'        name = "{name}" ']
        lines += ["        xmin = 0 ", f"        xmax = {end} ", f"        intervals: size = {len(rows)} "]
        for place, (start, stop, label) in enumerate(rows, 1):
            lines += [f"        intervals [{place}]:", f"            xmin = {start} "]
            lines += [f"            xmax = {stop} ", f'            text = "{label}" ']
    return "\n".join(lines) + "\n"


def short_textgrid(tiers: dict[str, list[tuple[float, float, str]]], end: float) -> str:
    lines = ['File type = "ooTextFile short"', 'Object class = "TextGrid"', "", "0", f"{end}", "<exists>"]
    lines += [str(len(tiers))]
    for name, rows in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', "0", f"{end}", str(len(rows))]
        for start, stop, label in rows:
            lines += [str(start), str(stop), f'"{label}"']
    return "\n".join(lines) + "\n"


TIERS = {
    "words": [(0.0, 0.1, ""), (0.1, 0.4, "bin"), (0.4, 0.5, "")],
    "phones": [(0.0, 0.1, ""), (0.1, 0.2, "B"), (0.2, 0.3, "IH1"), (0.3, 0.4, "N"), (0.4, 0.5, "")],
}


# ---------------------------------------------------------------- in memory


def test_build_fills_the_gaps_and_normalises() -> None:
    alignment = example()
    assert [item.label for item in alignment.phones] == ["sil", "B", "IH", "N", "B", "L", "UW", "sil"]
    assert [item.label for item in alignment.words] == ["", "bin", "blue", ""]
    for tier in (alignment.words, alignment.phones):
        assert tier[0].start == 0
        assert tier[-1].end == 1.0
        assert all(left.end == right.start for left, right in pairwise(tier))
    assert alignment.phone_sequence() == ["B", "IH", "N", "B", "L", "UW"]
    assert alignment.speech_words() == list(WORDS)
    assert WORDS[0].duration == pytest.approx(0.3)


@pytest.mark.parametrize("silence", ["", "sil", "SIL", "sp", "<eps>", " "])
def test_every_spelling_of_silence_is_silence(silence: str) -> None:
    alignment = Alignment.build([Interval(silence, 0, 1)], [Interval(silence, 0.0, 1.0)], 1.0)
    assert alignment.phones == (Interval("sil", 0.0, 1.0),)
    assert alignment.words == (Interval("", 0.0, 1.0),)
    assert alignment.phone_sequence() == []


def test_labels_agree_with_a_search_at_every_step_centre() -> None:
    phones = [Interval("B", 0.1, 0.2), Interval("spn", 0.2, 0.3), Interval("N", 0.3, 0.4)]
    alignment = Alignment.build([], phones, 0.45)
    labels = alignment.labels(60)
    assert labels.dtype == np.int64
    assert labels.shape == (60,)
    for centre, label in zip(step_centres(60), labels, strict=True):
        here = [item.label for item in alignment.phones if item.start <= centre < item.end]
        name = here[0] if here else "sil"
        assert label == (IGNORED_ID if name == "spn" else PHONE_IDS[name])
    assert (labels[45:] == SILENCE_ID).all()
    assert (labels[20:30] == IGNORED_ID).all()
    assert alignment.labels(0).shape == (0,)


@pytest.mark.parametrize(
    ("phones", "duration", "part"),
    [
        ([("B", 0.0, 0.5), ("N", 0.4, 1.0)], 1.0, "overlap"),
        ([("N", 0.5, 1.0), ("B", 0.0, 0.5)], 1.0, "order"),
        ([("B", 0.5, 0.4)], 1.0, "0.4"),
        ([("B", 0.5, 0.5)], 1.0, "0.5"),
        ([("B", -0.5, 0.5)], 1.0, "-0.5"),
        ([("B", 0.0, math.nan)], 1.0, "not a time"),
        ([("B", math.inf, math.inf)], 1.0, "not a time"),
        ([("B", 0.0, 1.5)], 1.0, "lasts 1.0"),
        ([("B", 0.0, 1.0)], math.nan, "nan"),
        ([("B", 0.0, 1.0)], 0.0, "above 0"),
        ([("QQ", 0.0, 1.0)], 1.0, "QQ"),
    ],
)
def test_bad_tiers_are_refused(phones: list[tuple[str, float, float]], duration: float, part: str) -> None:
    with pytest.raises(InputError, match=part) as caught:
        Alignment.build([], [Interval(*item) for item in phones], duration)
    assert "\n" not in str(caught.value)


def test_the_constructor_itself_refuses_gaps_and_unknown_labels() -> None:
    silence = (Interval("", 0.0, 1.0),)
    with pytest.raises(InputError, match="gap"):
        Alignment(silence, (Interval("B", 0.0, 0.4), Interval("N", 0.5, 1.0)), 1.0)
    with pytest.raises(InputError, match="ends at"):
        Alignment(silence, (Interval("B", 0.0, 0.4),), 1.0)
    with pytest.raises(InputError, match="AA1"):
        Alignment(silence, (Interval("AA1", 0.0, 1.0),), 1.0)


def test_hairline_cracks_are_closed() -> None:
    phones = [Interval("B", 0.0, 0.3000001), Interval("N", 0.2999999, 0.5), Interval("L", 0.5000001, 0.9999999)]
    alignment = Alignment.build([], phones, 1.0)
    assert [item.label for item in alignment.phones] == ["B", "N", "L"]
    assert alignment.phones[-1].end == 1.0


@pytest.mark.parametrize("confidences", [(0.5,), (0.5, 1.5), (0.5, math.nan), (-0.1, 0.5)])
def test_bad_confidences_are_refused(confidences: tuple[float, ...]) -> None:
    phones = [Interval("B", 0.0, 0.5), Interval("N", 0.5, 1.0)]
    with pytest.raises(InputError, match="confidence"):
        Alignment.build([], phones, 1.0, confidences)


def test_confidences_need_phones_without_gaps() -> None:
    with pytest.raises(InputError, match="gaps"):
        Alignment.build([], [Interval("B", 0.0, 0.5)], 1.0, [0.5])


# ---------------------------------------------------------------- files


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.TextGrid"
    write_textgrid(example(), path)
    assert read_textgrid(path) == example()
    text = path.read_text(encoding="utf-8")
    assert 'Object class = "TextGrid"' in text
    assert "sil" not in text  # silence is the empty label, as MFA has it
    assert [item.name for item in path.parent.iterdir()] == ["a.TextGrid"]  # nothing temporary is left


def test_round_trip_with_confidences_and_odd_words(tmp_path: Path) -> None:
    words = [Interval('say "ah"', 0.0, 0.5), Interval("épée", 0.5, 1.0)]
    phones = [Interval("EY", 0.0, 1 / 3), Interval("spn", 1 / 3, 1.0)]
    path = tmp_path / "a b.TextGrid"
    write_textgrid(Alignment.build(words, phones, 1.0, [0.1234, 1.0]), path)
    back = read_textgrid(path)
    assert back.confidences == (0.123, 1.0)
    assert [item.label for item in back.words] == ['say "ah"', "épée"]
    assert [item.label for item in back.phones] == ["EY", "spn"]
    assert back.phones[0].end == pytest.approx(1 / 3, abs=1e-6)


def test_what_is_written_is_what_praat_writes(tmp_path: Path) -> None:
    words = [Interval('say "ah"', 0.1, 0.4)]
    phones = [
        Interval("sil", 0, 0.1),
        Interval("B", 0.1, 0.2),
        Interval("IH1", 0.2, 1 / 3),
        Interval("sil", 1 / 3, 0.5),
    ]
    alignment = Alignment.build(words, phones, 0.5, (1.0, 0.1234, 0.5, 0.0))
    write_textgrid(alignment, tmp_path / "a.TextGrid", more={"viseme": [Interval("open", 0.0, 0.9)]})
    edges = [(0, 0.1), (0.1, 0.2), (0.2, 0.333333), (0.333333, 0.5)]
    expected = {
        "words": [(0, 0.1, ""), (0.1, 0.4, 'say ""ah""'), (0.4, 0.5, "")],
        "phones": [(*edge, label) for edge, label in zip(edges, ("", "B", "IH", ""), strict=True)],
        "confidence": [(*edge, text) for edge, text in zip(edges, ("1.000", "0.123", "0.500", "0.000"), strict=True)],
        "viseme": [(0, 0.5, "open")],
    }
    assert (tmp_path / "a.TextGrid").read_text(encoding="utf-8") == long_textgrid(expected, 0.5)


def test_stale_confidences_are_dropped_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    rows = {**TIERS, "confidence": [(0.0, 0.5, "0.9")]}
    path.write_text(long_textgrid(rows, 0.5))
    with pytest.warns(PhonolipsWarning, match="edited"):
        assert read_textgrid(path).confidences is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("form", [long_textgrid, short_textgrid])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_formats_and_encodings(tmp_path: Path, form, encoding: str, newline: str) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_bytes(form(TIERS, 0.5).replace("\n", newline).encode(encoding))
    alignment = read_textgrid(path)
    assert alignment.phone_sequence() == ["B", "IH", "N"]
    assert alignment.speech_words() == [Interval("bin", 0.1, 0.4)]
    assert alignment.duration == 0.5


def test_tier_names_of_one_speaker_and_of_two(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    ann = {f"ann - {name}": rows for name, rows in TIERS.items()}
    path.write_text(long_textgrid(ann, 0.5))
    assert read_textgrid(path).phone_sequence() == ["B", "IH", "N"]
    both = {**ann, **{f"bob - {name}": rows for name, rows in TIERS.items()}}
    path.write_text(long_textgrid(both, 0.5))
    with pytest.raises(InputError, match=r"2 speakers: 'ann', 'bob'; choose one with `tier_speaker`"):
        read_textgrid(path)


def test_phones_alone_are_enough_and_words_alone_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_text(long_textgrid({"phones": TIERS["phones"]}, 0.5))
    assert read_textgrid(path).speech_words() == []
    path.write_text(long_textgrid({"words": TIERS["words"], "notes": TIERS["words"]}, 0.5))
    with pytest.raises(InputError, match=r"found tiers: 'words', 'notes'"):
        read_textgrid(path)


def test_mfa_without_cleanup(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    rows = {
        "words": [(s, e, t or "<eps>") for s, e, t in TIERS["words"]],
        "phones": [(s, e, t or "sil") for s, e, t in TIERS["phones"]],
    }
    path.write_text(long_textgrid(rows, 0.5))
    assert [item.label for item in read_textgrid(path).words] == ["", "bin", ""]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x00\xff\xfe\x00",
        b"RIFF\x00\x00WAVEfmt ",
        b"[]",
        b"5",
        b'{"start": 0}',
        "item [".encode("utf-16"),
    ],
)
def test_what_is_not_a_textgrid_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a TextGrid") as caught:
        read_textgrid(path)
    assert "\n" not in str(caught.value)


def test_a_file_cut_anywhere_is_refused_or_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    text = long_textgrid(TIERS, 0.5)
    for end in range(0, len(text) - 1, 31):
        path.write_text(text[:end])
        try:
            alignment = read_textgrid(path)
        except InputError:
            continue
        assert alignment.phone_sequence() == ["B", "IH", "N"], end


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        ([(0.0, 0.5, "§")], "'§' at 0.00 s is no phone"),
        ([(0.0, 0.3, "B"), (0.2, 0.5, "N")], "overlap"),
        ([(0.0, 0.3, "B"), (0.3, 0.2, "N")], "before it starts"),
        ([(0.0, "zero", "B")], "not a TextGrid"),
    ],
)
def test_bad_phone_tiers_are_refused_by_name_of_file(tmp_path: Path, rows: list, part: str) -> None:
    path = tmp_path / "odd.TextGrid"
    path.write_text(long_textgrid({"phones": rows}, 0.5), encoding="utf-8")
    with pytest.raises(InputError, match=part) as caught:
        read_textgrid(path)
    assert "odd.TextGrid" in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such TextGrid"):
        read_textgrid(tmp_path / "none.TextGrid")
    with pytest.raises(InputError, match="no such TextGrid"):
        read_textgrid(tmp_path)


def test_real_files_of_mfa(shared_data: Path) -> None:
    paths = sorted((shared_data / "grid_mfa").glob("*/*.TextGrid"))[::8]
    paths += sorted((shared_data / "librispeech_mfa").glob("*/*/*.TextGrid"))[::60]
    assert len(paths) > 150
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alignments = [read_textgrid(path) for path in paths]
    for alignment in alignments:
        edges = {item.start for item in alignment.phones}
        assert all(word.start in edges for word in alignment.words)
        steps = samples_to_steps(round(alignment.duration * 16_000))
        labels = alignment.labels(steps)
        speech = sum(item.duration for item in alignment.phones if item.label != "sil")
        assert (labels != SILENCE_ID).sum() == pytest.approx(100 * speech, abs=2)


def test_a_real_file_survives_a_round_trip(shared_data: Path, tmp_path: Path) -> None:
    source = next(iter(sorted((shared_data / "grid_mfa").glob("*/*.TextGrid"))))
    path = tmp_path / "again.TextGrid"
    write_textgrid(read_textgrid(source), path)
    ours, theirs = path.read_text(), source.read_text()
    assert ours == re.sub(r'text = "([A-Z]+)[012]"', r'text = "\1"', theirs.replace("= 0.0 ", "= 0 "))
