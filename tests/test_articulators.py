"""What the phones add to drawn lips: the curves, the shapes, what is seen of teeth and tongue, and the page's copy."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phonolips.lips.articulators import (
    ARTICULATORS,
    BITING,
    PROTRUSION,
    TEETH_TOGETHER,
    TONGUE_BETWEEN,
    TONGUE_UP,
    articulate,
    articulators_of_posteriors,
)
from phonolips.lips.idle import blink_curve, head_curves
from phonolips.lips.measures import opening, width
from phonolips.lips.points import MEDIAPIPE40, layout_of, to_ibug20
from phonolips.lips.shaping import NARROWING, SMILE_WIDTH, Mouth, shape_lips, shaping_numbers
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONE_IDS, PHONES
from phonolips.show import page
from phonolips.show.mouth import SEAM, MouthPainter
from phonolips.show.palette import FLAT, WARM, Palette
from phonolips.show.view import View

NODE = shutil.which("node")


def ring(half_width: float, half_height: float) -> np.ndarray:
    angle = np.pi + np.arange(20) / 20 * 2 * np.pi
    return np.column_stack([half_width * np.cos(angle), half_height * np.sin(angle)])


def mouth(openings: list[float], half_width: float = 0.4) -> np.ndarray:
    """Make lips (frames, 40, 2) of given openings."""
    frames = [np.concatenate([ring(half_width, 0.13 + gap / 2), ring(half_width * 0.85, gap / 2)]) for gap in openings]
    return np.stack(frames)


def row(**values: float) -> np.ndarray:
    """Make articulators (5,) by name."""
    assert set(values) <= set(ARTICULATORS)
    return np.array([values.get(name, 0.0) for name in ARTICULATORS], np.float32)


def said(*phones: str, seconds: float = 0.1) -> np.ndarray:
    """Say phones of one length; posteriors (steps, phones)."""
    steps = round(seconds * 100)
    return np.repeat(np.eye(len(PHONES), dtype=np.float32)[[PHONE_IDS[phone] for phone in phones]], steps, axis=0)


def curve(column: int, *phones: str, at: int, seconds: float = 0.1) -> float:
    """Read one curve in the middle of the phone number `at`."""
    return float(articulators_of_posteriors(said(*phones, seconds=seconds))[round((at + 0.5) * seconds * 100), column])


# The curves


@pytest.mark.parametrize("before", PHONES)
@pytest.mark.parametrize("after", ["sil", "AA", "IY", "UW", "T", "M", "SH"])
def test_a_round_phone_stands_forward_of_a_spread_one_in_every_context(before: str, after: str) -> None:
    for seconds in (0.06, 0.12):
        values = [curve(PROTRUSION, before, phone, after, at=1, seconds=seconds) for phone in ("UW", "W", "SH", "IY")]
        assert min(values[:3]) > values[3] + 0.15
        bites = [curve(BITING, before, phone, after, at=1, seconds=seconds) for phone in ("F", "V", "AA")]
        assert min(bites[:2]) > max(bites[2], 0.6)


def test_consonants_that_do_not_mind_stay_round_between_round_vowels() -> None:
    assert curve(PROTRUSION, "UW", "T", "UW", at=1) > 0.7
    assert curve(PROTRUSION, "IY", "T", "IY", at=1) == 0
    assert curve(PROTRUSION, "UW", "IY", "UW", at=1, seconds=0.15) < 0.3
    assert curve(PROTRUSION, "sil", "T", "UW", at=1) > 0.2  # rounding comes before the vowel


def test_tongue_teeth_and_bites_are_those_of_their_phones() -> None:
    for phone in PHONES:
        values = articulators_of_posteriors(said("AH", phone, "AH", seconds=0.2))[30]
        assert (values[BITING] > 0.9) == (phone in ("F", "V"))
        assert (values[TONGUE_BETWEEN] > 0.9) == (phone in ("TH", "DH"))
        assert (values[TEETH_TOGETHER] > 0.9) == (phone in ("S", "Z", "SH", "ZH", "CH", "JH"))
        assert (values[TONGUE_UP] > 0.5) == (phone in ("L", "N", "T", "D"))
    assert curve(TONGUE_UP, "AH", "L", "AH", at=1) > curve(TONGUE_UP, "AH", "T", "AH", at=1) + 0.2


def test_shut_lips_are_not_parted_by_their_neighbours() -> None:
    for neighbour in ("F", "TH", "S", "L"):
        values = articulators_of_posteriors(said(neighbour, "M", neighbour, seconds=0.06))[9]
        assert values[PROTRUSION + 1 :].max() < 0.2


def test_phones_that_move_are_round_at_one_end() -> None:
    aw, oy = (
        articulators_of_posteriors(said("K", phone, "K", seconds=0.2))[20:40, PROTRUSION] for phone in ("AW", "OY")
    )
    assert aw[-4] > aw[3] + 0.2
    assert oy[3] > oy[-4] + 0.2


def test_curves_are_read_at_any_rate_and_from_anywhere() -> None:
    alignment = Alignment.build([Interval("a", 0, 1.0)], [Interval("AA", 0, 0.5), Interval("UW", 0.5, 1.0)], 1.0)
    slow, fast = articulate(25, 25, alignment), articulate(100, 100, alignment)
    assert slow is not None
    assert fast is not None
    assert slow.shape == (25, 5)
    assert (
        np.abs(slow[:, 0] - np.interp((np.arange(25) + 0.5) / 25, (np.arange(100) + 0.5) / 100, fast[:, 0])).max()
        < 0.01
    )
    late = articulate(5, 25, None, alignment.posteriors(100), start=0.6)
    assert late is not None
    assert np.allclose(late, slow[15:20], atol=1e-3)
    beyond = articulate(50, 25, None, alignment.posteriors(100))
    assert beyond is not None
    assert not beyond[26:].any()
    assert articulate(5, 25) is None


# The shapes


def test_nothing_said_changes_nothing_but_a_sliver() -> None:
    lips = mouth([0.0, 0.02, 0.05, 0.3])
    shaped = shape_lips(lips, np.zeros((4, 5)), Mouth.of(lips[0]))
    assert np.allclose(shaped[[0, 2, 3]], lips[[0, 2, 3]])
    assert opening(shaped)[1] < 0.015
    gaps = np.linspace(-0.02, 0.1, 200)
    drawn = opening(shape_lips(mouth(gaps.tolist()), np.zeros((200, 5)), Mouth.of(lips[0])))
    assert (np.diff(drawn) >= -1e-9).all()
    assert drawn.min() > -1e-9  # crossed lips touch


def test_protruded_lips_are_narrower_and_fuller() -> None:
    lips = mouth([0.08])
    at_rest = Mouth.of(mouth([0.0])[0])
    shaped = shape_lips(lips, row(protrusion=1)[None], at_rest)
    assert width(shaped)[0] == pytest.approx((1 - NARROWING) * at_rest.width)
    outer, inner = MEDIAPIPE40.outer, MEDIAPIPE40.inner
    for side, sign in (("upper", 1), ("lower", -1)):
        before, after = (
            sign * (each[0, getattr(outer, side)[4], 1] - each[0, getattr(inner, side)[4], 1])
            for each in (lips, shaped)
        )
        assert before * 1.1 < after < before * 1.25
    assert opening(shaped)[0] == pytest.approx(0.08)
    narrow = mouth([0.08], half_width=0.3)  # lips that round by themselves are left as wide as they are
    assert width(shape_lips(narrow, row(protrusion=1)[None], at_rest))[0] == pytest.approx(0.6)


def test_a_smile_rounds_further_than_a_calm_mouth() -> None:
    calm, smile = mouth([0.0], 0.4), mouth([0.0], 0.52)
    smile[..., 1] += 0.12 * (smile[..., 0] / 0.52) ** 2
    share = []
    for lips in (calm, smile):
        shaped = shape_lips(lips, row(protrusion=1)[None], Mouth.of(lips[0]))
        share.append(width(shaped)[0] / width(lips)[0])
    assert share[1] < share[0] - 0.1
    assert width(shaped)[0] == pytest.approx((1 - NARROWING) * SMILE_WIDTH)
    assert Mouth.of(shaped[0]).lift < Mouth.of(smile[0]).lift - 0.02


@pytest.mark.parametrize("gap", [0.0, 0.03, 0.2])
def test_a_bite_has_one_gap_and_tongues_have_room(gap: float) -> None:
    lips = mouth([gap])
    at_rest = Mouth.of(mouth([0.0])[0])
    bitten = shape_lips(lips, row(biting=1)[None], at_rest)
    assert opening(bitten)[0] == pytest.approx(0.05, abs=0.01)
    lower = MEDIAPIPE40.outer.lower[4]
    assert bitten[0, lower, 1] > lips[0, lower, 1]  # rolled in, or raised
    for name in ("tongue_between", "tongue_up"):
        assert opening(shape_lips(lips, row(**{name: 1})[None], at_rest))[0] == pytest.approx(max(0.08, gap), abs=0.01)


def test_the_page_shapes_lips_as_the_films_do(tmp_path: Path) -> None:
    if NODE is None:
        pytest.skip("no node on the PATH (on Debian: apt-get install nodejs)")
    generator = np.random.default_rng(3)
    script = (Path(page.__file__).parent / "lips.js").read_text(encoding="utf-8")
    for convert in (lambda lips: lips, to_ibug20):
        lips = convert(mouth(generator.uniform(-0.02, 0.3, 40).tolist()) + generator.normal(0, 0.01, (40, 40, 2)))
        rows = generator.uniform(0, 1, (40, 5)) * (generator.random((40, 5)) < 0.5)
        at_rest = Mouth(1.0, 0.15)
        wanted = shape_lips(lips, rows, at_rest)
        numbers = json.dumps(shaping_numbers(layout_of(lips), at_rest))
        cases = json.dumps([[points.tolist(), values.tolist()] for points, values in zip(lips, rows, strict=True)])
        program = tmp_path / "run.js"
        program.write_text(
            f"{script}\nconst numbers = {numbers};\n"
            f"console.log(JSON.stringify({cases}.map(([points, row]) => shapeLips(points, row, numbers))));"
        )
        made = subprocess.run([NODE, program], capture_output=True, text=True, check=True)
        assert np.abs(np.array(json.loads(made.stdout)) - wanted).max() < 1e-9


# The pictures

SIZE = 360
VIEW = View((0.0, 0.0), 300.0, -0.03)


def paint(points: np.ndarray, articulators: np.ndarray | None, size: int = SIZE, palette: Palette = FLAT) -> np.ndarray:
    view = View(VIEW.centre, VIEW.scale * size / SIZE, VIEW.teeth)
    return np.asarray(MouthPainter(mouth([0.0]), (size, size), palette, view).paint(points, articulators)).astype(int)


def coloured(picture: np.ndarray, colour: tuple[int, int, int], within: int = 4) -> np.ndarray:
    mask: np.ndarray = np.abs(picture - colour).max(-1) <= within
    return mask


@pytest.mark.parametrize("gap", [0.0, 0.06, 0.15])
def test_teeth_stand_on_the_lower_lip_in_a_bite(gap: float) -> None:
    picture = paint(mouth([gap])[0], row(biting=1))
    column = picture[:, SIZE // 2 + 9]  # between two teeth there may be a line
    teeth = np.flatnonzero(coloured(column, FLAT.teeth, 30))
    lip = teeth.max() + np.flatnonzero(coloured(column[teeth.max() :], FLAT.lower_lip, 10))
    assert len(teeth) >= 8
    assert 0 < lip.min() - teeth.max() <= 3 + FLAT.outline * VIEW.scale  # nothing but the lip's outline between them
    assert not coloured(column[teeth.min() : teeth.max()], FLAT.mouth, 10).any()


def test_a_tongue_is_seen_in_th_and_l_and_in_no_other() -> None:
    def tongue(points: np.ndarray, articulators: np.ndarray | None) -> int:
        blue = replace(FLAT, tongue=(0, 0, 255))
        return int(coloured(paint(points, articulators, palette=blue), blue.tongue, 60).sum())

    small, shut = mouth([0.05])[0], mouth([0.0])[0]
    assert tongue(small, None) == tongue(small, row(protrusion=1)) == tongue(shut, row()) == 0
    assert tongue(small, row(tongue_between=1)) > 150
    assert tongue(small, row(tongue_up=1)) > 80
    assert tongue(small, row(biting=1)) == 0


@pytest.mark.parametrize("size", [90, 180, 360, 720])
@pytest.mark.parametrize("gap", [0.0, 0.008, -0.01])
def test_a_shut_mouth_is_a_thin_line(size: int, gap: float) -> None:
    scale = VIEW.scale * size / SIZE
    picture = paint(mouth([gap])[0], row(), size, WARM)
    dark = picture.sum(-1) < 0.5 * (sum(WARM.mouth) + sum(WARM.upper_lip))
    thick = dark[:, size // 3 : -size // 3].sum(0)
    wanted = max(SEAM * scale, 0.8)
    assert thick.max() <= wanted + 2
    assert thick.min() >= 1 if size > 90 else thick.mean() > 0  # no gap in it
    runs = np.diff(dark[:, size // 2].astype(int), prepend=0)
    assert (runs == 1).sum() <= 1  # one line, not two


def test_results_without_phones_draw_what_is_there() -> None:
    wide = mouth([0.2])[0]
    assert np.array_equal(paint(wide, None), paint(wide, row()))
    assert (paint(wide, row(protrusion=1)) != paint(wide, None)).any()


# Blinks and heads


def test_blinks_close_and_come_back_at_a_natural_rate() -> None:
    curve = blink_curve(60 * 60 * 10, 60.0)  # ten minutes
    assert curve.min() == 0
    assert curve.max() == pytest.approx(1, abs=0.01)
    starts = np.flatnonzero((curve[1:] > 0) & (curve[:-1] == 0))
    ends = np.flatnonzero((curve[1:] == 0) & (curve[:-1] > 0))
    assert 150 < len(starts) < 250  # 20 a minute
    seconds = (ends[: len(starts)] - starts[: len(ends)]) / 60
    assert seconds.min() > 0.13
    assert seconds.max() < 0.27
    assert np.diff(starts).min() / 60 > 1.1
    assert blink_curve(63, 25).max() > 0.9  # a short film has one, too
    assert np.array_equal(blink_curve(500, 25, 4), blink_curve(500, 25, 4))
    assert not np.array_equal(blink_curve(500, 25, 4), blink_curve(500, 25, 5))


def test_heads_sway_slowly_nod_with_the_mouth_and_can_be_still() -> None:
    openings = 0.1 * (1 - np.cos(np.arange(2000) * 2 * np.pi / 50))
    curves = head_curves(openings, 25, 1.0)
    assert curves.shape == (2000, 4)
    assert 0.4 < curves[:, 0].std() < 1.6
    speed = np.abs(np.diff(curves[:, :3], axis=0)).max(0)
    assert (speed < 0.25 * np.abs(curves[:, :3]).max(0)).all()
    assert np.corrcoef(curves[:, 3], openings)[0, 1] < -0.4
    assert np.array_equal(curves, head_curves(openings, 25, 1.0))
    assert not head_curves(openings, 25, 0.0).any()
    assert np.allclose(head_curves(openings, 25, 0.5), curves / 2)
