"""Lips on a face: finding it, carrying lips over, moving the picture, and the film."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import as_result, skip_without
from PIL import Image

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.face import eyes, render, sighting
from phonolips.face import person as film_face
from phonolips.face import warp as face_warp
from phonolips.face.cavity import Cavity, shows_teeth, smooth_ring, white_of_eyes
from phonolips.face.person import Face, read_face
from phonolips.face.render import draw_on_face, play_along, render_face
from phonolips.face.track import track_video
from phonolips.lips.articulators import ARTICULATORS
from phonolips.lips.measures import opening, width
from phonolips.lips.points import INNER_RING, MEDIAPIPE40, MEDIAPIPE_INNER, MEDIAPIPE_LIPS
from phonolips.lips.shapes import close_lips, rest_lips, transfer
from phonolips.lips.shaping import Mouth, shape_lips
from phonolips.media import video as io
from phonolips.synth.result import Result

skip_without("face")

FRAMES = 20


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """NASA's portrait of Eileen Collins, in the public domain; it comes with scikit-image."""
    from skimage.data import astronaut

    return astronaut()


@pytest.fixture(scope="module")
def photo(portrait, tmp_path_factory) -> Path:
    return save(portrait, tmp_path_factory.mktemp("face") / "portrait.png")


@pytest.fixture(scope="module")
def face(photo) -> Face:
    return read_face(photo)


@pytest.fixture(scope="module")
def film(portrait, tmp_path_factory) -> Path:
    """A film of the portrait that moves by a pixel a frame, 20 frames at 25 a second."""
    path = tmp_path_factory.mktemp("film") / "portrait.mp4"
    views = (portrait[:400, at : at + 400] for at in range(FRAMES))
    io.write_video(path, views, 25)
    return path


@pytest.fixture(scope="module")
def filmed(film) -> Face:
    return read_face(film)


def save(picture: np.ndarray, path: Path) -> Path:
    Image.fromarray(np.ascontiguousarray(picture)).save(path)
    return path


def opened(rest: np.ndarray, openings: np.ndarray) -> np.ndarray:
    """Open a shut mouth by lowering the lower lip; (frames,) units -> (frames, 40, 2)."""
    lips = np.repeat(rest[None], len(openings), axis=0)
    arch = np.sin(np.pi * np.arange(1, 10) / 10)
    for ring in (0, 20):
        lips[:, ring + 1 : ring + 10, 1] -= np.asarray(openings)[:, None] * arch
    return lips


def wave(frames: int, most: float = 0.25) -> np.ndarray:
    """Four mouth movements between shut and open."""
    return most * (0.5 - 0.5 * np.cos(np.linspace(0, 8 * np.pi, frames)))


# Lips of one mouth on another


def test_closing_keeps_the_lips_thickness(face):
    shut = close_lips(face.lips)[0]
    own = face.lips[0]
    assert opening(own) > 0.1
    assert np.allclose(shut[35:40:1, 1], shut[25:20:-1, 1])  # the inner lips touch, from the middle to one corner
    assert opening(shut) == pytest.approx(0, abs=1e-9)
    for inner, outer in ((25, 5), (35, 15)):
        assert shut[outer] - shut[inner] == pytest.approx(own[outer] - own[inner])


def test_lips_of_the_same_mouth_stay_as_they_are(face):
    lips = opened(face.rest, wave(30))
    assert np.allclose(transfer(lips, rest_lips(lips)), lips)


def test_transfer_keeps_openings_and_never_crosses(face):
    other = face.rest * (1.2, 0.8) + (0.05, -0.1)
    lips = opened(other, wave(30))
    carried = transfer(lips, face.rest)
    assert np.allclose(opening(carried), opening(lips))
    assert np.allclose(rest_lips(carried), face.rest, atol=1e-3)
    pressed = lips.copy()
    pressed[:5, 21:30, 1] += 0.05  # the lower lip above the upper one
    inner = transfer(pressed, face.rest)[:, list(INNER_RING)]
    assert (inner[:, :10:-1, 1] - inner[:, 1:10, 1]).min() > -1e-9


