"""ARKit weights and glTF: what they say of lips, and that the files say the same."""

import base64
import csv
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from conftest import as_result, skip_without, tool

from phonolips.corpus.records import Record, write_records
from phonolips.corpus.store.store import ArraySpec, StoreWriter
from phonolips.errors import InputError
from phonolips.export import blendshapes
from phonolips.export.arkit import LIVE_LINK_NAMES, timecode, write_arkit_csv, write_arkit_json
from phonolips.export.blendshapes import ARKIT_NAMES, arkit_weights, lips_from_weights, shape_displacements
from phonolips.export.gltf import write_gltf
from phonolips.export.lip_mesh import LIP_ROWS, SAMPLES, mouth_mesh
from phonolips.export.targets import MOST_SHAPES, named_targets, principal_targets
from phonolips.face.track import track_video
from phonolips.lips.measures import opening, width
from phonolips.lips.points import INNER_RING, MEDIAPIPE40, OUTER_RING, to_ibug20
from phonolips.lips.shapes import neutral_mouth
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import NUM_PHONES, PHONE_IDS
from phonolips.synth.folder import Layer
from phonolips.synth.result import Result
from phonolips.timebase import STEPS_PER_FRAME, frame_centres, frames_in

FPS = 25.0
# The first line of a recording that the app Live Link Face made.
RECORDED_HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,"
    "EyeSquintLeft,EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,"
    "EyeSquintRight,EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,"
    "MouthRight,MouthLeft,MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,"
    "MouthDimpleRight,MouthStretchLeft,MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,"
    "MouthShrugUpper,MouthPressLeft,MouthPressRight,MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,"
    "MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,"
    "CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,TongueOut,HeadYaw,HeadPitch,HeadRoll,"
    "LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
)


def closed() -> np.ndarray:
    """A closed mouth of ordinary size: 0.84 wide, with a cupid's bow."""
    across = -0.42 * np.cos(np.pi * np.arange(11) / 10)
    lips = np.zeros((40, 2))
    for ring, scale in ((OUTER_RING, 1.0), (INNER_RING, 0.9)):
        depth = np.sin(np.pi * np.arange(11) / 10)
        lips[list(ring[:11])] = np.column_stack([scale * across, -0.18 * depth if scale == 1.0 else 0 * depth])
        upper = np.column_stack([-scale * across, 0.14 * depth if scale == 1.0 else 0 * depth])
        lips[list(ring[11:])] = upper[1:10]
    lips[15, 1] -= 0.02
    return lips


def moved(**weights: float) -> np.ndarray:
    """The closed mouth with some shapes at some weights, (40, 2)."""
    return lips_from_weights({name: np.array([value]) for name, value in weights.items()}, closed())[0]


def solved(lips: np.ndarray, **options) -> dict[str, float]:
    """The weights of one mouth, rest given."""
    weights = arkit_weights(np.stack([lips, lips]), FPS, rest=closed(), **options)
    return {name: float(values[0]) for name, values in weights.items()}


def phone_posteriors(phone: str, steps: int = 20) -> np.ndarray:
    posteriors = np.zeros((steps, NUM_PHONES), np.float32)
    posteriors[:, PHONE_IDS[phone]] = 1
    return posteriors


def speech(frames: int = 50) -> np.ndarray:
    """Lips that open, round and shut again, float32 (frames, 40, 2)."""
    time = np.arange(frames) / FPS
    rounding = 0.4 * np.clip(np.sin(2 * np.pi * 0.8 * time), 0, 1)
    weights = {
        "jawOpen": 0.5 * np.sin(np.pi * 1.5 * time) ** 2,
        "mouthPucker": rounding,
        "mouthSmileLeft": rounding / 4,
    }
    return lips_from_weights(weights, closed()).astype(np.float32)


