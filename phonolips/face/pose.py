"""Where a face looks: head pose from the points of the face mesh, and points turned back to the front.

Points are taken as a camera far away sees them (weak perspective): x right, y down and z away from the camera, all in
pixels, as mediapipe returns them. Angles are in degrees, as one sees the picture:

- **yaw**: above 0 where the face looks towards the right of the picture;
- **pitch**: above 0 where it looks up;
- **roll**: above 0 where it is tilted anticlockwise.

Yaw and pitch are azimuth and elevation of where the nose points once roll is taken away. Yaw and roll of a symmetric
face that looks at the camera are 0. Pitch has no such natural zero: it is the mean of the six GRID speakers that
FRONT_PAIRS was measured on, who differ by 5 degrees (standard deviation).
"""

import numpy as np

from phonolips.lips.smoothing import smooth_gaussian

# A face that looks at the camera: points that the mouth and the brows do not move (eye corners, forehead, temples,
# cheeks, nose), by their numbers in mediapipe's mesh. Mean of the meshes that mediapipe finds in 29 clips of 6 GRID
# speakers, each speaker counted once, after Procrustes alignment, made symmetric. x right, y up, z towards the camera;
# 1 = the distance between the eye centres, the origin midway between them. Left of the picture, right of it: x, y, z of
# the right one.
FRONT_PAIRS = {
    (33, 263): (0.724, 0.016, -0.043), (133, 362): (0.276, -0.016, 0.043), (67, 297): (0.567, 0.856, 0.117),
    (109, 338): (0.307, 0.903, 0.222), (127, 356): (1.137, -0.068, -0.853), (162, 389): (1.118, 0.193, -0.684),
    (54, 284): (0.968, 0.599, -0.271), (98, 327): (0.282, -0.755, 0.258), (21, 251): (1.066, 0.402, -0.472),
    (117, 346): (0.857, -0.280, -0.048), (118, 347): (0.732, -0.322, 0.043), (234, 454): (1.125, -0.316, -0.931),
    (93, 323): (1.103, -0.569, -0.941),
}  # fmt: skip
# Likewise the points in the middle: y, z.
FRONT_MIDDLE = {
    168: (0.077, 0.314), 6: (-0.057, 0.384), 197: (-0.182, 0.464), 195: (-0.299, 0.551), 5: (-0.425, 0.641),
    4: (-0.576, 0.678), 1: (-0.690, 0.642), 9: (0.353, 0.345), 8: (0.206, 0.323), 151: (0.642, 0.305),
    10: (0.913, 0.248),
}  # fmt: skip
POSE_POINTS = tuple(point for pair in FRONT_PAIRS for point in pair) + tuple(FRONT_MIDDLE)
UPRIGHT = np.array([1.0, -1.0, -1.0])  # between a picture's axes (y down, z away) and those of a face


def _front() -> np.ndarray:
    """Lay out the face that looks at the camera, in the order of POSE_POINTS; float64 (37, 3)."""
    pairs = [(sign * x, y, z) for x, y, z in FRONT_PAIRS.values() for sign in (-1, 1)]
    return np.array(pairs + [(0.0, y, z) for y, z in FRONT_MIDDLE.values()])


FRONT = _front()


def _nearest_rotations(matrices: np.ndarray) -> np.ndarray:
    """Find the rotation nearest to each matrix (..., 3, 3), by least squares (Kabsch 1976)."""
    left, _, right = np.linalg.svd(matrices)
    left[..., 2] *= np.sign(np.linalg.det(left @ right))[..., None]
    result: np.ndarray = left @ right
    return result


def fit_rotations(points_px: np.ndarray) -> np.ndarray:
    """Find how a face is turned: the rotation that carries FRONT to its points, by least squares.

    Args:
        points_px: float (frames, 37, 3), the points POSE_POINTS of mediapipe's mesh: x, y, z in pixels.

    Returns:
        float64 (frames, 3, 3): rotations of column vectors, x right, y up, z towards the camera.
    """
    found = np.asarray(points_px, np.float64) * UPRIGHT
    found = found - found.mean(1, keepdims=True)
    return _nearest_rotations(np.einsum("fpi,pj->fij", found, FRONT - FRONT.mean(0)))


def smooth_rotations(rotations: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth rotations (frames, 3, 3) over time by a Gaussian of `sigma` frames."""
    return _nearest_rotations(smooth_gaussian(rotations, sigma))


def angles_to_rotations(angles: np.ndarray) -> np.ndarray:
    """Turn (..., 3) yaw, pitch and roll in degrees into rotations (..., 3, 3): first pitch, then yaw, then roll."""
    yaw, pitch, roll = np.moveaxis(np.radians(np.asarray(angles, np.float64)), -1, 0)
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def matrix(*rows: tuple[np.ndarray, ...]) -> np.ndarray:
        return np.stack([np.stack(row, -1) for row in rows], -2)

    about_x = matrix((one, zero, zero), (zero, np.cos(pitch), np.sin(pitch)), (zero, -np.sin(pitch), np.cos(pitch)))
    about_y = matrix((np.cos(yaw), zero, np.sin(yaw)), (zero, one, zero), (-np.sin(yaw), zero, np.cos(yaw)))
    about_z = matrix((np.cos(roll), -np.sin(roll), zero), (np.sin(roll), np.cos(roll), zero), (zero, zero, one))
    rotations: np.ndarray = about_z @ about_y @ about_x
    return rotations


def rotations_to_angles(rotations: np.ndarray) -> np.ndarray:
    """Turn rotations (..., 3, 3) into yaw (-90 to 90), pitch and roll (-180 to 180) in degrees, float64 (..., 3)."""
    yaw = np.arcsin(np.clip(-rotations[..., 2, 0], -1, 1))
    pitch = -np.arctan2(rotations[..., 2, 1], rotations[..., 2, 2])
    roll = np.arctan2(rotations[..., 1, 0], rotations[..., 0, 0])
    angles: np.ndarray = np.degrees(np.stack([yaw, pitch, roll], -1))
    return angles


def turn_to_front(points_px: np.ndarray, rotations: np.ndarray, centre_px: np.ndarray) -> np.ndarray:
    """Turn points of a face about a point until it looks at the camera; its roll and its place in the picture stay.

    Only yaw is taken back: it foreshortens the mouth's width and slants it. Pitch has no natural zero and stays.

    Args:
        points_px: float (frames, points, 3), x, y, z in pixels.
        rotations: float (frames, 3, 3), see `fit_rotations`.
        centre_px: float (frames, 3), the point that stays where it is.

    Returns:
        float64 (frames, points, 3), pixels.
    """
    angles = rotations_to_angles(rotations)
    upright = angles_to_rotations(angles * (1, 0, 1)), angles_to_rotations(angles * (0, 0, 1))
    back = upright[1] @ np.swapaxes(upright[0], -1, -2)
    relative = (np.asarray(points_px, np.float64) - centre_px[:, None]) * UPRIGHT
    turned: np.ndarray = np.einsum("fij,fpj->fpi", back, relative) * UPRIGHT + centre_px[:, None]
    return turned