def test_sideways_movement_is_scaled_by_the_mouths_widths(face):
    lips = opened(face.rest * (0.8, 1.0), wave(30))
    lips[10, :, 0] *= 1.1
    carried = transfer(lips, face.rest)
    assert width(carried[10]) / width(face.rest) == pytest.approx(1.1, rel=0.01)


@pytest.mark.parametrize("lips", [np.zeros((5, 20, 2)), np.zeros((0, 40, 2)), np.full((5, 40, 2), np.nan)])
def test_lips_that_cannot_be_put_on_a_face(lips):
    with pytest.raises(InputError):
        rest_lips(lips)


# The mesh and the warp


def test_the_skin_follows_the_lips_and_stops_at_nose_and_rim(face):
    shape = face.space.forward(face.points_px.astype(float))[0]
    skin = face_warp.Skin.fit(shape)
    points = face_warp.add_rim(face.points_px[0].astype(float))
    by = opened(face.rest, np.array([0.2]))[0] - face.rest
    axis = complex(face.space.axis[0])
    moved = skin.move(points, by, axis) - points
    assert np.allclose(moved[face_warp.MESH_POINTS :], 0, atol=1e-9)
    heights = face_warp.add_rim(shape)[:, 1]
    assert np.allclose(moved[heights >= heights[face_warp.NOSE_BASE]], 0, atol=1e-6)
    down = -(moved[:, 0] + 1j * moved[:, 1]) / axis  # units, y down is imaginary minus
    drop = -by[list(face_warp.LOWER_LIP_MIDDLE), 1].mean()
    assert -down[152].imag == pytest.approx(face_warp.JAW_SHARES[152] * drop)
    assert 0.15 * drop < -down[202].imag < 0.7 * drop  # beside the chin, between lip and jaw
    lips = moved[list(MEDIAPIPE_LIPS)]
    assert np.allclose((lips[:, 0] + 1j * lips[:, 1]) / axis, by[:, 0] - 1j * by[:, 1])


def test_the_warp_carries_pixels_to_where_the_mesh_says(face):
    points = face_warp.add_rim(face.points_px[0].astype(float))
    target = points.copy()
    target[199] += (3.0, 5.0)  # the chin
    picture = np.zeros((512, 512, 3), np.uint8)
    x, y = np.round(points[199]).astype(int)
    picture[y - 1 : y + 2, x - 1 : x + 2] = 255
    light = np.argwhere(face_warp.warp(picture, points, target)[..., 0] > 128)
    assert light.mean(0)[::-1] == pytest.approx((x + 3, y + 5), abs=2.0)


def test_a_mesh_that_does_not_move_changes_nothing(face, portrait):
    points = face_warp.add_rim(face.points_px[0].astype(float))
    assert np.array_equal(face_warp.warp(portrait, points, points), portrait)


def test_only_the_lower_face_changes(face, portrait):
    result = next(draw_on_face(face, opened(face.rest, np.array([0.25])), 25))
    rows = np.flatnonzero((result != portrait).any((1, 2)))
    rim = face_warp.add_rim(face.points_px[0].astype(float))
    assert rows.min() > face.points_px[0, [145, 374], 1].max() + 10  # below the eyes
    assert rows.max() <= rim[:, 1].max() + 2


def test_the_triangles_cover_the_face_once():
    corners = face_warp.triangles()
    edges = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]), axis=1)
    counts = np.unique(edges, axis=0, return_counts=True)[1]
    assert counts.max() == 2
    assert (counts == 1).sum() == len(face_warp.face_outline()) + 2 * 16  # the rim, and around the eyes


def test_frontality():
    shape = np.zeros((478, 2))
    shape[33], shape[263] = (-1, 0), (1, 0)
    shape[234], shape[454] = (-1.5, 0), (1.5, 0)
    assert face_warp.frontality(shape) == 1
    shape[face_warp.NOSE_TIP] = (0.5, 0)
    assert face_warp.frontality(shape) == pytest.approx(0.5)
    shape[face_warp.NOSE_TIP] = (1.7, 0)
    assert face_warp.frontality(shape) == 0


