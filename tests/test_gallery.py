"""The gallery of phones: a planted movement comes back, the draw is fair and repeatable, and nothing is half written."""

import sys
from pathlib import Path

import numpy as np
import pytest

from phonolips import cli
from phonolips.corpus import occurrences as module
from phonolips.corpus.occurrences import CONTEXT_PLACES, INSIDE, MIDDLE_PLACE, PLACES, draw_occurrences, place_times
from phonolips.corpus.store.store import ArraySpec, Store, StoreWriter
from phonolips.errors import CorpusError, InputError
from phonolips.evaluation import gallery, gallery_pages, gallery_panels
from phonolips.phones.inventory import PHONE_IDS, PHONES

ARRAYS = {
    "labels": ArraySpec("int8", ()),
    "phones": ArraySpec("int32", (3,)),
    "lips": ArraySpec("float32", (40, 2)),
    "detected": ArraySpec("bool", ()),
}
FRAMES = 50
SHAPE = np.random.default_rng(0).normal(scale=0.1, size=(40, 2)).astype(np.float32)
AA_PLACES = ((40, 60), (100, 116))  # first step and step after the last of AA in every clip
WANTED = ["gallery.csv", "gallery_contours.png", "gallery_opening.png", "gallery_width.png"]


def ramp(times: np.ndarray) -> np.ndarray:
    """The planted lips: every point moves at one unit a second, so linear reading between frames is exact."""
    return SHAPE + np.asarray(times)[..., None, None]


