"""Head pose, lips turned to the front, and the strict tracking of clips in the wild."""

import numpy as np
import pytest
from conftest import needs, skip_without, tool

from phonolips.errors import InputError
from phonolips.face import limits as rules
from phonolips.face import pose
from phonolips.face.limits import FaceLimits, Likeness
from phonolips.face.mesh import KEPT_POINTS, FaceFollower, Followed
from phonolips.face.track import save_track, track_video
from phonolips.media import video as io

SIDE, FRAMES = 256, 29
NOSE_TIP, LEFT_EYE, RIGHT_EYE = (pose.POSE_POINTS.index(point) for point in (1, 33, 263))


def turned_face(angles, scale=60.0, place=(128.0, 120.0, 3.0)):
    """Turn the face that looks at the camera, and put it into a picture; (frames, 37, 3)."""
    rotations = pose.angles_to_rotations(np.atleast_2d(angles))
    return scale * np.einsum("fij,pj->fpi", rotations, pose.FRONT) * pose.UPRIGHT + place


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 0, 0), (-45, 10, 5), (20, -25, 40), (60, 30, -170)])
def test_known_angles_come_back(angles):
    rotations = pose.fit_rotations(turned_face(angles))
    assert pose.rotations_to_angles(rotations)[0] == pytest.approx(angles, abs=1e-9)
    assert np.linalg.det(rotations[0]) == pytest.approx(1)
    noisy = turned_face([angles] * 50) + np.random.default_rng(0).normal(0, 1, (50, 37, 3))
    found = pose.rotations_to_angles(pose.fit_rotations(noisy))
    assert np.abs(found - angles).mean() < 1  # a pixel of noise at 60 pixels between the eyes


def test_signs_are_those_of_the_picture():
    front = turned_face((0, 0, 0))[0]
    assert turned_face((20, 0, 0))[0, NOSE_TIP, 0] > front[NOSE_TIP, 0] + 10  # to the right of the picture
    assert turned_face((0, 20, 0))[0, NOSE_TIP, 1] < front[NOSE_TIP, 1] - 10  # up, where y is smaller
    tilted = turned_face((0, 0, 20))[0]
    assert tilted[RIGHT_EYE, 1] < tilted[LEFT_EYE, 1] - 10  # anticlockwise: the right one is higher


def test_turning_to_the_front_undoes_yaw_and_nothing_else():
    angles = np.array([(35.0, 12.0, 8.0), (-20.0, -5.0, -30.0)])
    points = turned_face(angles)
    back = pose.turn_to_front(points, pose.fit_rotations(points), points[:, NOSE_TIP])
    np.testing.assert_allclose(back[:, NOSE_TIP], points[:, NOSE_TIP])
    found = pose.rotations_to_angles(pose.fit_rotations(back))
    np.testing.assert_allclose(found, angles * (0, 1, 1), atol=1e-9)
    wanted = turned_face(angles * (0, 1, 1))
    np.testing.assert_allclose(back - back[:, :1], wanted - wanted[:, :1], atol=1e-9)


def test_smoothing_leaves_a_still_head_and_calms_a_shaking_one():
    still = pose.angles_to_rotations(np.tile((25.0, 5.0, -3.0), (20, 1)))
    np.testing.assert_allclose(pose.smooth_rotations(still, 2), still, atol=1e-12)
    shaking = pose.angles_to_rotations(np.random.default_rng(1).normal(0, 5, (40, 3)))
    smooth = pose.smooth_rotations(shaking, 2)
    np.testing.assert_allclose(smooth @ np.swapaxes(smooth, 1, 2), np.tile(np.eye(3), (40, 1, 1)), atol=1e-12)
    assert pose.rotations_to_angles(smooth).std() < 0.6 * pose.rotations_to_angles(shaking).std()


def followed_face(frames=FRAMES, eyes=60.0, place=(128.0, 128.0), others=()):
    """A face that holds still, its eye corners and box where they belong; other faces in every frame."""
    points = np.zeros((frames, len(KEPT_POINTS), 3))
    points[:, 40:42, 0], points[:, 42:44, 0] = -eyes / 2, eyes / 2
    points[..., :2] += place
    box = np.tile((*place, 2.3 * eyes), (frames, 1))
    return Followed(points, np.ones(frames, bool), box, [np.array(others, float).reshape(-1, 3)] * frames)