# The inside of the mouth


def test_a_smile_shows_teeth_and_shut_lips_do_not(face, portrait):
    white = white_of_eyes(portrait, face.points_px[0])
    ring = face.points_px[0, list(MEDIAPIPE_INNER)]
    assert shows_teeth(portrait, ring, white)
    dark = portrait // 4
    assert not shows_teeth(dark, ring, white)


def test_teeth_stay_with_the_skull_and_are_tinted(face, portrait):
    rest, axis = face.rest, 200 + 0j
    cavity = Cavity.drawn(rest, np.array([220, 180, 120]), abs(axis))
    pictures = []
    for gap in (0.2, 0.3):
        picture = np.full((300, 300, 3), 128, np.uint8)
        cavity.paint(picture, opened(rest, np.array([gap]))[0], 150 + 100j, axis, 1.0)
        pictures.append(picture)
    teeth = [np.argwhere(picture[..., 0] > 160) for picture in pictures]
    assert min(map(len, teeth)) > 50
    assert teeth[0][:, 0].max() == pytest.approx(teeth[1][:, 0].max(), abs=1)
    colour = pictures[0][tuple(teeth[0].T)].mean(0)
    assert colour[0] > colour[1] > colour[2] + 20
    ring = smooth_ring(opened(rest, np.array([0.3]))[0, list(INNER_RING)])
    low = 100 - 200 * ring[:, 1].min()
    assert pictures[1][round(low) - 12, 150].max() < 110  # dark between the teeth and the lower lip
    assert (pictures[1][round(low) + 3 :] == 128).all()


# Reading a face


def test_a_photo(face):
    assert len(face) == 1
    assert face.size == (512, 512)
    assert face.turn == 0
    assert face.points_px.shape == (1, 478, 2)
    assert opening(face.lips[0]) > 0.1  # she smiles
    assert opening(face.rest) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_photo_is_found_and_stays_turned(turn, face, portrait, tmp_path):
    turned = read_face(save(np.rot90(portrait, turn), tmp_path / "turned.png"))
    assert turned.turn == (4 - turn) % 4
    assert np.abs(turned.lips - face.lips).max() < 0.03
    result = next(draw_on_face(turned, turned.rest[None], 25))
    upright = next(draw_on_face(face, face.rest[None], 25))
    assert np.abs(np.rot90(result, -turn).astype(int) - upright).mean() < 1


@pytest.mark.parametrize("degrees", [45, -40])
def test_a_tilted_photo(degrees, face, portrait, tmp_path):
    tilted = Image.fromarray(portrait).rotate(degrees, Image.Resampling.BICUBIC)
    found = read_face(save(np.asarray(tilted), tmp_path / "tilted.png"))
    assert np.degrees(np.angle(found.space.axis[0] / face.space.axis[0])) == pytest.approx(-degrees, abs=4)
    assert np.abs(found.lips - face.lips).max() < 0.06


def test_the_orientation_that_a_camera_wrote_is_obeyed(face, portrait, tmp_path):
    path = tmp_path / "camera.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    Image.fromarray(np.ascontiguousarray(np.rot90(portrait))).save(path, exif=exif, quality=95)
    found = read_face(path)
    assert found.turn == 0
    assert np.abs(found.lips - face.lips).max() < 0.03


def test_of_three_faces_the_largest_is_taken(portrait, tmp_path):
    small = np.full((512, 360, 3), 255, np.uint8)
    small[76:436] = np.asarray(Image.fromarray(portrait).resize((360, 360)))
    path = save(np.concatenate([small, portrait, small], axis=1), tmp_path / "three.png")
    with pytest.warns(PhonolipsWarning, match="3 faces; the largest"):
        found = read_face(path)
    assert 360 < found.space.origin[0].real < 360 + 512