def make_run(lips: np.ndarray, *, fps: float = FPS, phones: bool = True) -> Result:
    seconds = len(lips) / fps
    alignment = Alignment.build(
        [Interval("wow", 0.1, seconds)],
        [Interval("W", 0.1, seconds / 2), Interval("AW", seconds / 2, seconds)],
        seconds,
    )
    posteriors = np.zeros((round(seconds * 100), NUM_PHONES), np.float32)
    posteriors[np.arange(len(posteriors)), alignment.labels(len(posteriors))] = 1
    run = as_result(Path("lips.npz"), lips, fps, "mediapipe40", None, None, None)
    return as_result(Path("lips.npz"), lips, fps, "mediapipe40", alignment, Layer(posteriors), None) if phones else run


class TestShapes:
    def test_every_shape_but_the_unseen_two_moves_lips(self):
        shapes = shape_displacements(closed())
        assert set(shapes) == set(ARKIT_NAMES) - {"jawForward", "tongueOut"}
        assert all(np.abs(move).max() > 0.01 for move in shapes.values())

    @pytest.mark.parametrize("name", [name for name in ARKIT_NAMES if "Left" in name])
    def test_right_is_the_mirror_image_of_left(self, name):
        mirror = [*range(10, -1, -1), *range(19, 10, -1)]
        mirror += [20 + point for point in mirror]
        shapes = shape_displacements(closed())
        left, right = shapes[name], shapes[name.replace("Left", "Right")]
        np.testing.assert_allclose(right, left[mirror] * (-1, 1), atol=1e-12)

    def test_left_is_the_persons_own(self):
        smile = shape_displacements(closed())["mouthSmileLeft"]
        assert smile[10, 1] > 0.05  # the corner at positive x, the right of the picture
        assert abs(smile[0, 1]) < 1e-9

    def test_what_the_names_say(self):
        shapes, rest = shape_displacements(closed()), closed()
        assert 0.4 < opening(rest + shapes["jawOpen"]) < 0.6
        assert width(rest + shapes["mouthPucker"]) < 0.85 * width(rest)
        assert width(rest + shapes["mouthStretchLeft"] + shapes["mouthStretchRight"]) > 1.2 * width(rest)
        assert opening(rest + shapes["mouthFunnel"]) > 0.15
        for name in ("mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthPressLeft", "mouthSmileRight"):
            assert abs(opening(rest + shapes[name])) < 1e-9, name

    @pytest.mark.parametrize("weight", [0.1, 0.35, 1.0])
    def test_mouth_close_shuts_the_lips_over_an_open_jaw(self, weight):
        shut = moved(jawOpen=weight, mouthClose=weight)
        gaps = shut[list(MEDIAPIPE40.inner.upper), 1] - shut[list(MEDIAPIPE40.inner.lower), 1]
        np.testing.assert_allclose(gaps, 0, atol=1e-9)
        assert shut[25, 1] < -0.2 * weight  # and the seam lies lower than at rest


