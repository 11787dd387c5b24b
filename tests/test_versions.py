"""Files of the format before this one are read as this one's are, and those of the next one are refused."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from phonolips.corpus.layout import FEATURE_ARRAYS, PHONE_TIMES, feature_arrays
from phonolips.corpus.records import read_records
from phonolips.corpus.store.store import Store
from phonolips.errors import PhonolipsError
from phonolips.face.track import Track, save_track
from phonolips.lips.space import MouthSpace
from phonolips.model.speakers import read_speaker
from phonolips.phones.textgrid import read_textgrid
from phonolips.storage import FORMAT_KEY, FORMATS, VERSION_KEY, read_arrays, readable
from phonolips.synth.batch import MANIFEST_FORMAT, synthesise_all
from phonolips.synth.folder import read_lips, read_posteriors, read_result
from phonolips.synth.options import Options

VERSIONS = Path(__file__).parent / "versions"
OLD, NEW = VERSIONS / "1", VERSIONS / "2"
RENAMED = {"gestures": "lip_parameters", "gesture_names": "lip_parameter_names"}
NPZ_FILES = [
    *(("lips", f"{folder}/lips.npz") for folder in ("synth", "track", "batch/a")),
    *(("posteriors", f"{folder}/posteriors.npz") for folder in ("synth", "batch/a")),
    ("edit", "edit/edit.npz"),
]
READERS = {"synth/lips.npz": read_lips, "track/lips.npz": read_lips, "synth/posteriors.npz": read_posteriors}


def refusal(reader, path: Path) -> str:
    """Return the one line with which a reader refuses a file."""
    with pytest.raises(PhonolipsError) as error:
        reader(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def copy_batch(version: Path, folder: Path) -> Path:
    """Copy a version's batch, and its recording with the time that the manifest has; return the recording's folder."""
    shutil.copytree(version / "batch", folder / "out")
    (folder / "in").mkdir()
    shutil.copy(VERSIONS / "a.wav", folder / "in")
    (row,) = map(json.loads, (version / "batch" / "manifest.jsonl").read_text().splitlines())
    os.utime(folder / "in" / "a.wav", ns=(row["fingerprint"][1],) * 2)
    return folder / "in"


def test_the_newest_fixtures_are_of_the_formats_of_today():
    """Whoever raises a number adds a folder here, made by the code that writes it."""
    assert {*FORMATS.values(), MANIFEST_FORMAT} == {int(max(path.name for path in VERSIONS.iterdir() if path.is_dir()))}


@pytest.mark.parametrize(("name", "file"), NPZ_FILES)
def test_arrays_of_both_formats_are_equal(name, file):
    old, old_version = read_arrays(OLD / file, name, readable(name))
    new, new_version = read_arrays(NEW / file, name, readable(name))
    assert (old_version, new_version) == readable(name) == (1, 2)
    old = {RENAMED.get(key, key): array for key, array in old.items()}
    assert list(old) == list(new)
    for key, array in old.items():
        assert array.dtype == new[key].dtype
        np.testing.assert_array_equal(array, new[key])


@pytest.mark.parametrize("folder", ["synth", "track", "batch/a"])
def test_results_of_both_formats_are_equal(folder):
    old, new = read_result(OLD / folder), read_result(NEW / folder)
    assert (old.fps, old.speaker, old.timing) == (new.fps, new.speaker, new.timing)
    assert old.alignment == new.alignment
    assert old.lip_parameter_names == new.lip_parameter_names
    for name in ("lips", "posteriors", "lip_parameters"):
        np.testing.assert_array_equal(getattr(old, name), getattr(new, name))
    assert (new.lip_parameters is None) == (folder == "track")


@pytest.mark.parametrize("file", READERS)
def test_arrays_of_the_next_format_are_refused(file, tmp_path):
    path = tmp_path / Path(file).name
    with np.load(NEW / file) as arrays:
        np.savez(path, **{**arrays, VERSION_KEY: FORMATS[path.stem] + 1})
    assert "format version 3" in refusal(READERS[file], path)
    assert "reads 1, 2: update phonolips" in refusal(READERS[file], path)


def test_a_track_is_written_in_the_format_that_a_synthesis_is(tmp_path):
    with np.load(NEW / "track" / "lips.npz") as there:
        space = MouthSpace(there["origin_px"], there["axis_px"])
        track = Track(there["lips"], there["detected"], space, float(there["fps"]), 1.0, there["pose"])
        save_track(track, tmp_path / "lips.npz")
        with np.load(tmp_path / "lips.npz") as written, np.load(NEW / "synth" / "lips.npz") as synthesis:
            for key in (FORMAT_KEY, VERSION_KEY):
                assert written[key] == synthesis[key]
            assert list(written) == list(there)
            for key in written:
                np.testing.assert_array_equal(written[key], there[key])


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_batch_goes_on_where_either_format_stopped(version, tmp_path):
    source = copy_batch(version, tmp_path)
    before = (tmp_path / "out" / "manifest.jsonl").read_text()
    options = Options(pictures=False, export=("csv",), rest="natural")  # the only way to rest then, by default
    summary = synthesise_all(source, tmp_path / "out", options=options)
    assert (summary.done, summary.skipped, summary.failed) == (0, 1, [])
    (row,) = map(json.loads, summary.manifest.read_text().splitlines())
    (old,) = map(json.loads, before.splitlines())
    old["options"] = old.pop("manner", None) or old["options"]
    assert row == old | {"format": 2}
    summary = synthesise_all(source, tmp_path / "out", options=options._replace(export=()))
    assert (summary.done, summary.skipped) == (1, 0)


def test_a_manifest_of_the_next_format_is_refused_and_left_alone(tmp_path):
    source = copy_batch(NEW, tmp_path)
    manifest = tmp_path / "out" / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 3'))
    before = manifest.read_bytes()
    said = refusal(lambda _: synthesise_all(source, tmp_path / "out"), manifest)
    assert "format version 3; this version of phonolips reads 1, 2" in said
    assert manifest.read_bytes() == before


def test_export_of_both_formats_is_equal(tmp_path, command):
    for version in (OLD, NEW):
        shutil.copytree(version / "synth", tmp_path / version.name)
        words = ("export", tmp_path / version.name, "--to", "csv,srt,rhubarb-json,arkit")
        assert command(*words)[0] == 0
    files = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "2").iterdir())
    assert len(files) >= 3 + 4
    for name in files:
        if not name.endswith(".npz"):
            assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_speakers_of_all_formats_are_equal_but_for_what_came_later(tmp_path):
    newest = VERSIONS / "speaker_3.json"
    first, second, third = map(read_speaker, (OLD / "speaker.json", NEW / "speaker.json", newest))
    for one in (first, second, third):
        assert (one.name, one.gain, one.notes) == ("Ann", 1.25, {"clips": 3})
        np.testing.assert_array_equal(one.embedding, third.embedding)
        np.testing.assert_array_equal(one.mean_lip, third.mean_lip)
    assert first.mixing is None
    np.testing.assert_array_equal(second.mixing, np.eye(4))
    np.testing.assert_array_equal(third.mixing, np.eye(4))
    assert second.phone_offsets is None
    np.testing.assert_array_equal(third.phone_offsets, np.arange(160, dtype=np.float32).reshape(40, 4) / 100)
    for content in (newest.read_text().replace("speaker 3", "speaker 4"), '{"format": "speaker 4"}'):
        path = tmp_path / "speaker.json"
        path.write_text(content)
        said = refusal(read_speaker, path)
        assert "speaker 4'; this version of phonolips reads 'phonolips speaker 1' and " in said
        assert "and 'phonolips speaker 3'" in said


def test_records_of_both_versions_are_equal():
    assert read_records(OLD / "records.jsonl") == read_records(NEW / "records.jsonl")
    assert [record.limits for record in read_records(OLD / "records.jsonl")] == [False, True]


def test_a_textgrid_of_version_0_1_is_read_as_it_is_written_now():
    old, new = (read_textgrid(version / "synth" / "phones.TextGrid") for version in (OLD, NEW))
    assert old == new
    assert [word.label for word in old.speech_words()] == ["bob"]


def test_features_of_version_0_1_lack_the_exact_times_alone(tmp_path):
    shutil.copytree(VERSIONS, tmp_path, dirs_exist_ok=True)  # a reader writes an index beside the shards
    old, new = (Store(tmp_path / version / "features") for version in ("1", "2"))
    assert list(old) == list(new) == ["s1/clip0", "s1/clip1"]
    assert new.arrays == FEATURE_ARRAYS
    assert set(new.arrays) - set(old.arrays) == {PHONE_TIMES}
    assert feature_arrays(old.arrays) == old.arrays
    for clip in old:
        assert old.meta(clip) == new.meta(clip)
        for name in old.arrays:
            np.testing.assert_array_equal(old.get(clip, name), new.get(clip, name))
    header = tmp_path / "2" / "features" / "store.json"
    header.write_text(header.read_text().replace("store 2", "store 3"))
    assert "this version reads 'phonolips store 2'" in refusal(Store, header.parent)
