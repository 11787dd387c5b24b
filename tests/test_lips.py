"""Mouth space and its inverse, layouts, measures, gaps, and the choice of the face."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import needs, skip_without

from phonolips.errors import InputError
from phonolips.face.mesh import FaceFollower
from phonolips.lips import curve, measures, points, shapes
from phonolips.lips.curve import LipCurve
from phonolips.lips.space import MouthSpace, fill_missing, fit_mouth_space
from phonolips.show.outline import POINTS_PER_SPAN, LipCurves
from phonolips.timebase import exact_fps


def anchors(frames: int = 20) -> np.ndarray:
    face = np.array(
        [(90, 100), (120, 101), (180, 99), (210, 100), (150, 98), (150, 110), (150, 120), (150, 130)], float
    )
    return np.repeat(face[None], frames, axis=0)


def moved(points: np.ndarray, scale: float, angle: float, shift: complex) -> np.ndarray:
    z = (points[..., 0] + 1j * points[..., 1]) * scale * np.exp(1j * angle) + shift
    return np.stack([z.real, z.imag], -1)


def test_forward_and_inverse_undo_each_other_exactly():
    rng = np.random.default_rng(0)
    space = MouthSpace(rng.normal(size=9) + 1j * rng.normal(size=9), rng.normal(size=9) + 2j)
    points = rng.uniform(0, 360, (9, 40, 2))
    assert np.allclose(space.inverse(space.forward(points)), points, atol=1e-9)
    shifted = space.shifted(np.array([0.3, -0.7]))
    assert np.allclose(shifted.forward(points), space.forward(points) - [0.3, -0.7], atol=1e-9)


def test_one_unit_is_the_eye_distance_x_right_y_up():
    space = fit_mouth_space(anchors(), 25)
    eyes_px = np.repeat(np.array([[(105.0, 100.5), (195.0, 99.5), (150.0, 10.0)]]), 20, axis=0)
    eyes = space.forward(eyes_px)[10]
    assert np.allclose(eyes[:2], [[-0.5, 0], [0.5, 0]], atol=1e-6)
    assert eyes[2, 1] > 0.9  # what is higher in the picture has a larger y


@pytest.mark.parametrize(("scale", "angle", "shift"), [(1, 0, 40 + 20j), (2.5, 0, 0), (1, 0.4, 0), (0.3, -0.7, 100j)])
def test_mouth_space_does_not_see_where_the_head_is(scale, angle, shift):
    one = np.random.default_rng(1).uniform(130, 170, (1, 40, 2)) + np.array([0, 60])
    mouth = np.repeat(one, 20, axis=0)
    plain = fit_mouth_space(anchors(), 25).forward(mouth)
    far = fit_mouth_space(moved(anchors(), scale, angle, shift), 25).forward(moved(mouth, scale, angle, shift))
    assert np.allclose(plain, far, atol=1e-9)


def test_the_drop_of_the_jaw_is_kept():
    mouth = np.repeat(np.full((1, 40, 2), 200.0), 20, axis=0)
    mouth[:, 20:30, 1] += np.linspace(0, 30, 20)[:, None]
    lips = fit_mouth_space(anchors(), 25).forward(mouth)
    assert lips[-1, 24, 1] - lips[0, 24, 1] == pytest.approx(-30 / 90, rel=1e-3)


def test_measures_and_layouts():
    rng = np.random.default_rng(0)
    lips = rng.normal(size=(5, 40, 2)).astype(np.float32)
    assert points.layout_of(lips) == "mediapipe40"
    twenty = points.to_ibug20(lips)
    assert twenty.shape == (5, 20, 2)
    assert np.allclose(measures.width(lips), measures.width(twenty))
    assert np.allclose(measures.opening(lips), measures.opening(twenty))
    assert len(set(points.IBUG20_FROM_MEDIAPIPE40)) == 20
    with pytest.raises(InputError, match="expected"):
        points.layout_of(lips[:, :39])


@needs("face")
def test_ibug20_runs_along_the_upper_lip_first(shared_data):
    from phonolips.face.track import track_video

    lips = points.to_ibug20(track_video(shared_data / "grid" / "s1" / "bbaf2n.mp4").lips).mean(0)
    assert lips[0, 0] < lips[3, 0] < lips[6, 0]  # left corner, middle, right corner
    assert lips[3, 1] > lips[9, 1]  # upper outer above lower outer
    assert lips[14, 1] >= lips[18, 1]  # upper inner above lower inner
    assert lips[3, 1] > lips[14, 1]


def test_gaps_are_filled_linearly_and_a_mostly_missing_clip_is_refused():
    points = np.arange(10.0)[:, None, None] * np.ones((1, 3, 2))
    detected = np.ones(10, bool)
    detected[[0, 4, 5]] = False
    broken = np.where(detected[:, None, None], points, np.nan)
    filled = fill_missing(broken, detected)
    assert np.allclose(filled[1:], points[1:])
    assert np.allclose(filled[0], points[1])
    with pytest.raises(InputError, match="4 of 10 frames"):
        fill_missing(points, np.arange(10) < 4)
    with pytest.raises(InputError, match="0 of 0"):
        fill_missing(points[:0], detected[:0])


def face(x: float, size: float) -> np.ndarray:
    return np.array([(x - size / 2, 100 - size / 2), (x + size / 2, 100 + size / 2)])


def test_the_largest_face_is_taken_and_then_followed():
    follower = FaceFollower(fps=25)
    small, large = face(50, 40), face(200, 80)
    assert follower.choose([small, large]) is large
    grown = face(50, 120)  # another face gets larger; ours stays
    assert follower.choose([grown, face(205, 78)])[0, 0] == pytest.approx(205 - 39)
    assert follower.choose([grown]) is None  # ours is gone: not detected, not another one
    assert follower.choose([]) is None
    for _ in range(12):
        follower.choose([])
    assert follower.choose([grown]) is grown  # long gone: take the largest there is


@needs("face")
def test_a_real_clip_is_found_in_every_frame(shared_data):
    from phonolips.face.track import track_video

    track = track_video(shared_data / "grid" / "s30" / "bwwy5n.mpg")
    assert track.lips.shape == (75, 40, 2)
    assert track.detected.all()
    assert 0.3 < measures.width(track.lips).mean() < 1.2
    assert measures.opening(track.lips).std() > 0.01


def test_a_video_without_a_face_is_refused(tmp_path):
    skip_without("face")
    from phonolips.face.track import track_video
    from phonolips.media.video import write_video

    rng = np.random.default_rng(0)
    write_video(tmp_path / "noise.mp4", (rng.integers(0, 255, (120, 160, 3), dtype=np.uint8) for _ in range(6)), 25)
    with pytest.raises(InputError, match="a face was found in 0 of 6 frames"):
        track_video(tmp_path / "noise.mp4")


def test_crossed_inner_lips_meet_in_the_middle():
    from phonolips.lips.shapes import uncross

    lips = np.zeros((1, 40, 2), np.float32)
    lips[0, 35, 1], lips[0, 25, 1] = -0.02, 0.04
    lips[0, 36, 1], lips[0, 24, 1] = 0.03, -0.01
    apart = uncross(lips)
    assert measures.opening(apart)[0] == pytest.approx(0.0)
    assert apart[0, 35, 1] == pytest.approx(0.01)
    assert np.array_equal(apart[0, [36, 24]], lips[0, [36, 24]])
    assert lips[0, 35, 1] == pytest.approx(-0.02)


def test_liveliness_widens_quick_movements_and_leaves_slow_ones():
    from phonolips.lips.liveliness import exaggerate

    times = np.arange(100) / 25
    for hertz, least, most in ((0.2, 1.0, 1.02), (4.0, 1.4, 1.51)):
        lips = np.zeros((100, 40, 2), np.float32)
        lips[:, 0, 0] = np.sin(2 * np.pi * hertz * times)
        ratio = exaggerate(lips, 0.5)[20:80, 0, 0].std() / lips[20:80, 0, 0].std()
        assert least <= ratio <= most
    assert exaggerate(lips, 0) is lips


def talking(frames: int, fps: float = 25.0) -> np.ndarray:
    """Make lips (frames, 40, 2) that open and shut three times a second, each at a height of its own."""
    angle = np.pi + np.arange(20) / 20 * 2 * np.pi
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    times = np.arange(frames) / fps
    gap = (0.1 - 0.1 * np.cos(2 * np.pi * 3 * times)) * (1 + 0.5 * np.sin(times))
    outer = ring * np.stack([np.full(frames, 0.4), 0.15 + gap / 2], 1)[:, None]
    inner = ring * np.stack([np.full(frames, 0.33), gap / 2], 1)[:, None]
    return np.concatenate([outer, inner], 1).astype(np.float32)


class TestLayouts:
    @pytest.mark.parametrize("name", points.LAYOUTS)
    def test_every_point_has_one_place(self, name):
        layout = points.LAYOUTS[name]
        for ring in (layout.outer, layout.inner):
            assert sorted((ring.left, ring.right, *ring.upper, *ring.lower)) == list(ring.points)
            assert len(ring.upper) == len(ring.lower)
            turn = ring.upper if layout.upper_first else ring.lower
            assert ring.points[1 : len(turn) + 1] == turn
        assert layout.outer.points + layout.inner.points == tuple(range(layout.points))

    def test_the_two_layouts_agree_on_the_mouth(self):
        """Read through ibug20's own table, every place is the native point that it was picked from."""
        native, picked = points.MEDIAPIPE40, points.IBUG20_FROM_MEDIAPIPE40
        for one, other in ((points.IBUG20.outer, native.outer), (points.IBUG20.inner, native.inner)):
            assert (picked[one.left], picked[one.right]) == (other.left, other.right)
            for half, whole in ((one.upper, other.upper), (one.lower, other.lower)):
                found = [whole.index(picked[point]) for point in half]
                assert found == sorted(found)  # all on the same lip, in the same direction
        assert tuple(picked[point] for point in points.IBUG20.inner_middle) == native.inner_middle

    def test_the_face_mesh_has_them_too(self):
        rings = (points.MEDIAPIPE_OUTER, *points.MEDIAPIPE_LIP_SKIN, points.MEDIAPIPE_INNER)
        assert {len(ring) for ring in rings} == {20}
        assert len({point for ring in rings for point in ring}) == 80