class TestWeights:
    def test_a_closed_mouth_is_zero(self):
        assert max(solved(closed()).values()) < 0.01

    def test_names_order_type_and_limits(self):
        limits = speech() + np.random.default_rng(1).normal(0, 0.3, (50, 40, 2)).astype(np.float32)
        weights = arkit_weights(limits, FPS)
        assert tuple(weights) == ARKIT_NAMES
        for values in weights.values():
            assert values.shape == (50,)
            assert values.dtype == np.float32
            assert values.min() >= 0
            assert values.max() <= 1
        assert (weights["mouthClose"] <= weights["jawOpen"] + 1e-6).all()

    @pytest.mark.parametrize(
        ("name", "weight"), [("jawOpen", 0.5), ("mouthPucker", 0.6), ("mouthLeft", 0.3), ("mouthSmileRight", 0.5)]
    )
    def test_a_shape_is_found_again(self, name, weight):
        found = solved(moved(**{name: weight}))
        assert found[name] == pytest.approx(weight, rel=0.3)
        assert max(found, key=lambda other: found[other]) == name

    def test_left_and_right_are_told_apart(self):
        found = solved(moved(mouthUpperUpLeft=0.5, mouthSmileLeft=0.5))
        assert found["mouthUpperUpLeft"] > 4 * found["mouthUpperUpRight"]
        assert found["mouthSmileLeft"] > 4 * found["mouthSmileRight"]

    def test_shut_lips_over_a_lowered_jaw(self):
        found = solved(moved(jawOpen=0.4, mouthClose=0.4))
        assert found["jawOpen"] - found["mouthClose"] < 0.01
        assert found["mouthClose"] > 0.2
        assert max(found[name] for name in ("mouthFunnel", "mouthLowerDownLeft", "mouthUpperUpRight")) < 0.01

    def test_the_weights_make_the_lips_again(self):
        lips = speech()
        made = lips_from_weights(arkit_weights(lips, FPS, rest=closed()), closed())
        error = ((made - lips) ** 2).sum() / ((lips - lips.mean(0)) ** 2).sum()
        assert error < 0.02
        assert np.abs(opening(made) - opening(lips)).max() < 0.02

    @pytest.mark.parametrize(
        ("phone", "name", "least"),
        [
            ("B", "mouthPressLeft", 0.15), ("F", "mouthRollLower", 0.2), ("TH", "tongueOut", 0.1),
            ("SH", "mouthFunnel", 0.2), ("SH", "jawForward", 0.1), ("W", "mouthPucker", 0.05),
        ],
    )  # fmt: skip
    def test_phones_decide_where_lips_leave_a_choice(self, phone, name, least):
        lips = moved(jawOpen=0.15)
        with_phone = solved(lips, posteriors=phone_posteriors(phone))
        assert with_phone[name] > solved(lips)[name] + least

    def test_nothing_is_made_up_without_phones(self):
        found = solved(moved(jawOpen=0.4))
        assert found["jawForward"] == found["tongueOut"] == 0

    def test_no_tongue_through_shut_lips(self):
        assert solved(closed(), posteriors=phone_posteriors("TH"))["tongueOut"] == 0

    def test_an_alignment_says_the_same_as_its_posteriors(self):
        run = make_run(speech())
        by_alignment = arkit_weights(run.lips, FPS, run.alignment)
        by_posteriors = arkit_weights(run.lips, FPS, None, run.posteriors)
        for name in ARKIT_NAMES:
            np.testing.assert_allclose(by_alignment[name], by_posteriors[name], atol=1e-3, err_msg=name)

    def test_smooth_lips_give_smooth_weights(self):
        run = make_run(speech())
        for name, values in arkit_weights(run.lips, FPS, None, run.posteriors).items():
            assert np.abs(np.diff(values)).max() < 0.2, name

    def test_one_frame_and_a_shorter_alignment(self):
        lips = speech()[10:11]
        assert all(
            values.shape == (1,) for values in arkit_weights(lips, FPS, posteriors=phone_posteriors("W", 2)).values()
        )
        assert all(
            np.isfinite(values).all()
            for values in arkit_weights(speech(), FPS, posteriors=phone_posteriors("W", 2)).values()
        )

    def test_blocks_do_not_show(self, monkeypatch):
        whole = arkit_weights(speech(), FPS)
        monkeypatch.setattr(blendshapes, "BLOCK_FRAMES", 7)
        for name, values in arkit_weights(speech(), FPS).items():
            np.testing.assert_allclose(values, whole[name], atol=2e-3, err_msg=name)

    @pytest.mark.parametrize("bad", ["ibug20", "nan", "empty"])
    def test_lips_that_cannot_be_used(self, bad):
        lips = {"ibug20": to_ibug20(speech()), "nan": speech() * np.nan, "empty": speech()[:0]}[bad]
        with pytest.raises(InputError, match="lips"):
            arkit_weights(lips, FPS)


