"""Mouth cues, Rhubarb's files, and visemes."""

import itertools
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import as_result

from phonolips.errors import InputError
from phonolips.export.cues import MOUTHS, divide, mouth_cues
from phonolips.export.formats import export
from phonolips.export.visemes import (
    DEFAULT_SET,
    OCULUS,
    VisemeSet,
    read_viseme_set,
    speak_audio,
    viseme_cues,
    viseme_weights,
)
from phonolips.lips.measures import opening
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import BILABIALS, LABIODENTALS, PHONES
from phonolips.synth import result, verbs
from phonolips.synth.folder import Layer
from phonolips.synth.result import Result
from phonolips.timebase import frame_centres, frames_in

RATES = (24, 25, 29.97, 30, 50, 60)
SENTENCE = "Five brave men love a big blue bowl of warm soup, before they leave the room."


def as_run(result: result.Result, folder: Path = Path()) -> Result:
    layer = Layer(result.posteriors, result.lip_parameters, result.lip_parameter_names)
    return as_result(folder / "lips.npz", result.lips, result.fps, result.layout, result.alignment, layer, None)


@pytest.fixture(scope="module")
def spoken() -> Result:
    return as_run(verbs.from_text(SENTENCE))


def lips_that_open(openings: np.ndarray, narrower: float | np.ndarray = 0.0) -> np.ndarray:
    """Draw 40 points: an ellipse of lips whose inner edges are `openings` apart."""
    turn = np.arange(20) / 20 * 2 * np.pi
    ring = np.stack([-np.cos(turn), -np.sin(turn)], axis=1)  # from the left corner along the lower lip
    lips = np.zeros((len(openings), 40, 2), np.float32)
    wide = 0.4 - np.broadcast_to(narrower, len(openings)) / 2
    for ring_at, thick in ((0, 0.08), (20, 0.0)):
        lips[:, ring_at : ring_at + 20, 0] = ring[:, 0] * wide[:, None]
        lips[:, ring_at : ring_at + 20, 1] = ring[:, 1] * (openings[:, None] / 2 + thick)
    return lips


def phones_of(*parts: tuple[str, float]) -> Alignment:
    edges = np.cumsum([0, *(seconds for _, seconds in parts)])
    intervals = [Interval(label, a, b) for (label, _), a, b in zip(parts, edges[:-1], edges[1:], strict=True)]
    return Alignment.build((), intervals, float(edges[-1]))


# ------------------------------------------------------------------------------------------ the rule


def cost_of(runs: list[tuple[int, int, int]], price: np.ndarray, change: float) -> float:
    return sum(price[a:b, kind].sum() for kind, a, b in runs) + change * (len(runs) - 1)


@pytest.mark.parametrize("seed", range(4))
def test_divide_finds_the_cheapest_of_all_divisions(seed):
    random = np.random.default_rng(seed)
    steps, least, change = 8, (2, 3, 1), 0.6
    price = random.random((steps, 3))
    cheapest = np.inf
    for cuts in itertools.chain.from_iterable(itertools.combinations(range(1, steps), n) for n in range(steps)):
        edges = [0, *cuts, steps]
        lengths = np.diff(edges)
        for kinds in itertools.product(range(3), repeat=len(lengths)):
            fits = all(length >= least[kind] for length, kind in zip(lengths, kinds, strict=True))
            if fits and all(a != b for a, b in itertools.pairwise(kinds)):
                runs = list(zip(kinds, edges[:-1], edges[1:], strict=True))
                cheapest = min(cheapest, cost_of(runs, price, change))
    found = divide(price, least, change)
    assert cost_of(found, price, change) == pytest.approx(cheapest)
    assert all(last - first >= least[kind] for kind, first, last in found)


def test_what_is_shorter_than_the_shortest_cue_is_one_cue():
    assert divide(np.array([[1.0, 0.5]]), (5, 5), 1.0) == [(1, 0, 1)]
    assert len(mouth_cues(lips_that_open(np.zeros(1)), 25, None)) == 1


def test_cues_cover_the_lips_and_are_few(spoken):
    cues = mouth_cues(spoken.lips, spoken.fps, spoken.alignment)
    assert cues[0].start == 0
    assert cues[-1].end == pytest.approx(spoken.seconds, abs=0.005)
    for cue, following in itertools.pairwise(cues):
        assert cue.end == following.start
        assert cue.value != following.value
        assert cue.end - cue.start >= 0.05 - 1e-9
    assert (cues[0].value, cues[-1].value) == ("X", "X")
    assert len(cues) <= 9 * spoken.seconds
    assert {cue.value for cue in cues} == set(MOUTHS)