def judge(followed, angles=(0, 0, 0), likeness=1.0, limits=None):
    watched, limits = Likeness(), limits or FaceLimits()
    watched.values, watched.size = [likeness] * len(followed.detected), (SIDE, SIDE)
    rules.check_found(followed, limits)
    rules.check_face(followed, np.tile(angles, (len(followed.detected), 1)), watched, limits)


def refusal(*arguments, **options):
    with pytest.raises(InputError) as caught:
        judge(*arguments, **options)
    return rules.kind_of(str(caught.value)), str(caught.value)


def test_every_kind_of_refusal():
    judge(followed_face())
    assert refusal(followed_face(20)) == ("short", "short: 20 frames; expected at least 25")
    lost = followed_face()
    lost.detected[5:] = False
    assert refusal(lost)[0] == "no face"
    assert refusal(followed_face(eyes=9))[0] == "low resolution"
    assert refusal(followed_face(), likeness=0.3)[0] == "cut"
    jump = followed_face()
    jump.points_px[15:, :, 0] += 70
    assert refusal(jump) == ("cut", "cut: the face jumps by 1.2 eye distances at frame 15; expected at most 0.5")
    assert refusal(followed_face(), angles=(-60, 0, 0))[0] == "profile"
    assert refusal(followed_face(), angles=(0, 45, 0))[1].startswith("profile: pitch 45")
    assert rules.kind_of("s1/clip.mp4: no such file") == ""


