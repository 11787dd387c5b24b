"""Drawn lips: what is where in the picture, and how the drawing holds up with odd lips."""

from pathlib import Path

import numpy as np
import pytest

from phonolips.errors import InputError
from phonolips.video import io, render
from phonolips.video.lips import to_ibug20


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
    pictures = list(render.draw_lips(lips, size=(200, 160)))
    assert [picture.shape for picture in pictures] == [(160, 200, 3)] * 3
    assert pictures[0].dtype == np.uint8
    dark = [share_of(picture, render.MOUTH) for picture in pictures]
    assert dark[0] < 0.01 < dark[1] < dark[2]
    for picture in pictures:
        assert tuple(picture[2, 2]) == render.SKIN
        drawn = np.argwhere(np.abs(picture.astype(int) - render.SKIN).max(-1) > 20)
        assert np.abs(drawn.mean(0) - (80, 100)).max() < 6
        upper = np.argwhere(np.abs(picture.astype(int) - render.UPPER_LIP).max(-1) < 4)
        lower = np.argwhere(np.abs(picture.astype(int) - render.LOWER_LIP).max(-1) < 4)
        assert upper[:, 0].mean() + 10 < lower[:, 0].mean()
    teeth = np.argwhere(np.abs(pictures[2].astype(int) - render.TEETH).max(-1) < 4)
    assert len(teeth)
    assert teeth[:, 0].mean() < 80
    assert share_of(pictures[0], render.TEETH) == 0


def test_both_directions_of_the_rings_look_the_same() -> None:
    lips = mouth(np.array([0.05, 0.2]))
    backwards = lips.copy()
    backwards[:, 1:20] = lips[:, 19:0:-1]
    backwards[:, 21:40] = lips[:, 39:20:-1]
    for one, other in zip(render.draw_lips(lips), render.draw_lips(backwards), strict=True):
        assert (np.abs(one.astype(int) - other).max(-1) > 30).mean() < 0.003


def test_one_wild_frame_does_not_shrink_the_clip() -> None:
    calm = mouth(np.full(100, 0.1))
    wild = calm.copy()
    wild[50] *= 20
    assert render.fit_view(wild).scale == pytest.approx(render.fit_view(calm).scale)
    assert len(list(render.draw_lips(wild))) == 100


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
    assert share_of(away, render.SKIN) == 1
    with pytest.raises(InputError, match=r"expected \(frames, 40, 2\)"):
        next(render.draw_lips(np.zeros((3, 30, 2))))
    with pytest.raises(ValueError, match="frame at least"):
        next(render.draw_lips(np.zeros((0, 40, 2))))
    with pytest.raises(ValueError, match="not finite"):
        next(render.draw_lips(np.full((3, 40, 2), np.nan)))


def test_smooth_curve_passes_through_its_points_and_keeps_straight_lines() -> None:
    ring = np.array([[0, 0], [1, 0], [2, 0], [3, 0.5], [2, 1], [0.2, 1]], dtype=float)
    curve = render._smoothing(ring) @ ring
    assert np.allclose(curve[:: render.POINTS_PER_SPAN], ring)
    assert np.allclose(render._smoothing(ring).sum(1), 1)
    assert np.isfinite(render._smoothing(np.zeros((6, 2)))).all()


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