@pytest.mark.parametrize(("kind", "mouth"), [(BILABIALS, "A"), (LABIODENTALS, "G")])
def test_lips_that_shut_or_bite_are_never_left_out(spoken, kind, mouth):
    cues = mouth_cues(spoken.lips, spoken.fps, spoken.alignment)
    phones = [phone for phone in spoken.alignment.phones if phone.label in kind]
    shown = [any(c.value == mouth and c.start < p.end and c.end > p.start for c in cues) for p in phones]
    assert len(shown) >= 5
    assert all(shown)


def test_the_cues_follow_the_lips(spoken):
    cues = mouth_cues(spoken.lips, spoken.fps, spoken.alignment)
    size = dict(zip(MOUTHS, (0.0, 0.35, 0.65, 1.0, 0.5, 0.25, 0.2, 0.55, 0.0), strict=True))
    ends = [cue.end for cue in cues]
    at = np.searchsorted(ends, frame_centres(len(spoken.lips), spoken.fps), side="right")
    drawn = [size[cues[min(i, len(cues) - 1)].value] for i in at]
    assert np.corrcoef(drawn, opening(spoken.lips))[0, 1] > 0.8


@pytest.mark.parametrize(("wide", "mouth"), [(0.06, "B"), (0.13, "C"), (0.21, "D")])
def test_one_vowel_and_three_openings_make_three_mouths(wide, mouth):
    alignment = phones_of(("sil", 0.4), ("AE", 0.4), ("T", 0.2), ("AE", 0.4), ("sil", 0.6))
    openings = np.interp(
        frame_centres(50), [0.4, 0.5, 0.7, 0.8, 1.0, 1.1, 1.3, 1.4], [0, wide, wide, 0, 0, 0.2, 0.2, 0]
    )
    cues = mouth_cues(lips_that_open(openings), 25, alignment)
    assert next(cue.value for cue in cues if cue.start <= 0.6 < cue.end) == mouth


@pytest.mark.parametrize(("wide", "mouth"), [(0.02, "F"), (0.07, "E")])
def test_rounded_lips_pucker_or_round_by_their_opening(wide, mouth):
    alignment = phones_of(("sil", 0.4), ("UW", 0.4), ("IY", 0.4), ("sil", 0.4))
    times = frame_centres(40)
    openings = np.interp(times, [0.4, 0.5, 0.7, 0.8, 1.1, 1.2], [0, wide, wide, 0.1, 0.1, 0])
    narrow = np.interp(times, [0.4, 0.5, 0.7, 0.8], [0, 0.06, 0.06, 0])
    cues = mouth_cues(lips_that_open(openings, narrow), 25, alignment)
    at = {time: next(cue.value for cue in cues if cue.start <= time < cue.end) for time in (0.2, 0.6, 1.0, 1.5)}
    assert at == {0.2: "X", 0.6: mouth, 1.0: "C", 1.5: "X"}


def test_lips_that_stay_open_are_not_shut_by_a_wrong_phone():
    alignment = phones_of(("sil", 0.4), ("AA", 0.3), ("B", 0.1), ("AA", 0.3), ("sil", 0.5))
    openings = np.interp(frame_centres(40), [0.4, 0.5, 1.0, 1.1], [0, 0.2, 0.2, 0])
    assert "A" not in [cue.value for cue in mouth_cues(lips_that_open(openings), 25, alignment)]


def test_lips_alone_are_enough(spoken):
    cues = mouth_cues(spoken.lips, spoken.fps, None)
    assert {"B", "C", "D", "X"} <= {cue.value for cue in cues}
    assert not {"G", "H"} & {cue.value for cue in cues}
    assert cues[0].value == "X"


# ----------------------------------------------------------------------------------- Rhubarb's files


def test_rhubarb_files_hold_the_same_cues(spoken, tmp_path):
    files = export(spoken, "rhubarb-tsv,rhubarb-xml,rhubarb-json", tmp_path)
    cues = [
        (c.value, round(c.start, 2), round(c.end, 2)) for c in mouth_cues(spoken.lips, spoken.fps, spoken.alignment)
    ]
    rows = [line.split("\t") for line in files[0].read_text().splitlines()]
    assert [(value, float(start)) for start, value in rows[:-1]] == [(value, start) for value, start, _ in cues]
    assert rows[-1] == [f"{cues[-1][2]:.2f}", "X"]
    root = ElementTree.parse(files[1]).getroot()
    assert root.tag == "rhubarbResult"
    assert float(root.findtext("metadata/duration")) == cues[-1][2]
    found = [(e.text, float(e.get("start")), float(e.get("end"))) for e in root.iterfind("mouthCues/mouthCue")]
    assert found == cues
    read = json.loads(files[2].read_text())
    assert set(read) == {"metadata", "mouthCues"}
    assert read["metadata"]["duration"] == cues[-1][2]
    assert [(c["value"], c["start"], c["end"]) for c in read["mouthCues"]] == cues