class TestClosedMouth:
    def test_lips_that_never_shut_are_shut(self):
        rest = neutral_mouth(np.repeat(moved(jawOpen=0.3)[None], 5, 0))
        inner = MEDIAPIPE40.inner
        np.testing.assert_allclose(rest[list(inner.upper), 1], rest[list(inner.lower), 1], atol=1e-9)
        assert rest[5, 1] > moved(jawOpen=0.3)[5, 1]  # the chin came along

    def test_silence_is_rest_rather_than_pressed_lips(self):
        pressed = moved(jawOpen=0.3, mouthClose=0.3)
        lips = np.stack([*[closed()] * 5, *[pressed] * 5, *[moved(jawOpen=0.5)] * 10])
        silent = np.arange(20) < 5
        np.testing.assert_allclose(neutral_mouth(lips, silent), closed(), atol=1e-9)


class TestFiles:
    @pytest.mark.parametrize("fps", [24, 29.97, 30, 60])
    def test_json(self, tmp_path, fps):
        run = make_run(speech())
        write_arkit_json(run, tmp_path / "new" / "arkit.json", fps=fps)
        found = json.loads((tmp_path / "new" / "arkit.json").read_text())
        assert found["numFrames"] == len(found["weightMat"]) == frames_in(run.seconds, found["exportFps"])
        assert found["numPoses"] == len(found["facsNames"]) == len(ARKIT_NAMES)
        table = np.array(found["weightMat"])
        assert table.shape == (found["numFrames"], found["numPoses"])
        peak = found["facsNames"].index("jawOpen")
        time = (table[:, peak].argmax() + 0.5) / found["exportFps"]
        expected = (opening(run.lips).argmax() + 0.5) / FPS
        assert abs(time - expected) < 1.6 / min(fps, FPS)
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["arkit.json"]

    def test_json_holds_the_weights(self, tmp_path):
        run = make_run(speech())
        write_arkit_json(run, tmp_path / "arkit.json")
        found = json.loads((tmp_path / "arkit.json").read_text())
        weights = arkit_weights(run.lips, FPS, run.alignment, run.posteriors)
        np.testing.assert_allclose(np.array(found["weightMat"]), np.stack(list(weights.values()), 1), atol=2e-3)

    def test_csv_is_what_the_app_writes(self, tmp_path):
        run = make_run(speech())
        write_arkit_csv(run, tmp_path / "arkit.csv")
        with (tmp_path / "arkit.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert (tmp_path / "arkit.csv").read_text().splitlines()[0] == RECORDED_HEADER
        assert len(rows) == 120  # two seconds at the app's 60 frames a second
        assert [rows[i]["Timecode"] for i in (0, 59, 60)] == ["00:00:00:00.000", "00:00:00:59.000", "00:00:01:00.000"]
        assert {row["BlendShapeCount"] for row in rows} == {"61"}
        assert all(float(row["EyeBlinkLeft"]) == float(row["HeadYaw"]) == 0 for row in rows)
        assert max(float(row["JawOpen"]) for row in rows) > 0.3
        assert (tmp_path / "arkit.csv").read_text().splitlines()[1].count(",") == 62
        assert len(rows[0]["JawOpen"]) == len("0.0472944900")  # ten decimals, as in a recording

    def test_csv_columns_hold_the_weights(self, tmp_path):
        run = make_run(speech())
        write_arkit_csv(run, tmp_path / "arkit.csv", fps=FPS)
        weights = arkit_weights(run.lips, FPS, run.alignment, run.posteriors)
        with (tmp_path / "arkit.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        for name, values in weights.items():
            column = [float(row[name[0].upper() + name[1:]]) for row in rows]
            np.testing.assert_allclose(column, values, atol=1e-2, err_msg=name)

    def test_every_weight_has_its_column(self):
        assert len(LIVE_LINK_NAMES) == len(set(LIVE_LINK_NAMES)) == 61
        assert {name[0].upper() + name[1:] for name in ARKIT_NAMES} <= set(LIVE_LINK_NAMES)

    def test_timecode_goes_past_an_hour(self):
        assert timecode(60 * 3661 + 7, 60) == "01:01:01:07.000"

    def test_errors_name_the_file(self, tmp_path):
        run = make_run(speech(), phones=False)
        small = as_result(Path("odd/lips.npz"), to_ibug20(run.lips), FPS, "ibug20", None, None, None)
        for writer in (write_arkit_json, write_arkit_csv):
            with pytest.raises(InputError, match=r"odd/lips.npz: lips of layout ibug20"):
                writer(small, tmp_path / "a")
        with pytest.raises(InputError, match="fps 900"):
            write_arkit_json(run, tmp_path / "a", fps=900)
        assert not list(tmp_path.iterdir())


def read_gltf(path: Path) -> tuple[dict, bytes]:
    """Read either container by hand."""
    data = path.read_bytes()
    if path.suffix == ".gltf":
        document = json.loads(data)
        return document, base64.b64decode(document["buffers"][0]["uri"].split(",", 1)[1])
    magic, version, length, text_length, text_kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, length, text_kind) == (b"glTF", 2, len(data), b"JSON")
    binary_length, binary_kind = struct.unpack("<I4s", data[20 + text_length : 28 + text_length])
    assert binary_kind == b"BIN\0"
    binary = data[28 + text_length :]
    assert len(binary) == binary_length
    return json.loads(data[20 : 20 + text_length]), binary


def accessor(document: dict, binary: bytes, index: int) -> np.ndarray:
    found = document["accessors"][index]
    view = document["bufferViews"][found["bufferView"]]
    kind = {5126: "<f4", 5123: "<u2"}[found["componentType"]]
    part = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    values = np.frombuffer(part, kind)
    return values.reshape(found["count"], 3) if found["type"] == "VEC3" else values


def play(document: dict, binary: bytes, times: np.ndarray, material: str = "lips") -> np.ndarray:
    """Play the animation: positions (times, vertices, 3) of the part of the moving mesh that has this material."""
    mesh = document["meshes"][0]
    materials = [found["name"] for found in document["materials"]]
    part = next(p for p in mesh["primitives"] if materials[p["material"]] == material)
    base = accessor(document, binary, part["attributes"]["POSITION"])
    moves = np.stack([accessor(document, binary, target["POSITION"]) for target in part["targets"]])
    sampler = document["animations"][0]["samplers"][0]
    keys = accessor(document, binary, sampler["input"])
    weights = accessor(document, binary, sampler["output"]).reshape(len(keys), len(moves))
    now = np.stack([np.interp(times, keys, column) for column in weights.T], axis=1)
    return base + np.tensordot(now, moves, 1)


class TestGltf:
    @pytest.mark.parametrize("suffix", [".gltf", ".glb"])
    def test_the_animation_follows_the_lips(self, tmp_path, suffix):
        run = make_run(speech())
        write_gltf(run, tmp_path / f"lips{suffix}")
        document, binary = read_gltf(tmp_path / f"lips{suffix}")
        points = play(document, binary, frame_centres(len(run.lips), FPS))
        ring = 2 * SAMPLES
        for vertex, point in (
            (0, 0),
            (SAMPLES, 10),
            ((LIP_ROWS - 1) * ring, 20),
            ((LIP_ROWS - 1) * ring + SAMPLES, 30),
        ):
            np.testing.assert_allclose(points[:, vertex, :2], run.lips[:, point], atol=2e-3)
        outer = points[:, :ring, :2]
        for point in range(20):  # every lip point lies on the curve, up to the length of its straight pieces
            distance = np.linalg.norm(outer - run.lips[:, point][:, None], axis=-1).min(1)
            assert distance.max() < 0.02
        heights = points[:, (LIP_ROWS - 1) * ring :, 1][:, :ring]
        assert np.abs((heights.max(1) - heights.min(1))[opening(run.lips) < 1e-3]).max() < 0.06

    def test_the_parts_fit_together(self, tmp_path):
        write_gltf(make_run(speech()), tmp_path / "lips.glb")
        document, binary = read_gltf(tmp_path / "lips.glb")
        assert document["asset"]["version"] == "2.0"
        mesh = document["meshes"][0]
        names = mesh["extras"]["targetNames"]
        assert len(names) == len(mesh["weights"]) <= MOST_SHAPES
        for found in document["accessors"]:
            if "min" in found:
                values = accessor(document, binary, document["accessors"].index(found))
                np.testing.assert_array_equal(np.atleast_1d(values.min(0)), np.float32(found["min"]))
        for each in document["meshes"]:
            for part in each["primitives"]:
                count = document["accessors"][part["attributes"]["POSITION"]]["count"]
                assert accessor(document, binary, part["indices"]).max() == count - 1
                normals = accessor(document, binary, part["attributes"]["NORMAL"])
                np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
                assert normals[:, 2].mean() > 0.3  # it faces the viewer
        keys = accessor(document, binary, document["animations"][0]["samplers"][0]["input"])
        assert (np.diff(keys) > 0).all()
        assert (keys[0], keys[-1]) == (0, pytest.approx(2.0))

    def test_weights_stay_where_programs_allow_them(self):
        targets = principal_targets(speech(), closed())
        assert targets.weights.min() >= 0
        assert targets.weights.max() <= 1
        np.testing.assert_allclose(targets.base + np.tensordot(targets.rest, targets.moves, 1), closed(), atol=5e-3)
        assert np.abs(targets.lips() - speech()).max() < 5e-3

    @pytest.mark.parametrize("fps", [24, 29.97, 60])
    def test_another_rate_keeps_time(self, tmp_path, fps):
        run = make_run(speech())
        write_gltf(run, tmp_path / "lips.glb", fps=fps)
        document, binary = read_gltf(tmp_path / "lips.glb")
        points = play(document, binary, frame_centres(len(run.lips), FPS))
        np.testing.assert_allclose(points[1:-1, 0, :2], run.lips[1:-1, 0], atol=0.01)

    def test_one_frame(self, tmp_path):
        write_gltf(
            as_result(Path("lips.npz"), speech()[7:8], FPS, "mediapipe40", None, None, None), tmp_path / "one.glb"
        )
        document, binary = read_gltf(tmp_path / "one.glb")
        np.testing.assert_allclose(play(document, binary, np.array([0.02]))[0, 0, :2], speech()[7, 0], atol=1e-4)

    def test_arkit_targets_move_the_mesh_by_their_names(self, tmp_path):
        run = make_run(speech())
        write_gltf(run, tmp_path / "arkit.glb", targets=["arkit"])
        document, binary = read_gltf(tmp_path / "arkit.glb")
        assert document["meshes"][0]["extras"]["targetNames"] == list(ARKIT_NAMES)
        points = play(document, binary, frame_centres(len(run.lips), FPS))
        np.testing.assert_allclose(points[:, SAMPLES, :2], run.lips[:, 10], atol=0.03)
        assert max(document["meshes"][0]["weights"]) == 0

    def test_other_spellings_and_visemes(self):
        run = make_run(speech())
        names = ["JawOpen", "mouthSmile_L", "viseme_aa", "viseme_U"]
        targets, lips, _, rate = named_targets(run, names)
        weights = arkit_weights(run.lips, FPS, run.alignment, run.posteriors)
        assert targets.names == tuple(names)
        assert rate == FPS
        np.testing.assert_array_equal(targets.weights[:, 0], weights["jawOpen"])
        np.testing.assert_array_equal(targets.weights[:, 1], weights["mouthSmileLeft"])
        assert targets.weights[:20, 3].max() > 0.5 > targets.weights[-10:, 3].max()  # W, then AW
        assert lips.shape == run.lips.shape

    def test_all_visemes(self, tmp_path):
        write_gltf(make_run(speech()), tmp_path / "visemes.glb", targets=["visemes"])
        document, _ = read_gltf(tmp_path / "visemes.glb")
        names = document["meshes"][0]["extras"]["targetNames"]
        assert len(names) == 15
        assert {"viseme_sil", "viseme_PP", "viseme_aa", "viseme_ou"} < set(names)

    def test_targets_that_nobody_knows(self, tmp_path):
        run = make_run(speech())
        with pytest.raises(InputError, match="'browUp'"):
            write_gltf(run, tmp_path / "a.glb", targets=["jawOpen", "browUp"])
        with pytest.raises(InputError, match="twice"):
            write_gltf(run, tmp_path / "a.glb", targets=["jawOpen", "jawOpen"])
        with pytest.raises(InputError, match="phones"):
            write_gltf(make_run(speech(), phones=False), tmp_path / "a.glb", targets=["viseme_aa"])
        with pytest.raises(InputError, match=r"\.gltf or \.glb"):
            write_gltf(run, tmp_path / "a.fbx")
        assert not list(tmp_path.iterdir())

    def test_the_mesh_is_closed_where_the_mouth_is(self):
        moving, still = mouth_mesh(closed())
        assert [part.name for part in moving] == ["lips", "skin", "lower teeth"]
        assert not any(part.follow.any() for part in still)
        lips = moving[0]
        front = lips.points[:, 2].max()
        assert all(part.points[:, 2].max() < front for part in (*moving[1:], *still))


class TestFit:
    @pytest.fixture
    def data(self, tmp_path) -> Path:
        """A prepared corpus of one speaker, two clips to train on and one held out."""
        records = []
        arrays = {"lips": ArraySpec("float32", (40, 2)), "labels": ArraySpec("int8", ())}
        with StoreWriter(tmp_path / "features", arrays) as store:
            for number, split in enumerate(("train", "train", "test_seen")):
                lips = speech()
                labels = np.repeat(np.where(opening(lips) > 0.1, PHONE_IDS["AY"], PHONE_IDS["W"]), STEPS_PER_FRAME)
                store.add(f"s1/{number}", {"lips": lips, "labels": labels}, {})
                records.append(Record(f"s1/{number}", "s1", split, "why", "a.wav", "a.mp4"))
        write_records(records, tmp_path / "records.jsonl")
        return tmp_path

    def test_sizes_bring_the_weights_to_their_targets(self, data, monkeypatch):
        fitter = tool("tools/studies/fit_blendshapes")
        monkeypatch.setattr(fitter, "TARGETS", {"jawOpen": (0.3, ("AY",))})
        before = dict(blendshapes.SIZES)
        try:
            assert fitter.fit(data)["jawOpen"] > 1.3 * before["jawOpen"]  # a larger shape needs less of it
            clip = fitter.read_clips(data, ("train",))[0]
            found = fitter.peak([(clip, fitter.weights_of(clip)[0])], ["jawOpen"], ("AY",))
            assert found == pytest.approx(0.3, abs=0.03)
        finally:
            blendshapes.SIZES.update(before)

    def test_report(self, data, capsys, monkeypatch):
        fitter = tool("tools/studies/fit_blendshapes")
        monkeypatch.setattr("sys.argv", ["x", "report", "--data", str(data), "--picture", str(data / "p.png")])
        fitter.main()
        said = capsys.readouterr().out
        row = next(line for line in said.splitlines() if line.startswith("| s1"))
        assert float(row.split("|")[3]) > 0.95  # R^2 of lips that are made of the shapes
        assert "rounded glide" in said
        assert "silence" not in said
        assert (data / "p.png").stat().st_size > 10_000


def test_real_lips(shared_data):
    """A recorded clip: shut where b, m, p are, open in vowels, and lips made again from the weights."""
    skip_without("face")
    lips = track_video(shared_data / "grid" / "s1" / "bbaf2n.mp4").lips
    rest = neutral_mouth(lips)
    weights = arkit_weights(lips, FPS, rest=rest)
    made = lips_from_weights(weights, rest)
    assert 1 - ((made - lips) ** 2).sum() / ((lips - lips.mean(0)) ** 2).sum() > 0.85
    assert 0.2 < weights["jawOpen"].max() < 0.7
    shut = opening(lips) < 0.01
    assert opening(made)[shut].max() < 0.02
    assert np.corrcoef(opening(lips), weights["jawOpen"] - weights["mouthClose"])[0, 1] > 0.9