def test_a_second_face_matters_only_where_it_might_be_the_speaker():
    judge(followed_face(others=[(30, 128, 120)]))  # at the edge: the speaker is in the middle
    judge(followed_face(place=(80, 128), eyes=40, others=[(190, 128, 40)]))  # small, in the background
    judge(followed_face(others=[(135, 130, 130)]))  # the same face, found twice
    side_by_side = followed_face(place=(64, 128), eyes=40, others=[(192, 128, 90)])
    assert refusal(side_by_side)[0] == "several faces"
    side_by_side.others[: FRAMES // 2 + 1] = [np.zeros((0, 3))] * (FRAMES // 2 + 1)
    judge(side_by_side)  # in less than half of the frames


def test_where_the_largest_face_speaks_another_matters_by_its_size_alone():
    largest = FaceLimits(centred=False)
    far_out = followed_face(others=[(30, 128, 120)])
    judge(far_out)
    with pytest.raises(InputError, match=r"several faces: in .* another face is as large$"):
        judge(far_out, limits=largest)
    judge(followed_face(place=(80, 128), eyes=40, others=[(128, 128, 40)]), limits=largest)  # small, in the middle


def test_the_centred_face_is_followed_where_that_is_asked():
    middle, large = np.array([(110.0, 120.0), (150, 140)]), np.array([(0.0, 0.0), (90, 90)])
    assert FaceFollower(25).choose([middle, large], (SIDE, SIDE)) is large
    assert FaceFollower(25, centred=True).choose([large, middle], (SIDE, SIDE)) is middle


@needs("face")
def test_likeness_sees_a_cut_and_forgives_a_flash():
    random = np.random.default_rng(2)
    scene, other = (np.kron(random.integers(40, 160, (8, 8, 1)), np.ones((32, 32, 3))) for _ in range(2))
    watching = Likeness()
    frames = [scene, scene + 5, scene * 1.5, scene, other, np.full_like(scene, 90), scene]
    assert len(list(watching.watch(frame.astype(np.uint8) for frame in frames))) == len(frames)
    assert min(watching.values[:4]) > 0.98
    assert max(watching.values[4:]) < FaceLimits.least_likeness
    assert watching.size == (SIDE, SIDE)


@pytest.fixture(scope="module")
def crops(shared_data):
    """29 pictures of 256x256 of each of two speakers, the face in the middle."""
    skip_without("face")
    found = []
    for name, left in (("s1/bbaf2n.mp4", 36), ("s30/bwwy5n.mpg", 30)):
        pictures = list(io.read_frames(shared_data / "grid" / name))[20 : 20 + FRAMES]
        found.append([np.ascontiguousarray(picture[16 : 16 + SIDE, left : left + SIDE]) for picture in pictures])
    return found


@pytest.fixture(scope="module")
def clip(crops, tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "one.mp4"
    io.write_video(path, crops[0], 25)
    return path


def test_a_real_clip_is_tracked_the_same_whatever_was_before(clip, crops, tmp_path):
    first = track_video(clip, limits=FaceLimits())
    io.write_video(tmp_path / "other.mp4", crops[1], 25)
    track_video(tmp_path / "other.mp4", limits=FaceLimits())
    again = track_video(clip, limits=FaceLimits())
    assert first.lips.tobytes() == again.lips.tobytes()
    assert first.pose.tobytes() == again.pose.tobytes()

    assert first.pose.shape == (FRAMES, 3)
    assert np.abs(first.pose).max() < 15  # GRID's speakers look at the camera
    assert not first.frontalised
    np.testing.assert_array_equal(first.lips, track_video(clip).lips)  # from the front, strict is as ever
    save_track(again, tmp_path / "lips.npz")
    np.testing.assert_array_equal(np.load(tmp_path / "lips.npz")["pose"], again.pose)


def test_a_turned_face_has_its_yaw_and_is_turned_back(clip, crops, tmp_path):
    bench = tool("tools/bench/pose")
    meshes = bench.follow(crops[0], range(478)).points_px
    turned = [bench.turn_picture(*both, (25, 0, 0)) for both in zip(crops[0], meshes, strict=True)]
    io.write_video(tmp_path / "turned.mp4", turned, 25)
    io.write_video(tmp_path / "mirrored.mp4", (np.ascontiguousarray(picture[:, ::-1]) for picture in turned), 25)
    straight = track_video(clip)
    found, mirrored = (track_video(tmp_path / f"{name}.mp4", limits=FaceLimits()) for name in ("turned", "mirrored"))
    assert np.median(found.pose[:, 0] - straight.pose[:, 0]) == pytest.approx(25, abs=6)
    assert np.median(found.pose, 0) * (-1, 1, -1) == pytest.approx(np.median(mirrored.pose, 0), abs=4)
    assert found.frontalised
    assert mirrored.frontalised
    as_found = track_video(tmp_path / "turned.mp4")
    assert not as_found.frontalised
    error, error_as_found = (np.abs(track.lips - straight.lips).mean() for track in (found, as_found))
    assert error < 0.8 * error_as_found
    # The way back to pixels leads to a mouth as wide as the face in front has, in the place of the turned one.
    pixels, pixels_as_found = (track.space.inverse(track.lips) for track in (found, as_found))
    np.testing.assert_allclose(pixels.mean((0, 1)), pixels_as_found.mean((0, 1)), atol=1)
    assert np.ptp(pixels[..., 0], axis=1).mean() > 1.03 * np.ptp(pixels_as_found[..., 0], axis=1).mean()


def small_face(pictures, side):
    import cv2

    shrunk = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in pictures]
    at = (SIDE - side) // 2
    return [np.pad(picture, ((at, SIDE - side - at),) * 2 + ((0, 0),), mode="edge") for picture in shrunk]


@pytest.mark.parametrize("kind", ["no face", "several faces", "cut", "low resolution", "short", "unreadable"])
def test_broken_clips_are_refused_by_kind(kind, crops, clip, tmp_path):
    one, other = crops
    path = tmp_path / "broken.mp4"
    if kind == "unreadable":
        path.write_bytes(clip.read_bytes()[:2000])
    else:
        half = slice(SIDE // 4, SIDE * 3 // 4)
        pictures = {
            "no face": [np.full_like(picture, 90) for picture in one],
            "several faces": [np.concatenate([a[:, half], b[:, half]], 1) for a, b in zip(one, other, strict=True)],
            "cut": [*one[:15], *other[15:]],
            "low resolution": small_face(one, 56),
            "short": one[:20],
        }[kind]
        io.write_video(path, pictures, 25)
    with pytest.raises(InputError) as caught:
        track_video(path, limits=FaceLimits())
    assert rules.kind_of(str(caught.value)) == kind, str(caught.value)