def test_the_sound_is_named_whatever_its_name(spoken, tmp_path):
    sound = tmp_path / 'a "b" & <c>.wav'
    run = replace(spoken, recording=sound)
    xml, made = export(run, "rhubarb-xml,rhubarb-json", tmp_path)
    assert ElementTree.parse(xml).getroot().findtext("metadata/soundFile") == str(sound)
    assert json.loads(made.read_text())["metadata"]["soundFile"] == str(sound)


@pytest.mark.parametrize("fps", [12, *RATES, None])
def test_dat_frames_are_those_of_the_cues(spoken, tmp_path, fps):
    (path,) = export(spoken, "rhubarb-dat", tmp_path, fps=fps)
    lines = path.read_text().splitlines()
    assert lines[0] == "MohoSwitch1"
    rows = [line.split(" ") for line in lines[1:]]
    frames = [int(frame) for frame, _ in rows]
    names = [name for _, name in rows]
    rate = {None: 24, 29.97: 30_000 / 1001}.get(fps, fps)
    cues = mouth_cues(spoken.lips, spoken.fps, spoken.alignment, least_seconds=1 / rate)
    assert len(rows) == len(cues) + 1  # none is lost
    assert (frames[0], names[0], names[-1]) == (1, "rest", "rest")
    assert np.all(np.diff(frames) > 0)
    starts = np.array([cue.start for cue in cues])
    late = starts - (np.array(frames[:-1]) - 1) / rate
    assert np.all((late > -1e-9) & (late < 1 / rate))
    assert set(names) <= {"MBP", "etc", "E", "AI", "O", "U", "FV", "L", "rest"}
    assert names.count("MBP") >= (6 if rate >= 24 else 4)


def test_dat_does_not_drift_over_two_minutes(tmp_path):
    openings = np.where(np.arange(3_000) % 50 < 25, 0.0, 0.2)
    run = as_result(tmp_path / "lips.npz", lips_that_open(openings), 25.0, "mediapipe40", None, None, None)
    (path,) = export(run, "rhubarb-dat", tmp_path, fps=29.97)
    rows = path.read_text().split()[1:]
    assert int(rows[-2]) == 1 + int(120 * 30_000 / 1001)
    assert int(rows[-4]) == 1 + 119 * 30_000 // 1001  # the mouth opens for the last time at 119 s


# ------------------------------------------------------------------------------------------- visemes


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize(("name", "visemes"), [("visemes-oculus", OCULUS), ("visemes", DEFAULT_SET)])
def test_weights_sum_to_one_at_every_rate(spoken, tmp_path, name, visemes, fps):
    (path,) = export(spoken, name, tmp_path, fps=fps)
    data = json.loads(path.read_text())
    weights = np.array(data["weights"])
    assert data["fps"] == pytest.approx(fps, abs=0.001)
    assert weights.shape == (frames_in(spoken.seconds, data["fps"]), len(visemes.names))
    assert data["visemes"] == list(visemes.names)
    assert np.all(weights >= 0)
    assert np.allclose(weights.sum(1), 1, atol=1e-12)
    assert np.all(weights[0] == np.eye(len(visemes.names))[0])  # silence


def test_weights_are_smooth_and_say_what_is_spoken(spoken):
    weights = viseme_weights(spoken, OCULUS, 100)
    assert np.abs(np.diff(weights, axis=0)).max() < 0.25  # a one-hot jump would be 1
    row = OCULUS.names.index("PP")
    for phone in spoken.alignment.phones:
        if phone.label in BILABIALS:
            assert weights[round(phone.start * 100) : round(phone.end * 100), row].max() > 0.6


def test_weights_come_from_the_posteriors_else_from_the_alignment(spoken):
    edited = np.zeros_like(spoken.posteriors)
    edited[:, PHONES.index("S")] = 1
    changed = replace(spoken, posteriors=edited, lip_parameters=None, lip_parameter_names=())
    assert np.allclose(viseme_weights(changed, OCULUS, 25)[:-4, OCULUS.names.index("SS")], 1)  # then comes the end
    without = replace(spoken, posteriors=None, lip_parameters=None, lip_parameter_names=())
    agreed = viseme_weights(without, OCULUS, 25).argmax(1) == viseme_weights(spoken, OCULUS, 25).argmax(1)
    assert agreed.mean() > 0.98
    with pytest.raises(InputError, match=r"lips\.npz"):
        viseme_weights(replace(without, alignment=None), OCULUS, 25)
    heard_only = viseme_cues(replace(spoken, alignment=None), OCULUS)
    assert {cue.value for cue in heard_only} >= {"PP", "FF", "sil"}