def write_clip(writer: StoreWriter, name: str, *, split: str = "train", hidden: tuple[int, ...] = ()) -> None:
    detected = np.ones(FRAMES, bool)
    detected[list(hidden)] = False
    lips = ramp((np.arange(FRAMES) + 0.5) / 25)
    lips[~detected] = 1e6
    phones, now = [], 0
    for first, last in AA_PLACES:
        phones += [(PHONE_IDS["B"], now, first), (PHONE_IDS["AA"], first, last)]
        now = last
    phones.append((-1, now, 4 * FRAMES))
    labels = np.repeat([row[0] for row in phones], [row[2] - row[1] for row in phones])
    values = {"labels": labels, "phones": np.array(phones), "lips": lips, "detected": detected}
    writer.add(name, values, {"speaker": name.split("/")[0], "split": split})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A prepared corpus: twelve training clips of one speaker, two of another, one test clip, one without lips."""
    with StoreWriter(tmp_path / "data" / "features", ARRAYS) as writer:
        for index in range(12):
            write_clip(writer, f"one/{index}")
        write_clip(writer, "two/a")
        write_clip(writer, "two/b")
        write_clip(writer, "one/test", split="test_seen")
        nothing = {name: np.zeros((0, *spec.row_shape), spec.dtype) for name, spec in ARRAYS.items()}
        writer.add("three/sound", nothing, {"speaker": "three", "split": "train"})
    return tmp_path / "data"


@pytest.fixture
def store(data: Path) -> Store:
    return Store(data / "features")


def test_places_stretch_the_phone_and_keep_the_context():
    times = place_times(1.0, 1.5)
    assert len(times) == PLACES
    np.testing.assert_allclose(times[[0, CONTEXT_PLACES - 1]], [0.9, 0.98])
    np.testing.assert_allclose(times[[-CONTEXT_PLACES, -1]], [1.52, 1.6])
    np.testing.assert_allclose(times[INSIDE], np.linspace(1.0, 1.5, 17))
    assert times[MIDDLE_PLACE] == pytest.approx(1.25)


def test_a_planted_movement_comes_back(store):
    found = draw_occurrences(store, ["one/0"], phones=["AA", "B"])
    assert list(found) == ["AA", "B"]
    vowel = found["AA"]
    assert (len(vowel), vowel.total, vowel.clips) == (2, 2, ("one/0", "one/0"))
    np.testing.assert_allclose(vowel.seconds, [0.2, 0.16])
    for lips, (first, last) in zip(vowel.lips, AA_PLACES, strict=True):
        np.testing.assert_allclose(lips, ramp(place_times(first / 100, last / 100)), atol=2e-6)


def test_beyond_the_clip_is_unknown_and_not_made_up(store):
    first = draw_occurrences(store, ["one/0"], phones=["B"])["B"].lips[0]
    assert np.isnan(first[:CONTEXT_PLACES]).all()
    assert np.isfinite(first[CONTEXT_PLACES:]).all()


@pytest.mark.parametrize(("frame", "kept"), [(12, 1), (10, 1), (14, 1), (7, 2), (40, 2)])
def test_only_detected_frames_count(tmp_path, frame, kept):
    """AA lasts from 0.4 to 0.6 s: it needs frames 9 (centre 0.38 s) to 15 (0.62 s); frame 7 is context only."""
    with StoreWriter(tmp_path / "s", ARRAYS) as writer:
        write_clip(writer, "one/0", hidden=(frame,))
    found = draw_occurrences(Store(tmp_path / "s"), ["one/0"], phones=["AA"])["AA"]
    assert len(found) == found.total == kept
    assert np.isfinite(found.lips[:, INSIDE]).all()
    assert np.nanmax(found.lips) < 100
    assert np.isnan(found.lips).any() == (frame == 7)


def test_the_draw_depends_on_the_seed_and_on_nothing_else(store):
    clips = [f"one/{index}" for index in range(12)]
    first = draw_occurrences(store, clips, most=6, seed=1)
    again = draw_occurrences(store, clips[::-1], phones=["AA"], most=6, seed=1)
    other = draw_occurrences(store, clips, most=6, seed=2)
    assert list(first) == list(PHONES)
    assert first["AA"].clips == again["AA"].clips
    np.testing.assert_array_equal(first["AA"].lips, again["AA"].lips)
    assert (first["AA"].clips, tuple(first["AA"].seconds)) != (other["AA"].clips, tuple(other["AA"].seconds))
    assert (len(first["AA"]), first["AA"].total) == (6, 24)
    drawn = list(zip(first["AA"].clips, first["AA"].seconds, strict=True))
    assert len(set(drawn)) == 6  # without replacement
    assert len(first["ZH"]) == first["ZH"].total == 0
    assert first["ZH"].lips.shape == (0, PLACES, 40, 2)


def test_every_occurrence_is_drawn_alike(store):
    clips = [f"one/{index}" for index in range(12)]
    counts = dict.fromkeys(clips, 0)
    for seed in range(300):
        for clip in draw_occurrences(store, clips, phones=["AA"], most=4, seed=seed)["AA"].clips:
            counts[clip] += 1
    assert sum(counts.values()) == 1200
    assert 70 < min(counts.values()) <= max(counts.values()) < 130  # 100 each, standard deviation 9


def test_wrong_arguments(store):
    with pytest.raises(InputError, match="at least 1"):
        draw_occurrences(store, ["one/0"], most=0)
    with pytest.raises(InputError, match="XX: no such phone"):
        draw_occurrences(store, ["one/0"], phones=["XX"])
    assert not module._is_seen(0.0, 0.1, np.zeros(0, bool))


def test_rows_hold_means_and_deviations(store):
    found = draw_occurrences(store, ["one/0"], phones=["AA", "ZH"])
    vowel, absent = gallery.gallery_rows(list(found.values()))
    assert (vowel["phone"], vowel["viseme"], vowel["samples"], vowel["occurrences"]) == ("AA", "open", 2, 2)
    assert vowel["mean_ms"] == pytest.approx(180)
    assert vowel["opening"] == pytest.approx(float(SHAPE[35, 1] - SHAPE[25, 1]), abs=1e-5)
    assert vowel["width"] == pytest.approx(float(np.linalg.norm(SHAPE[10] - SHAPE[0])), abs=1e-5)
    assert vowel["opening_sd"] == pytest.approx(0, abs=1e-5)
    assert absent == {"phone": "ZH", "viseme": "postalveolar", "occurrences": 0, "samples": 0}


def test_statistics_leave_unknown_values_out():
    values = np.array([[np.nan, 1.0, np.nan], [np.nan, 3.0, 5.0]])
    np.testing.assert_allclose(gallery_panels.mean_curve(values), [np.nan, 2, 5])
    np.testing.assert_allclose(gallery_panels.percentiles(values, (0, 100)), [[np.nan, 1, 5], [np.nan, 3, 5]])


def panel(figure, phone):
    """Find the axes of a phone by its title."""
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == phone)


def test_every_phone_has_a_panel_with_a_line_for_each_sample(store):
    found = draw_occurrences(store, ["one/0", "one/1"])
    contours = gallery_pages.contour_page(found, title="x")
    titles = [axes.get_title(loc="left") for axes in contours.axes]
    assert sorted(titles) == sorted(PHONES)
    assert titles[:12] == list(gallery_pages.SEEDS_VOWELS)
    assert titles[-1] == "sil"
    assert [len(rings.get_segments()) for rings in panel(contours, "AA").collections] == [4, 4]
    assert panel(contours, "AA").get_title(loc="right") == "4 of 4, 180 ms"
    assert [text.get_text() for text in panel(contours, "ZH").texts] == ["no sample"]
    for quantity in ("opening", "width"):
        page = gallery_pages.trajectory_page(found, quantity)
        assert sorted(axes.get_title(loc="left") for axes in page.axes) == sorted(PHONES)
        assert len(panel(page, "AA").collections[0].get_segments()) == 4
        assert [text.get_text() for text in panel(page, "ZH").texts] == ["no sample"]
        assert len({axes.get_ylim() for axes in page.axes}) == 1
    own = gallery_pages.phone_page(found["AA"], title="AA")
    assert [axes.get_title() for axes in own.axes][:5] == list(gallery_pages.MOMENTS)
    with pytest.raises(InputError, match="no sample of ZH"):
        gallery_pages.phone_page(found["ZH"])


def test_the_mean_drawn_is_the_mean_of_the_samples(store):
    found = draw_occurrences(store, ["one/0", "one/1"])
    outer = panel(gallery_pages.contour_page(found), "AA").lines[0].get_xydata()
    middles = np.mean([ramp(np.array((a + b) / 200)) for a, b in AA_PLACES], axis=0)
    np.testing.assert_allclose(outer, middles[[*range(20), 0]], atol=1e-5)


@pytest.fixture
def command(capsys, monkeypatch):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["phonolips", "gallery", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return call


@pytest.mark.slow
def test_command_line(tmp_path, data, command):
    out = tmp_path / "out"
    code, printed, err = command("--data", data, "--out", out, "--speaker", "two", "--samples", 3, "--phone", "aa")
    assert (code, err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == sorted([*WANTED, "gallery_AA.png"])
    assert sorted(printed.split()) == sorted(str(path) for path in out.iterdir())
    rows = (out / "gallery.csv").read_text().splitlines()
    assert len(rows) == 1 + len(PHONES)
    assert rows[1 + PHONES.index("AA")].startswith("AA,open,4,3,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--phone", "XX"], "phone 'XX': no such phone; expected one of sil AA"),
        (["--phone", "ZH"], "phone 'ZH': no sample of it in 14 clips"),
        (["--speaker", "ten"], "speaker 'ten': no training clip with lips; there are clips of one, two"),
    ],
)
def test_errors_are_one_line_and_write_nothing(tmp_path, data, command, words, said):
    code, printed, err = command("--data", data, "--out", tmp_path / "out", *words)
    assert (code, printed, err.count("\n")) == (1, "", 1)
    assert said in err
    assert not (tmp_path / "out").exists()


def test_a_failed_picture_leaves_nothing(tmp_path, data, monkeypatch):
    def fail(figure, path):
        if "width" in path.name:
            raise OSError("disk full")
        path.write_bytes(b"picture")

    monkeypatch.setattr(gallery, "save_figure", fail)
    with pytest.raises(OSError, match="disk full"):
        gallery.draw_gallery(data=data, out=tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_no_corpus_and_no_clips(tmp_path):
    with pytest.raises(CorpusError, match="no prepared store"):
        gallery.draw_gallery(data=tmp_path, out=tmp_path / "out")
    with StoreWriter(tmp_path / "features", ARRAYS) as writer:
        write_clip(writer, "one/0", split="valid")
    with pytest.raises(CorpusError, match="no training clip with lips"):
        gallery.draw_gallery(data=tmp_path, out=tmp_path / "out")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        gallery.draw_gallery(data=tmp_path, out=tmp_path / "file")