class TestCurve:
    @pytest.mark.parametrize(("fps", "source"), [(29.97, 25), (60, 25), (24, 30), (25, 25), (50, 29.97)])
    def test_block_by_block_is_the_same_as_whole(self, fps, source):
        lips = talking(700, source)
        seconds = 700 / float(exact_fps(source))
        whole = curve.resample_lips(lips, fps, seconds, source_fps=source)
        assert len(whole) > 2 * curve.BLOCK_FRAMES
        assert np.array_equal(np.stack(list(LipCurve(lips, source).frames(exact_fps(fps), len(whole)))), whole)

    def test_it_is_the_shape_preserving_cubic(self):
        """Hermite's cubic with Fritsch and Butland's slopes, written out for even spacing: a second way to it."""
        lips = talking(9)
        steps = np.diff(lips.astype(np.float64), axis=0)
        before, after = steps[:-1], steps[1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.where(before * after > 0, 2 / (1 / before + 1 / after), 0)
        share = 0.3
        bends = [2 * share**3 - 3 * share**2 + 1, share**3 - 2 * share**2 + share, 3 * share**2 - 2 * share**3]
        bends.append(share**3 - share**2)
        values = (lips[4], slopes[3], lips[5], slopes[4])
        expected = sum(bend * value for bend, value in zip(bends, values, strict=True))
        assert np.allclose(LipCurve(lips, 25).at(np.array([(4.5 + share) / 25]))[0], expected, atol=1e-7)

    def test_a_part_begins_where_it_should(self):
        lips = talking(100)
        part = np.stack(list(LipCurve(lips, 25).frames(Fraction(25), 30, start=1.0)))
        assert np.abs(part - lips[25:55]).max() < 1e-6
        between = next(LipCurve(lips, 25).frames(Fraction(25), 1, start=1.02))
        assert np.abs(between - (lips[25] + lips[26]) / 2).max() < 0.01

    def test_short_lips_are_held(self):
        lips = talking(100)
        assert np.array_equal(list(LipCurve(lips[:1], 25).frames(Fraction(30), 7)), np.repeat(lips[:1], 7, 0))
        two = np.stack(list(LipCurve(lips[:2], 25).frames(Fraction(30), 9)))
        assert np.array_equal(two[3:], np.repeat(lips[1:2], 6, 0))

    def test_a_shift_by_whole_frames_moves_frames(self):
        lips = talking(30)
        assert np.allclose(curve.shift_frames(lips, 2.0)[2:], lips[:-2], atol=1e-5)
        assert np.allclose(curve.shift_frames(lips, -3.0)[:-3], lips[3:], atol=1e-5)
        assert np.array_equal(curve.between_frames(lips, np.array([0.0, 4.0, 29.0])), lips[[0, 4, 29]])


class TestClosedMouth:
    def test_the_rules_differ_in_who_does_the_closing(self):
        lips = talking(50) + np.array([0, 0.1], np.float32)
        lips[:, points.MEDIAPIPE40.upper, 1] += 0.02  # never quite shut
        before = np.median(lips[shapes.least_open(measures.opening(lips))], axis=0)
        gap = float(measures.opening(before))
        lower, upper = points.MEDIAPIPE40.inner.lower[4], points.MEDIAPIPE40.inner.upper[4]
        face, blendshapes = shapes.rest_lips(lips), shapes.neutral_mouth(lips)
        for closed, share in ((face, shapes.LOWER_LIP_SHARE), (blendshapes, 1.0)):
            assert np.allclose(measures.inner_gaps(closed), 0, atol=1e-7)
            assert closed[lower, 1] - before[lower, 1] == pytest.approx(share * gap, abs=1e-6)
            assert before[upper, 1] - closed[upper, 1] == pytest.approx((1 - share) * gap, abs=1e-6)

    def test_crossed_lips_part_and_take_their_outer_edges_along_or_not(self):
        mouth = talking(1)[0].astype(np.float64)
        mouth[points.MEDIAPIPE40.inner.upper, 1] -= 0.04
        chin = points.MEDIAPIPE40.outer.lower[4]
        along, alone = (shapes.close_lips(mouth, lower_lip_share=1.0, part_outer=part) for part in (True, False))
        assert np.allclose(measures.inner_gaps(along), 0)
        assert np.allclose(measures.inner_gaps(alone), 0)
        assert along[chin, 1] == pytest.approx(mouth[chin, 1] - 0.04)
        assert alone[chin, 1] == mouth[chin, 1]

    def test_the_centre_and_the_width_are_those_of_the_least_open_fifth(self):
        lips = talking(100)
        fifth = lips[np.argsort(measures.opening(lips), kind="stable")[:20]]
        found = shapes.neutral_centre(lips, np.ones(100, bool))
        assert np.allclose(found, np.median(fifth.mean(1), axis=0), atol=1e-6)
        width = shapes.rest_width(measures.opening(lips), measures.width(lips))
        assert width == pytest.approx(np.median(measures.width(fifth)))
        assert shapes.closed_opening(np.arange(101.0), 0.05) == 5.0


class TestVectors:
    """The numbers that other implementations of these, such as a page's script, are held to as well."""

    vectors = json.loads((Path(__file__).parent / "vectors" / "lips.v1.json").read_text())

    def test_opening_and_width(self):
        for mouth in self.vectors["mouths"]:
            lips = np.array(mouth["points"])
            assert points.layout_of(lips) == mouth["layout"]
            assert measures.opening(lips) == pytest.approx(mouth["opening"], abs=1e-6)
            assert measures.width(lips) == pytest.approx(mouth["width"], abs=1e-6)

    def test_outline(self):
        outline = self.vectors["outline"]
        lips = np.array(self.vectors["mouths"][outline["of"]]["points"])
        assert outline["points_per_span"] == POINTS_PER_SPAN
        outer, inner = LipCurves(lips).rings(lips)
        assert np.allclose(outer, outline["outer"], atol=2e-6)
        assert np.allclose(inner, outline["inner"], atol=2e-6)