def test_viseme_cues_name_the_phones(spoken):
    cues = viseme_cues(spoken, OCULUS)
    for phone in spoken.alignment.phones:
        if phone.duration >= 0.1:
            middle = (phone.start + phone.end) / 2
            value = next(cue.value for cue in cues if cue.start <= middle < cue.end)
            assert OCULUS.from_phones[PHONES.index(phone.label), OCULUS.names.index(value)] == 1
    assert all(cue.end - cue.start >= 0.05 - 1e-9 for cue in cues)
    assert cues[-1].end == pytest.approx(spoken.seconds)


def test_speak_audio_holds_what_the_avatar_wants(spoken):
    block = speak_audio(spoken, viseme_cues(spoken, OCULUS))
    assert len(block["visemes"]) == len(block["vtimes"]) == len(block["vdurations"])
    assert len(block["words"]) == len(block["wtimes"]) == len(block["wdurations"]) == 16
    assert set(block["visemes"]) <= {*"EIOU", "aa", "PP", "SS", "TH", "DD", "FF", "kk", "nn", "RR", "CH"}
    assert block["words"][0] == "five"
    assert all(isinstance(value, int) for name in ("vtimes", "vdurations", "wtimes") for value in block[name])
    first = block["visemes"].index("FF")
    phone = next(p for p in spoken.alignment.phones if p.label == "F")
    assert block["vtimes"][first] == round(1000 * phone.start)


def test_audio_of_a_real_clip_gives_weights_and_few_cues(shared_data):
    from phonolips.media.audio import read

    clip = next(iter(sorted((shared_data / "grid" / "s1").glob("b*.mp4"))))
    run = as_run(verbs.from_audio(read(clip)))
    cues = mouth_cues(run.lips, run.fps, run.alignment)
    assert 6 <= len(cues) <= 20
    assert (cues[0].value, cues[-1].value) == ("X", "X")
    assert "A" in {cue.value for cue in cues}  # GRID's b... sentences begin with "bin"
    assert viseme_weights(run, OCULUS, 30)[:, OCULUS.names.index("PP")].max() > 0.5


# -------------------------------------------------------------------------------- a set of your own

MINE = """\
name: mine
silence: on
visemes:
  on:
  shut: [B, M1, p]
  open: [AA, AE, AH0, AO, AW, AY, EH, ER, EY, IH, IY, OW, OY, UH, UW]
  Y: [CH, D, DH, F, G, HH, JH, K, L, N, NG, R, S, SH, T, TH, V, W, Y, Z, ZH]
"""


def test_a_set_of_your_own(spoken, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.replace("M1", "M"))
    visemes = read_viseme_set(path)
    assert visemes.names == ("on", "shut", "open", "Y")
    (made,) = export(spoken, "visemes", tmp_path, viseme_set=path, fps=30)
    data = json.loads(made.read_text())
    assert data["set"] == "mine"
    assert {cue["value"] for cue in data["cues"]} == {"on", "shut", "open", "Y"}
    assert np.allclose(np.sum(data["weights"], axis=1), 1)


def test_both_shipped_sets_hold_every_phone_once():
    for visemes in (OCULUS, DEFAULT_SET):
        assert np.array_equal(visemes.from_phones.sum(1), np.ones(40))
    assert len(OCULUS.names) == 15
    assert len(DEFAULT_SET.names) == 12


BROKEN = {
    "no viseme for D; name": MINE.replace("M1", "M").replace(" D,", ""),
    "phone S is in viseme 'open' and again in 'Y'": MINE.replace("M1", "M").replace("UW]", "UW, S]"),
    "phone S is in viseme 'Y' and again in 'Y'": MINE.replace("M1", "M").replace("R, S", "R, S, S"),
    "'QQ' is not in the inventory": MINE.replace("M1", "QQ"),
    "silence is 'off'; expected one of the visemes: on": MINE.replace("M1", "M").replace("silence: on", "silence: off"),
    "phone sil is in viseme 'on' and again in 'shut'": MINE.replace("M1", "sil"),
    "viseme 'shut' holds 'BMP'; expected a list": MINE.replace("[B, M1, p]", "BMP"),
    "found name, visemes; expected a mapping like": MINE.replace("silence: on\n", ""),
    "found nothing; expected": "",
    "not YAML": "visemes: [",
}


@pytest.mark.parametrize("wanted", BROKEN)
def test_what_is_wrong_with_a_set_is_said_in_one_line(spoken, tmp_path, wanted):
    path = tmp_path / "mine.yaml"
    path.write_text(BROKEN[wanted])
    with pytest.raises(InputError) as caught:
        export(spoken, "rhubarb-tsv,visemes", tmp_path / "out", viseme_set=path)
    assert wanted in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_set_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"gone\.yaml: no such file; expected a mapping"):
        read_viseme_set(tmp_path / "gone.yaml")
    with pytest.raises(InputError, match="name every phone once"):
        VisemeSet("x", "rest", {"rest": ()})
