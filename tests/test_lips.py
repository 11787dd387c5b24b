"""Mouth space and its inverse, layouts, measures, gaps, and the choice of the face."""

import numpy as np
import pytest

from phonolips.errors import InputError
from phonolips.face.mesh import FaceFollower
from phonolips.lips import measures, points
from phonolips.lips.space import MouthSpace, fill_missing, fit_mouth_space


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


def test_a_real_clip_is_found_in_every_frame(shared_data):
    from phonolips.face.track import track_video

    track = track_video(shared_data / "grid" / "s30" / "bwwy5n.mpg")
    assert track.lips.shape == (75, 40, 2)
    assert track.detected.all()
    assert 0.3 < measures.width(track.lips).mean() < 1.2
    assert measures.opening(track.lips).std() > 0.01


def test_a_video_without_a_face_is_refused(tmp_path):
    pytest.importorskip("mediapipe")
    from phonolips.face.track import track_video
    from phonolips.media.video import write_video

    rng = np.random.default_rng(0)
    write_video(tmp_path / "noise.mp4", (rng.integers(0, 255, (120, 160, 3), dtype=np.uint8) for _ in range(6)), 25)
    with pytest.raises(InputError, match="a face was found in 0 of 6 frames"):
        track_video(tmp_path / "noise.mp4")


def test_crossed_inner_lips_meet_in_the_middle():
    from phonolips.lips.motion import uncross

    lips = np.zeros((1, 40, 2), np.float32)
    lips[0, 35, 1], lips[0, 25, 1] = -0.02, 0.04
    lips[0, 36, 1], lips[0, 24, 1] = 0.03, -0.01
    apart = uncross(lips)
    assert measures.opening(apart)[0] == pytest.approx(0.0)
    assert apart[0, 35, 1] == pytest.approx(0.01)
    assert np.array_equal(apart[0, [36, 24]], lips[0, [36, 24]])
    assert lips[0, 35, 1] == pytest.approx(-0.02)


def test_liveliness_widens_quick_movements_and_leaves_slow_ones():
    from phonolips.lips.motion import exaggerate

    times = np.arange(100) / 25
    for hertz, least, most in ((0.2, 1.0, 1.02), (4.0, 1.4, 1.51)):
        lips = np.zeros((100, 40, 2), np.float32)
        lips[:, 0, 0] = np.sin(2 * np.pi * hertz * times)
        ratio = exaggerate(lips, 0.5)[20:80, 0, 0].std() / lips[20:80, 0, 0].std()
        assert least <= ratio <= most
    assert exaggerate(lips, 0) is lips
