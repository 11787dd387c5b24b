"""Drawn lips: what is where in the picture, and how the drawing holds up with odd lips."""

from pathlib import Path

import numpy as np
import pytest

from phonolips.errors import InputError
from phonolips.lips.points import to_ibug20
from phonolips.media import video as io
from phonolips.show import drawing as render
from phonolips.show import outline as curves
from phonolips.show.mouth import MouthPainter
from phonolips.show.palette import FLAT, PALETTES, WARM, read_palette


def ellipse(half_width: float, half_height: float) -> np.ndarray:
    """Make a ring from the left corner along the lower lip and back; (20, 2), y up."""
    angle = np.pi + np.arange(20) / 20 * 2 * np.pi
    return np.column_stack([half_width * np.cos(angle), half_height * np.sin(angle)])


def mouth(openings: np.ndarray) -> np.ndarray:
    """Make lips (frames, 40, 2) whose inner ring is as high as `openings`."""
    frames = [np.concatenate([ellipse(0.4, 0.15 + gap / 2), ellipse(0.33, gap / 2)]) for gap in openings]
    return np.stack(frames).astype(np.float32)


def share_of(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    """Measure the share of pixels of one colour."""
    return float((np.abs(picture.astype(int) - colour).max(-1) < 4).mean())


@pytest.mark.parametrize("layout", ["mediapipe40", "ibug20"])
def test_lips_are_drawn_upright_in_the_middle_and_open(layout: str) -> None:
    lips = mouth(np.array([0.0, 0.1, 0.3]))
    lips = to_ibug20(lips) if layout == "ibug20" else lips
    pictures = list(render.draw_lips(lips, size=(200, 160), palette=FLAT))
    assert [picture.shape for picture in pictures] == [(160, 200, 3)] * 3
    assert pictures[0].dtype == np.uint8
    dark = [share_of(picture, FLAT.mouth) for picture in pictures]
    assert dark[0] < 0.01 < dark[1] < dark[2]
    for picture in pictures:
        assert tuple(picture[2, 2]) == FLAT.skin
        drawn = np.argwhere(np.abs(picture.astype(int) - FLAT.skin).max(-1) > 20)
        assert np.abs(drawn.mean(0) - (80, 100)).max() < 6
        upper = np.argwhere(np.abs(picture.astype(int) - FLAT.upper_lip).max(-1) < 4)
        lower = np.argwhere(np.abs(picture.astype(int) - FLAT.lower_lip).max(-1) < 4)
        assert upper[:, 0].mean() + 10 < lower[:, 0].mean()
    teeth = np.argwhere(np.abs(pictures[2].astype(int) - FLAT.teeth).max(-1) < 4)
    assert len(teeth)
    assert teeth[:, 0].min() < 80
    assert share_of(pictures[0], FLAT.teeth) == 0


@pytest.mark.parametrize("palette", ["warm", "dark"])
def test_light_falls_on_the_lower_lip_and_not_far_from_the_mouth(palette: str) -> None:
    colours = PALETTES[palette]
    picture = next(render.draw_lips(mouth(np.array([0.0])), size=(240, 240), palette=colours)).astype(int)
    column = picture[:, 120].sum(-1)
    upper, lower = column[102:116], column[124:138]
    assert lower.max() > upper.max() + 30
    assert (np.diff(lower) > 0).any()
    assert (np.diff(lower) < 0).any()
    assert lower.max() > picture[124:138, 50].sum(-1).max() + 60  # less light at the corners
    assert (picture[:20] == colours.skin).all()
    assert (picture[-20:] == colours.skin).all()
    assert (picture[:, :4] == colours.skin).all()


def test_shading_holds_at_every_size() -> None:
    lips = mouth(np.array([0.15]))
    small = next(render.draw_lips(lips, size=(90, 90))).astype(float)
    large = next(render.draw_lips(lips, size=(720, 720))).astype(float)
    assert np.abs(large.reshape(90, 8, 90, 8, 3).mean((1, 3)) - small).mean() < 3


def test_tongue_and_lower_teeth_show_only_in_wide_mouths() -> None:
    closed, wide = (MouthPainter(mouth(np.array([gap])), (300, 300), FLAT) for gap in (0.04, 0.3))
    narrow, open_ = (
        np.asarray(painter.paint(mouth(np.array([gap]))[0])) for painter, gap in ((closed, 0.04), (wide, 0.3))
    )
    assert share_of(narrow, FLAT.tongue) == 0
    assert share_of(open_, FLAT.tongue) > 0.002
    teeth = np.argwhere(np.abs(open_.astype(int) - FLAT.teeth).max(-1) < 4)[:, 0]
    assert teeth.min() < 140 < 160 < teeth.max()


def test_palettes_are_read_and_changed() -> None:
    assert read_palette("dark") is not WARM
    mine = read_palette("warm, skin=#ffFF00, teeth=#000102")
    assert (mine.skin, mine.teeth, mine.mouth) == ((255, 255, 0), (0, 1, 2), WARM.mouth)
    picture = next(render.draw_lips(mouth(np.array([0.1])), palette=mine))
    assert tuple(picture[0, 0]) == (255, 255, 0)
    for text, message in (
        ("pink", "'pink' is not known; expected one of warm, dark, line, flat"),
        ("warm,nose=#ffffff", "'nose' has no colour"),
        ("warm,skin=red", "expected a colour such as"),
        ("warm,outline=#000000", "'outline' has no colour"),
    ):
        with pytest.raises(InputError, match=message):
            read_palette(text)


def test_both_directions_of_the_rings_look_the_same() -> None:
    lips = mouth(np.array([0.05, 0.2]))
    backwards = lips.copy()
    backwards[:, 1:20] = lips[:, 19:0:-1]
    backwards[:, 21:40] = lips[:, 39:20:-1]
    for one, other in zip(render.draw_lips(lips), render.draw_lips(backwards), strict=True):
        assert (np.abs(one.astype(int) - other).max(-1) > 30).mean() < 0.003


def test_one_wild_frame_does_not_shrink_the_clip() -> None:
    calm = mouth(np.full(100, 0.1))
    limits = calm.copy()
    limits[50] *= 20
    assert render.fit_view(limits).scale == pytest.approx(render.fit_view(calm).scale)
    assert len(list(render.draw_lips(limits))) == 100


def test_scale_is_fixed_over_the_clip_and_shared_with_a_view() -> None:
    lips = mouth(np.array([0.0, 0.4]))
    view = render.fit_view(lips)
    alone = next(render.draw_lips(lips[:1], view=view))
    together = next(render.draw_lips(lips, view=view))
    assert (np.abs(alone.astype(int) - together).max(-1) > 30).mean() < 0.01


def test_captions_are_drawn_and_counted() -> None:
    lips = mouth(np.array([0.1, 0.1]))
    plain, written = render.draw_lips(lips, captions=["", "AH"])
    changed = np.argwhere((plain != written).any(-1))
    assert len(changed) > 20
    assert changed[:, 0].min() > 300
    assert changed[:, 1].max() < 80
    with pytest.raises(ValueError, match="1 captions for 2 frames"):
        next(render.draw_lips(lips, captions=["AH"]))


def test_odd_lips() -> None:
    still = np.zeros((3, 40, 2))
    assert len(list(render.draw_lips(still))) == 3
    crossed = mouth(np.array([-0.1, 0.2]))
    assert len(list(render.draw_lips(crossed))) == 2
    view = render.fit_view(mouth(np.array([0.1])))
    away = next(render.draw_lips(mouth(np.array([0.1])) + 100, view=view))
    assert share_of(away, WARM.skin) == 1
    with pytest.raises(InputError, match=r"expected \(frames, 40, 2\)"):
        next(render.draw_lips(np.zeros((3, 30, 2))))
    with pytest.raises(ValueError, match="frame at least"):
        next(render.draw_lips(np.zeros((0, 40, 2))))
    with pytest.raises(ValueError, match="not finite"):
        next(render.draw_lips(np.full((3, 40, 2), np.nan)))


def test_smooth_curve_passes_through_its_points_and_keeps_straight_lines() -> None:
    ring = np.array([[0, 0], [1, 0], [2, 0], [3, 0.5], [2, 1], [0.2, 1]], dtype=float)
    curve = curves.smoothing(ring) @ ring
    assert np.allclose(curve[:: curves.POINTS_PER_SPAN], ring)
    assert np.allclose(curves.smoothing(ring).sum(1), 1)
    assert np.isfinite(curves.smoothing(np.zeros((6, 2)))).all()


def test_overlay_marks_lips_and_says_what_was_filled_in() -> None:
    frame = np.full((288, 360, 3), 90, np.uint8)
    points = mouth(np.array([0.2]))[0] * (50, -50) + (150, 200)
    before = frame.copy()
    found = render.draw_overlay(frame, points, True, "s1/bbaf2n")
    assert found.shape == (576, 720, 3)
    assert (frame == before).all()
    corner = (points[0] * 2).astype(int)
    around = found[corner[1] - 2 : corner[1] + 3, corner[0] - 2 : corner[0] + 3].astype(int)
    assert (np.abs(around - render.FOUND).sum(-1) < 150).any()
    filled = render.draw_overlay(frame, points, False, "s1/bbaf2n")
    assert share_of(filled, render.FOUND) == 0
    assert share_of(filled, render.FILLED_IN) > 0
    assert (found[:40] != filled[:40]).any()


@pytest.mark.parametrize("offset", [(-500.0, 0.0), (0.0, 900.0), (355.0, 280.0), (0.0, 0.0)])
def test_overlay_with_lips_outside_the_picture(offset: tuple[float, float]) -> None:
    frame = np.zeros((288, 360, 3), np.uint8)
    points = mouth(np.array([0.2]))[0] * (50, -50) + offset
    assert render.draw_overlay(frame, points).shape == (576, 720, 3)
    assert render.draw_overlay(frame, np.full((40, 2), np.nan), False).shape == (576, 720, 3)
    assert render.draw_overlay(np.zeros((600, 300, 3), np.uint8), points).shape == (600, 300, 3)


def test_lips_video_has_pictures_and_sound(tmp_path: Path) -> None:
    lips = mouth(np.linspace(0, 0.3, 20))
    path = tmp_path / "lips.mp4"
    render.render_lips_video(path, lips, 25, np.zeros(12_800), captions=["AH"] * 20, size=(120, 120))
    info = io.probe(path)
    assert (info.frames, info.width, info.height, info.has_audio) == (20, 120, 120, True)
    pictures = list(io.read_frames(path))
    wanted = list(render.draw_lips(lips, captions=["AH"] * 20, size=(120, 120)))
    assert np.abs(np.stack(pictures).astype(int) - np.stack(wanted)).mean() < 4
