"""Blinking: the lids of a pictured face come down over its eyes."""

import numpy as np

from phonolips.face.cavity import smooth_step
from phonolips.face.warp import warp

# Points of mediapipe's mesh, of both eyes, from the outer corner to the inner one: the margins of the upper and lower
# lid, and two rows of skin above the upper and one below the lower lid.
UPPER_MARGINS = ((246, 161, 160, 159, 158, 157, 173), (466, 388, 387, 386, 385, 384, 398))
LOWER_MARGINS = ((7, 163, 144, 145, 153, 154, 155), (249, 390, 373, 374, 380, 381, 382))
UPPER_SKIN = ((247, 30, 29, 27, 28, 56, 190), (467, 260, 259, 257, 258, 286, 414))
HIGHER_SKIN = ((113, 225, 224, 223, 222, 221, 189), (342, 445, 444, 443, 442, 441, 413))
LOWER_SKIN = ((25, 110, 24, 23, 22, 26, 112), (255, 339, 254, 253, 252, 256, 341))
CORNERS = ((33, 133), (263, 362))
SKIN_SHARES = {UPPER_SKIN: 0.5, HIGHER_SKIN: 0.1}  # of the upper margin's way, that skin above it goes
LOWER_SKIN_SHARE = 0.3  # of the lower margin's
MEETING = 0.15  # where the lids meet: a share of the way from the lower to the upper margin
LEAST_OPEN = 0.13  # height over width of an eye that is open enough to blink
LASHES = np.array([0.3, 0.35, 0.35], np.float32)  # share of red, green and blue that is lost between shut lids
THINNEST_PX = 0.3  # see `warp.warp`
LEAST_CLOSURE = 0.02  # less does not show


def eyes_are_open(points_px: np.ndarray) -> bool:
    """Return whether both eyes of a mesh (478, 2) are open far enough to blink."""
    for upper, lower, (outer, inner) in zip(UPPER_MARGINS, LOWER_MARGINS, CORNERS, strict=True):
        high = float(np.linalg.norm(points_px[upper[3]] - points_px[lower[3]]))
        wide = float(np.linalg.norm(points_px[outer] - points_px[inner]))
        if high < LEAST_OPEN * wide:
            return False
    return True


def move_lids(points_px: np.ndarray, closure: float) -> np.ndarray:
    """Bring the lids of a mesh (points, 2), pixels, together by `closure`, 0 to 1; the same shape."""
    moved = points_px.copy()
    for eye in (0, 1):
        upper, lower = list(UPPER_MARGINS[eye]), list(LOWER_MARGINS[eye])
        gap = points_px[upper] - points_px[lower]
        down, up = closure * (MEETING - 1) * gap, closure * MEETING * gap
        moved[upper] += down
        moved[lower] += up
        for rows, share in SKIN_SHARES.items():
            moved[list(rows[eye])] += share * down
        moved[list(LOWER_SKIN[eye])] += LOWER_SKIN_SHARE * up
    return moved


def close_eyes(picture: np.ndarray, points_px: np.ndarray, closure: float) -> np.ndarray:
    """Close both eyes of a picture.

    Args:
        picture: uint8 (height, width, 3).
        points_px: (514, 2), the face's mesh with its rim.
        closure: 0, open as they are, to 1, shut.

    Returns:
        a new picture; the same one where `closure` is too little to be seen.
    """
    import cv2

    if closure < LEAST_CLOSURE:
        return picture
    target_px = move_lids(points_px, closure)
    result = warp(picture, points_px, target_px, THINNEST_PX)
    shut = float(smooth_step(closure, 0.6, 1.0))
    for eye in (0, 1):
        outer, inner = CORNERS[eye]
        line = target_px[[outer, *UPPER_MARGINS[eye], inner]]
        wide = float(np.linalg.norm(line[-1] - line[0]))
        room = max(3.0, 0.2 * wide)
        limits = np.array([picture.shape[1], picture.shape[0]])
        low = np.clip(np.floor(line.min(0) - room).astype(int), 0, limits)
        high = np.clip(np.ceil(line.max(0) + room).astype(int), 0, limits)
        if (high <= low).any():
            continue
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        points = np.round((line - low) * 16).astype(np.int32)
        soft = max(0.7, 0.03 * wide)
        cv2.polylines(mask, [points], False, 255, max(1, round(0.05 * wide)), cv2.LINE_AA, shift=4)
        line_cover = cv2.GaussianBlur(mask, (0, 0), soft)[..., None].astype(np.float32) / 255
        near = np.minimum(shut, 4 * cv2.GaussianBlur(mask, (0, 0), 1.5 * soft)[..., None].astype(np.float32) / 255)
        place = result[low[1] : high[1], low[0] : high[0]]
        # What the eye leaves between the lids goes over into the skin around; the lashes lie on it.
        skin = cv2.GaussianBlur(cv2.medianBlur(np.ascontiguousarray(place), 5), (0, 0), 2 * soft).astype(np.float32)
        mixed = place + near * (skin - place)
        place[:] = np.round(mixed * (1 - shut * line_cover * LASHES)).astype(np.uint8)
    return result