def test_no_face(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    with pytest.raises(InputError, match=r"noise\.png: no face found"):
        read_face(save(noise, tmp_path / "noise.png"))
    film = tmp_path / "noise.mp4"
    io.write_video(film, [noise] * 4, 25)
    with pytest.raises(InputError, match=r"noise\.mp4: a face was found in 0 of 4 frames"):
        read_face(film)


def test_a_mouth_of_too_few_pixels(portrait, tmp_path):
    small = np.asarray(Image.fromarray(portrait).resize((128, 128)))
    with pytest.raises(InputError, match="pixels wide; expected at least 12"):
        read_face(save(small, tmp_path / "small.png"))


def test_a_large_photo_is_reduced(portrait, tmp_path):
    large = Image.fromarray(portrait).resize((2400, 2400))
    found = read_face(save(np.asarray(large), tmp_path / "large.jpg"))
    assert found.size == (1920, 1920)


@pytest.mark.parametrize(("front", "said"), [(0.05, "from the side"), (0.3, "turned away")])
def test_a_profile(front, said, photo, monkeypatch):
    monkeypatch.setattr(film_face, "frontality", lambda points: np.array([front]))
    if front < film_face.LEAST_FRONTALITY:
        with pytest.raises(InputError, match=said):
            read_face(photo)
    else:
        with pytest.warns(PhonolipsWarning, match=said):
            read_face(photo)


def test_what_is_no_picture(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_face(tmp_path / "none.png")
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    with pytest.raises(InputError, match="not a readable picture"):
        read_face(text)
    with pytest.raises(InputError, match="not a readable video"):
        read_face(text.rename(tmp_path / "text.mp4"))


def test_a_video_and_its_head_motion(filmed, face):
    assert len(filmed) == FRAMES
    assert filmed.fps == 25
    assert filmed.size == (400, 400)
    moved = np.diff(filmed.space.origin.real)
    assert moved[5:-5].mean() == pytest.approx(-1, abs=0.2)
    assert np.abs(np.median(filmed.lips, 0) - face.lips[0]).max() < 0.06


def test_pictures_without_the_face_are_filled_in_and_said(film, portrait, tmp_path):
    frames = list(io.read_frames(film))[:12]
    frames[5] = frames[6] = np.full_like(frames[0], 128)
    io.write_video(tmp_path / "gap.mp4", frames, 25)
    with pytest.warns(PhonolipsWarning, match="no face in 2 of 12 pictures"):
        found = read_face(tmp_path / "gap.mp4")
    assert np.flatnonzero(~found.detected).tolist() == [5, 6]
    assert np.isfinite(found.points_px).all()
    assert sum(1 for _ in draw_on_face(found, np.repeat(found.rest[None], 12, 0), 25)) == 12


def test_boxes_of_the_same_face_count_once():
    boxes = [np.array(box, float) for box in ((0, 0, 10, 10), (1, 1, 12, 12), (30, 0, 38, 8))]
    assert sighting._distinct(boxes).tolist() == [[1, 1, 12, 12], [30, 0, 38, 8]]


# Which picture, and getting it


def test_a_video_is_played_to_its_end_and_then_to_and_fro(filmed):
    chosen = play_along(filmed, 100, 25)
    assert chosen[:FRAMES].tolist() == list(range(FRAMES))
    assert set(np.abs(np.diff(chosen))) == {1}
    assert chosen.min() == 0
    assert chosen.max() == FRAMES - 1
    assert play_along(filmed, 10, 50).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_a_long_video_swings_over_what_is_in_memory(filmed, monkeypatch):
    monkeypatch.setattr(film_face, "MOST_KEPT_BYTES", 6 * 3 * 400 * 400)
    chosen = play_along(filmed, 100, 25)
    assert chosen[FRAMES:].min() == FRAMES - 6
    assert set(np.abs(np.diff(chosen))) == {1}


def test_a_photo_and_a_single_picture_stand_still(face, filmed):
    assert not play_along(face, 7, 25).any()
    single = replace(filmed, points_px=filmed.points_px[:1], detected=filmed.detected[:1])
    assert not play_along(single, 7, 25).any()


def test_pictures_in_any_order(filmed, film, monkeypatch):
    frames = list(io.read_frames(film))
    order = [0, 5, 4, 19, 18, 2, 2, 3]
    assert all(np.array_equal(frames[at], picture) for at, picture in zip(order, filmed.pictures(order), strict=True))
    monkeypatch.setattr(film_face, "MOST_KEPT_BYTES", 1)  # two pictures at most
    assert all(np.array_equal(frames[at], picture) for at, picture in zip(order, filmed.pictures(order), strict=True))


# Drawing


def test_own_lips_give_the_own_picture(face, portrait):
    result = next(draw_on_face(face, face.lips, 25))
    assert np.abs(result.astype(int) - portrait).max() <= 1


def test_a_smile_is_shut_and_opened(face, portrait, tmp_path):
    shut, wide = draw_on_face(face, opened(face.rest, np.array([0.0, 0.25])), 25)
    again = read_face(save(shut, tmp_path / "shut.png"))
    assert opening(again.lips[0]) < 0.03
    assert opening(read_face(save(wide, tmp_path / "wide.png")).lips[0]) == pytest.approx(0.25, abs=0.06)
    # No teeth are left between the lips: nothing there is lighter than the lips themselves were.
    white = white_of_eyes(portrait, face.points_px[0])
    line = again.points_px[0, list(MEDIAPIPE_INNER)]
    x, y = np.round(line[[23 - 20, 25 - 20, 27 - 20]]).astype(int).T
    assert (shut[y, x] @ np.array([0.299, 0.587, 0.114]) < 0.8 * white.mean()).all()


@pytest.mark.parametrize("chosen", [[0, 1], [-1, 0, 0], [0, 0, 20]])
def test_source_pictures_that_are_not_there(chosen, filmed):
    with pytest.raises(InputError, match="source_frames"):
        draw_on_face(filmed, np.repeat(filmed.rest[None], 3, 0), 25, source_frames=np.array(chosen))


def test_source_pictures_can_be_given(filmed, film):
    frames = list(io.read_frames(film))
    chosen = np.array([3, 3, 12])
    results = draw_on_face(filmed, filmed.lips[chosen], 25, source_frames=chosen)
    assert all(np.abs(result.astype(int) - frames[at]).max() <= 1 for at, result in zip(chosen, results, strict=True))


# What the phones add, and what a face does of itself


def added(**values: float) -> np.ndarray:
    return np.array([[values.get(name, 0.0) for name in ARTICULATORS]], np.float32)


def test_a_smile_rounds_and_its_corners_come_down(face, tmp_path):
    lips = opened(face.rest, np.array([0.08]))
    plain, rounded = (next(draw_on_face(face, lips, 25, articulators=row)) for row in (added(), added(protrusion=1)))
    before, after = (
        read_face(save(picture, tmp_path / f"{name}.png")).lips[0]
        for name, picture in (("plain", plain), ("rounded", rounded))
    )
    assert width(face.rest) > 0.95
    assert width(after) < 0.87 * width(before)
    corners = [MEDIAPIPE40.outer.left, MEDIAPIPE40.outer.right]
    assert after[corners, 1].mean() < before[corners, 1].mean() - 0.005


def test_teeth_stand_on_a_biting_lip_and_the_tongue_is_seen(face):
    rest, axis = face.rest, 200 + 0j
    white = np.array([220, 220, 220])
    cavity = Cavity.drawn(rest, white, abs(axis))
    lips = {}
    for name in ("biting", "tongue_between", "tongue_up", "protrusion"):
        row = added(**{name: 1})
        shaped = shape_lips(opened(rest, np.array([0.1])), row, Mouth.of(rest))[0]
        picture = np.full((300, 300, 3), 128, np.uint8)
        cavity.paint(picture, shaped, 150 + 100j, axis, 1.0, row[0])
        ring = 100 - 200 * smooth_ring(shaped[list(INNER_RING)])[:, 1]
        lips[name] = picture.astype(int), ring.max()
    column, low = lips["biting"][0][:, 153], lips["biting"][1]
    teeth = np.flatnonzero(column.min(-1) > 115)
    assert len(teeth) > 4
    assert low - teeth.max() < 5  # nothing dark between them and the lower lip
    pink = {name: int(((p[..., 0] - p[..., 1] > 40) & (p[..., 0] > 110)).sum()) for name, (p, _) in lips.items()}
    assert min(pink["tongue_between"], pink["tongue_up"]) > pink["protrusion"] + 40
    assert pink["biting"] == 0


def test_blinks_close_both_lids_and_come_back(face, portrait):
    lips = np.repeat(face.lips, 3, axis=0)
    plain = list(draw_on_face(face, lips, 25))
    blinking = list(draw_on_face(face, lips, 25, blinks=np.array([0.0, 1.0, 0.0])))
    assert np.array_equal(blinking[0], plain[0])
    assert np.array_equal(blinking[2], plain[2])
    points = face.points_px[0]
    for eye in (0, 1):
        x, y = np.round((points[eyes.UPPER_MARGINS[eye][3]] + points[eyes.LOWER_MARGINS[eye][3]]) / 2).astype(int)
        pupil, lid = (picture[y - 2 : y + 3, x - 3 : x + 4].astype(int) for picture in (portrait, blinking[1]))
        assert np.ptp(lid.sum(-1)) < 0.6 * np.ptp(pupil.sum(-1))  # skin where black and white were
    rows = np.flatnonzero((blinking[1] != plain[1]).any((1, 2)))
    assert rows.max() < points[face_warp.NOSE_TIP, 1]
    gap = eyes.move_lids(points, 1.0)
    for upper, lower in zip(eyes.UPPER_MARGINS, eyes.LOWER_MARGINS, strict=True):
        assert np.allclose(gap[list(upper)], gap[list(lower)], atol=1e-3)
    assert eyes.eyes_are_open(points)
    assert not eyes.eyes_are_open(gap)  # eyes that are shut stay as they are


def test_a_head_moves_and_the_edges_of_its_picture_stay(face, portrait):
    curves = np.array([[0, 0, 0, 0], [1.5, 0, 0, 0], [0, 0, 0.1, 0]])
    still, rolled, right = draw_on_face(face, np.repeat(face.lips, 3, axis=0), 25, head=curves)
    assert np.abs(still.astype(int) - portrait).max() <= 1
    for moved in (rolled, right):
        assert (moved != still).any()
        for edge in (np.s_[:2], np.s_[-2:], np.s_[:, :2], np.s_[:, -2:]):
            assert np.array_equal(moved[edge], still[edge])
    assert np.median(np.abs(right[300:].astype(int) - still[300:])) == 0  # the body stays
    x, y = np.round(face.points_px[0, face_warp.NOSE_TIP]).astype(int)
    by = round(0.1 * abs(face.space.axis[0]))
    around = still[y - 20 : y + 20, x - 20 : x + 20].astype(int)
    shifts = [np.abs(right[y - 20 : y + 20, x - 20 + k : x + 20 + k] - around).mean() for k in range(9)]
    assert int(np.argmin(shifts)) == by


@pytest.mark.parametrize("name", ["articulators", "blinks", "head"])
def test_movements_of_another_length_are_refused(name, face):
    with pytest.raises(InputError, match=f"{name} of 2 frames; expected 1"):
        draw_on_face(face, face.lips, 25, **{name: np.zeros((2, 5))})


def test_eyes_of_a_photo_blink_and_those_of_a_video_do_not(face, filmed, tmp_path, monkeypatch):
    run = replace(run_of(opened(face.rest, wave(30)), 25), posteriors=np.eye(40, dtype=np.float32)[np.full(120, 34)])
    seen = []

    def drawn(person, lips, fps, **moves):
        seen.append(moves)
        yield from np.zeros((len(lips), 64, 64, 3), np.uint8)

    monkeypatch.setattr(render, "draw_on_face", drawn)
    for person, moves in (
        (face, {}), (face, {}), (face, {"seed": 3}), (face, {"blink": False, "head_motion": 0.4}), (filmed, {}),
        (filmed, {"blink": True}),
    ):  # fmt: skip
        render_face(run, person, tmp_path / "a.mp4", **moves)
    assert np.array_equal(seen[0]["blinks"], seen[1]["blinks"])
    assert not np.array_equal(seen[0]["blinks"], seen[2]["blinks"])
    assert [moves["blinks"] is None for moves in seen] == [False, False, False, True, True, False]
    assert [moves["head"] is None for moves in seen] == [True, True, True, False, True, True]
    assert all(moves["articulators"][:, 0].max() > 0.7 for moves in seen)
    with pytest.raises(InputError, match="head_motion 2; expected 0, still, to 1"):
        render_face(run, face, tmp_path / "a.mp4", head_motion=2)
    with pytest.raises(InputError, match="the head of a video moves as it does"):
        render_face(run, filmed, tmp_path / "a.mp4", head_motion=0.5)


# The film


def run_of(lips: np.ndarray, fps: float, sound: Path | None = None) -> Result:
    return as_result(Path("lips.npz"), lips.astype(np.float32), fps, "mediapipe40", None, None, sound)


def test_a_photo_speaks_in_step_with_its_sound(face, photo, tmp_path):
    import soundfile

    lips = opened(face.rest * (0.9, 1.1), wave(60))
    soundfile.write(tmp_path / "sound.wav", 0.1 * np.sin(np.arange(32_000) * 0.05), 16_000)
    out = render_face(run_of(lips, 30, tmp_path / "sound.wav"), photo, tmp_path / "new" / "face.mp4")
    info = io.probe(out)
    assert info.fps == 30
    assert info.has_audio
    assert info.audio_seconds == pytest.approx(2, abs=0.05)
    track = track_video(out)
    assert len(track.lips) == 60
    assert np.corrcoef(opening(track.lips), opening(lips))[0, 1] > 0.97
    assert opening(track.lips)[opening(lips) < 0.005].max() < 0.05


def test_a_video_keeps_its_own_rate(film, filmed, tmp_path):
    out = render_face(run_of(opened(filmed.rest, wave(60)), 50), film, tmp_path / "face.mp4")
    assert io.probe(out).fps == 25
    assert not io.probe(out).has_audio
    assert sum(1 for _ in io.read_frames(out)) == 30
    out = render_face(run_of(opened(filmed.rest, wave(8)), 25), film, tmp_path / "ntsc.mov", fps=29.97)
    assert io.probe(out).fps == Fraction(30000, 1001)


def test_refused_before_the_face_is_looked_for(face, tmp_path):
    run = run_of(opened(face.rest, wave(5)), 25)
    with pytest.raises(InputError, match="unknown kind of video"):
        render_face(run, tmp_path / "none.png", tmp_path / "out.avi")
    with pytest.raises(InputError, match="layout mediapipe40"):
        render_face(replace(run, lips=run.lips[:, :20]), tmp_path / "none.png", tmp_path / "out.mp4")


# Real clips


def test_lips_of_one_clip_on_another_clip_of_the_same_speaker(shared_data, tmp_path):
    source, other = (shared_data / "grid" / "s1" / f"{name}.mp4" for name in ("bbaf2n", "bbaf4p"))
    speaker = read_face(other)
    frames = list(io.read_frames(other))
    own = transfer(speaker.lips, speaker.rest)[:10]
    for frame, same in zip(frames, draw_on_face(speaker, own, 25), strict=False):
        assert ((frame.astype(float) - same) ** 2).mean() < 0.1  # 58 dB
    wanted = transfer(track_video(source).lips, speaker.rest)[:50]
    io.write_video(tmp_path / "out.mp4", draw_on_face(speaker, wanted, 25), 25)
    found = track_video(tmp_path / "out.mp4").lips
    assert np.corrcoef(opening(found), opening(wanted))[0, 1] > 0.94
    assert np.linalg.norm(found - wanted, axis=-1).mean() < 0.025
