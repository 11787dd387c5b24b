"""Transcript editing: the difference of words, the edited clip's clock, seams, sound, and real clips."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import needs, tool

from phonolips.corpus.records import Record
from phonolips.editing.edit import edit, edit_recording
from phonolips.editing.infill import close, fade, join
from phonolips.editing.sound import Piece, Voice, crossfade, join_sound
from phonolips.editing.takes import VoiceSource
from phonolips.editing.timeline import Cut, Take, Zone, make_timeline
from phonolips.editing.words import Change, describe, find_changes
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.measures import opening
from phonolips.model.network import load_network
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import BILABIALS, SILENCE
from phonolips.phones.textgrid import read_textgrid
from phonolips.speech.align.align import Judged
from phonolips.speech.text.g2p import text_to_phones
from phonolips.synth import verbs as synth
from phonolips.synth.folder import read_result
from phonolips.synth.result import Result

SILENT_WORDS = "ignore:the new words are silent"


def changes(old: str, new: str) -> list[str]:
    sentences = text_to_phones(old), text_to_phones(new)
    return [describe(change, *sentences) for change in find_changes(*sentences)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("bin blue at f two now", "bin red at f nine now", ['"blue" becomes "red"', '"two" becomes "nine"']),
        ("put it down", "please put it down", ['"please" comes in']),
        ("put it down", "put it slowly down", ['"slowly" comes in']),
        ("put it down", "put it down now", ['"now" comes in']),
        ("please put it down", "put it down", ['"please" goes']),
        ("put it right down", "put it down", ['"right" goes']),
        ("put it down now", "put it down", ['"now" goes']),
        ("no no no yes", "no no yes", ['"no" goes']),
        ("no no yes", "no no no yes", ['"no" comes in']),
        ("the red car", "the very old truck", ['"red car" becomes "very old truck"']),
        ("I have 2 cats", "I have 22 cats", ['"twenty" comes in']),
        ("Well, put it DOWN!", "well put it down", []),
    ],
)
def test_word_differences(old, new, expected):
    assert changes(old, new) == expected


def test_a_letter_is_not_the_article():
    """In a GRID sentence "a" is said as the letter; elsewhere as the article."""
    assert changes("bin blue at a two now", "bin blue at a two again") == ['"now" becomes "again"']
    letter, article = text_to_phones("bin blue at a two now"), text_to_phones("bin blue at a too now")
    assert [change.old_first for change in find_changes(letter, article)] == [3]


def spell(*words: tuple[str, str, float], start: float = 0.4, end: float = 0.4) -> Alignment:
    """Align words, given as (word, phones, seconds of each phone); "" is a pause."""
    word_tier, phone_tier, edge = [], [], start
    for word, phones, seconds in words:
        first = edge
        for phone in phones.split():
            phone_tier.append(Interval(phone, edge, edge + seconds))
            edge += seconds
        if word:
            word_tier.append(Interval(word, first, edge))
    return Alignment.build(word_tier, [p for p in phone_tier if p.label != SILENCE], edge + end)


def take(*phones: str, seconds: float = 0.1, word: str = "new") -> Take:
    edges = [seconds * index for index in range(len(phones) + 1)]
    items = tuple(Interval(phone, a, b) for phone, (a, b) in zip(phones, pairwise(edges), strict=True))
    return Take((Interval(word, 0.0, edges[-1]),) if phones else (), items, edges[-1])


SENTENCE = spell(("ten", "T EH N", 0.08), ("dogs", "D AO G Z", 0.08), ("", "sil", 0.2), ("ran", "R AE N", 0.08))


@pytest.mark.parametrize("fps", [25.0, 30000 / 1001, 60.0])
@pytest.mark.parametrize(
    ("change", "new"),
    [
        (Change(1, 2, 1, 2), take("K", "AE", "T", "S")),
        (Change(1, 2, 1, 2), take("EH", "L", "AH", "F", "AH", "N", "T", "S")),
        (Change(1, 1, 1, 2), take("F", "AE", "T")),
        (Change(0, 0, 0, 1), take("DH", "AH")),
        (Change(3, 3, 3, 4), take("F", "AE", "S", "T")),
        (Change(0, 1, 0, 0), take()),
        (Change(1, 2, 1, 1), take()),
    ],
)
def test_timeline(fps, change, new):
    frames = int(SENTENCE.duration * fps)
    recorded = Alignment.build(
        SENTENCE.speech_words(),
        [p for p in SENTENCE.phones if p.label != SILENCE],
        max(SENTENCE.duration, frames / fps),
    )
    timeline = make_timeline(recorded, frames, fps, [change], [new], reach_seconds=0.1)
    source, kept = timeline.source, timeline.kept
    assert len(source) == len(kept) == round(timeline.alignment.duration * fps)
    assert np.array_equal(source[kept], source[kept].round()), "kept frames are whole recorded frames"
    assert (np.diff(source) >= 0).all()
    assert source[0] >= 0
    assert source[-1] <= frames - 1
    assert kept[0]
    assert kept[-1]
    assert source[0] == 0
    assert source[-1] == frames - 1
    ((cut),) = timeline.cuts
    assert abs((cut.new_end - cut.new_start) - new.seconds) <= 0.5 / fps + 1e-9
    before = recorded.phone_sequence()
    words = recorded.speech_words()
    gone = [p for w in words[change.old_first : change.old_last] for p in recorded.phones if w.start <= p.start < w.end]
    assert len(timeline.alignment.phone_sequence()) == len(before) - len(gone) + len(new.phones)
    middle = (cut.new_start + cut.new_end) / 2
    assert not kept[min(len(kept) - 1, int(middle * fps))], "the place of the cut itself is made anew"
    assert round((cut.old_end - cut.old_start - cut.new_end + cut.new_start) * fps) == frames - len(kept)
    if change.old_first:
        assert timeline.alignment.speech_words()[0] == words[0]


def test_a_removal_takes_one_of_two_pauses_with_it():
    recorded = spell(("a", "AH", 0.1), ("", "sil", 0.2), ("b", "B IY", 0.1), ("", "sil", 0.2), ("c", "S IY", 0.1))
    timeline = make_timeline(recorded, 37, 25, [Change(1, 2, 1, 1)], [take()], reach_seconds=0.1)
    words = timeline.alignment.speech_words()
    assert words[1].start - words[0].end == pytest.approx(0.2, abs=0.021)
    assert [phone.label for phone in timeline.alignment.phones] == ["sil", "AH", "sil", "S", "IY", "sil"]


def test_no_sliver_of_silence_is_left_where_a_word_was_removed():
    for seconds in (0.05, 0.055, 0.06, 0.065, 0.07):
        recorded = spell(("a", "AH", 0.1), ("b", "B IY", seconds), ("c", "S IY", 0.1))
        frames = round(recorded.duration * 25)
        timeline = make_timeline(recorded, frames, 25, [Change(1, 2, 1, 1)], [take()], reach_seconds=0.1)
        assert [phone.label for phone in timeline.alignment.phones] == ["sil", "AH", "S", "IY", "sil"]


def test_zones_spare_the_closures_beside_them_and_merge_where_they_nearly_touch():
    recorded = spell(("sum", "S AH M", 0.12), ("red", "R EH D", 0.12), ("big", "B IH G", 0.12), ("end", "EH N D", 0.12))
    frames = round(recorded.duration * 25)
    change, new = Change(1, 2, 1, 2), take("B", "L", "UW", seconds=0.12)
    ((zone),) = make_timeline(recorded, frames, 25, [change], [new], reach_seconds=0.12).zones
    centres = (np.array([zone.first, zone.last - 1]) + 0.5) / 25
    closures = [phone for phone in recorded.phones if phone.label in ("M", "B")]
    assert centres[0] >= closures[0].end
    assert centres[1] < closures[1].start
    both = [Change(1, 2, 1, 2), Change(3, 4, 3, 4)]
    news = [new, take("EH", "G", "Z")]
    assert len(make_timeline(recorded, frames, 25, both, news, reach_seconds=0.12).zones) == 2
    close_by = [Change(0, 1, 0, 1), Change(2, 3, 2, 3)]
    short = spell(("ten", "T EH N", 0.1), ("a", "AH", 0.04), ("cat", "K AE T", 0.1), ("ran", "R AE N", 0.1))
    timeline = make_timeline(short, round(short.duration * 25), 25, close_by, [new, new], reach_seconds=0.12)
    assert len(timeline.zones) == 1


def test_fade_starts_with_the_difference_and_its_slope_and_ends_at_rest():
    error, slope = np.array([0.3, -0.2]), np.array([0.01, 0.04])
    curve = np.concatenate([error[None], fade(1200, 1000, error, slope)])
    assert curve[1] - curve[0] == pytest.approx(slope, abs=3e-3)
    assert np.abs(curve[1000:]).max() < 1e-9
    assert np.abs(np.diff(curve, axis=0)[990:]).max() < 1e-3


@pytest.mark.parametrize("fps", [25, 60, 600])
def test_seams_are_continuous_in_position_and_velocity(fps):
    times = np.arange(3 * fps) / fps
    recorded = np.sin(2 * np.pi * 0.8 * times)[:, None, None] * np.ones((1, 40, 2))
    made = 0.7 * np.sin(2 * np.pi * 0.8 * times + 0.6)[:, None, None] * np.ones((1, 40, 2)) + 0.5
    zone = Zone(fps, 2 * fps)
    kept = np.ones(len(times), bool)
    kept[zone.first : zone.last] = False
    spliced, joined = recorded.copy(), recorded.copy()
    spliced[zone.first : zone.last] = made[zone.first : zone.last]
    joined[zone.first : zone.last] = join(made, recorded, kept, zone, fps, 0.12)
    natural = np.abs(np.diff(recorded, axis=0)).max()
    for seam in zone:
        steps = np.diff(joined[seam - 2 : seam + 2, 0, 0])
        assert np.abs(np.diff(spliced[:, 0, 0])[seam - 1]) > 2 * natural
        assert np.abs(np.diff(steps)).max() < np.abs(np.diff(np.diff(spliced[seam - 2 : seam + 2, 0, 0]))).max() / 2
    if fps == 600:  # so fine that the velocity across the seam must be the recorded one
        for seam, step in ((zone.first, 1), (zone.last - 1, -1)):
            across = joined[seam, 0, 0] - joined[seam - step, 0, 0]
            before = joined[seam - step, 0, 0] - joined[seam - 2 * step, 0, 0]
            assert across == pytest.approx(before, abs=0.15 * natural)
    middle = slice(zone.first + fps // 4, zone.last - fps // 4)
    assert np.allclose(joined[middle], made[middle]), "beyond the blend the made lips are as they were made"


def ring_lips(heights: np.ndarray) -> np.ndarray:
    """Lips whose opening is `heights` (frames,), as two ellipses."""
    angle = np.linspace(np.pi, 3 * np.pi, 20, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1)
    inner = ring * np.stack([np.full_like(heights, 0.35), heights / 2], -1)[:, None]
    outer = ring * np.stack([np.full_like(heights, 0.45), heights / 2 + 0.1], -1)[:, None]
    return np.concatenate([outer, inner], axis=1)


def test_bilabials_close_and_the_edges_stay():
    lips = ring_lips(np.linspace(0.1, 0.2, 15))
    phones = [Interval("M", 0.48, 0.6)]
    closed = close(lips, Zone(5, 20), phones, 25, 0.01, seam=(True, True))
    heights = opening(closed)
    assert heights[7:10].min() == pytest.approx(0.01, abs=1e-6)
    assert np.abs(heights[[0, 1, -2, -1]] - opening(lips)[[0, 1, -2, -1]]).max() < 1e-9
    assert (heights <= opening(lips) + 1e-9).all()
    shut = ring_lips(np.zeros(15))
    assert np.array_equal(close(shut, Zone(5, 20), phones, 25, 0.01, seam=(True, True)), shut)


def test_crossfades_add_up():
    sound = np.full(32_000, 0.5, np.float32)
    pieces = [Piece(0, 8000, sound, 0), Piece(8000, 9000, sound, 20_000), Piece(9000, 16_000, sound, 5000)]
    joined = crossfade(pieces, 16_000)
    assert joined.shape == (16_000,)
    assert joined.dtype == np.float32
    assert np.abs(joined[200:-200] - 0.5).max() < 1e-6


def test_sound_is_kept_where_the_words_are_and_new_words_stand_in_their_place():
    rng = np.random.default_rng(0)
    recorded, alignment = rng.normal(0, 0.1, 32_000).astype(np.float32), spell(("a", "AA", 0.6), ("b", "IY", 0.6))
    voice = Voice(np.sin(np.arange(16_000) / 8).astype(np.float32), spell(("c", "OW", 0.2), start=0.3, end=0.5))
    cut = Cut(0.4, 1.0, 0.4, 0.6)
    joined = join_sound(recorded, alignment, [cut], voice, [0.3], 1.6)
    assert len(joined) == 25_600
    assert np.array_equal(joined[: 6400 - 200], recorded[: 6400 - 200])
    assert np.array_equal(joined[9600 + 200 :], recorded[16_000 + 200 : 32_000])
    inside = slice(6400 + 200, 9600 - 200)
    new = voice.waveform[4800 + 200 : 4800 + 3200 - 200]
    assert np.corrcoef(joined[inside], new)[0, 1] == pytest.approx(1, abs=1e-6)
    assert joined[inside].std() == pytest.approx(recorded[6400:25_600].std(), rel=0.1), "as loud as the recording"
    silent = join_sound(recorded, alignment, [cut], None, [0.0], 1.6)
    assert not silent[inside].any()


@pytest.fixture(scope="module")
def spoken() -> Result:
    """A made-up recording: s1's lips for a text, moved and trembling a little, with noise for sound."""
    result = synth.from_text("bin blue at f two now", speaker="s1")
    rng = np.random.default_rng(0)
    lips = result.lips + np.float32([0.02, -0.01]) + rng.normal(0, 0.001, result.lips.shape).astype(np.float32)
    sound = rng.normal(0, 0.05, round(len(lips) * 640)).astype(np.float32)
    return Result(lips, 25.0, alignment=result.alignment, waveform=sound)


@pytest.mark.filterwarnings(SILENT_WORDS)
@pytest.mark.parametrize("fps", [25, 30])
@pytest.mark.parametrize(
    "to",
    ["bin red at f nine now", "bin at f two now", "bin blue at f twenty two now please", "bin white by f now"],
)
def test_kept_frames_are_the_recorded_ones_and_seams_do_not_jump(spoken, fps, to):
    recording = spoken
    if fps != 25:
        from phonolips.lips.curve import resample_lips

        recording = replace(spoken, lips=resample_lips(spoken.lips, fps, spoken.seconds), fps=float(fps))
    done = edit_recording(recording, "bin blue at f two now", to, speaker="s1")
    assert np.array_equal(done.lips[done.kept], recording.lips[done.source_frames[done.kept]])
    assert 0.2 < done.kept.mean() < 0.95
    assert np.isfinite(done.lips).all()
    assert [word.label for word in done.alignment.speech_words()] == to.split()
    assert len(done.result.waveform) == round(done.seconds * 16_000)
    assert len(done.result.posteriors) == round(done.alignment.duration * 100)
    speed = np.abs(np.diff(done.lips, axis=0)).mean((1, 2)) * fps
    usual = np.abs(np.diff(recording.lips, axis=0)).mean((1, 2)).max() * fps
    frames = np.rint(np.array(done.seams) * fps).astype(int)
    assert speed[frames - 1].max() < 1.1 * usual
    for phone in done.alignment.phones:
        inside = [f for f in range(len(done.lips)) if phone.start <= (f + 0.5) / fps < phone.end]
        if phone.label in BILABIALS and inside:
            assert opening(done.lips[inside]).min() < 0.02, "b, m and p stay closed, at a seam too"


@pytest.mark.filterwarnings(SILENT_WORDS)
def test_new_words_have_this_speakers_pace_and_place(spoken):
    slow = replace(
        spoken,
        lips=np.repeat(spoken.lips, 2, axis=0),
        alignment=Alignment.build(
            *([i._replace(start=2 * i.start, end=2 * i.end) for i in tier] for tier in
              (spoken.alignment.words, spoken.alignment.phones)),
            2 * spoken.alignment.duration,
        ),
        waveform=None,
    )  # fmt: skip
    lengths = []
    for recording in (spoken, slow):
        done = edit_recording(recording, "bin blue at f two now", "bin blue at f nine now", speaker="s1")
        lengths.append(done.alignment.speech_words()[4].duration)
    assert done.result.waveform is None
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=0.05)
    far = replace(spoken, lips=spoken.lips + np.float32([0.0, 0.3]))
    moved = edit_recording(far, "bin blue at f two now", "bin blue at f nine now", speaker="s1")
    there = edit_recording(spoken, "bin blue at f two now", "bin blue at f nine now", speaker="s1")
    shift = (moved.lips - there.lips)[~moved.kept].mean((0, 1))
    assert shift == pytest.approx([0.0, 0.3], abs=0.1)


def test_a_recording_gives_new_words_their_sound_and_times(spoken, tmp_path, monkeypatch):
    to = "bin blue at f nine now"
    words = spell(
        ("bin", "B IH N", 0.1), ("blue", "B L UW", 0.1), ("at", "AE T", 0.1), ("f", "EH F", 0.1),
        ("nine", "N AY N", 0.15), ("now", "N AW", 0.1),
    )  # fmt: skip
    sound = np.zeros(round(words.duration * 16_000), np.float32)
    nine = words.speech_words()[4]
    sound[round(nine.start * 16_000) : round(nine.end * 16_000)] = 0.3
    soundfile.write(tmp_path / "new.wav", sound, 16_000)
    monkeypatch.setattr(
        "phonolips.speech.align.align.align_and_judge", lambda waveform, text, **options: Judged(words, None)
    )
    done = edit_recording(
        spoken, "bin blue at f two now", to, speaker="s1", source=VoiceSource(sound=tmp_path / "new.wav")
    )
    said = done.alignment.speech_words()[4]
    assert said.duration == pytest.approx(0.45, abs=0.021)
    assert done.voice == "new.wav"
    inside = done.result.waveform[round((said.start + 0.02) * 16_000) : round((said.end - 0.04) * 16_000)]
    assert inside.std() < 1e-4 < inside.mean()


def test_a_synthesiser_says_the_new_words(spoken):
    done = edit_recording(
        spoken, "bin blue at f two now", "bin blue at f nine now", speaker="s1", source=VoiceSource(speak="espeak")
    )
    said = done.alignment.speech_words()[4]
    assert said.label == "nine"
    assert done.voice == "synthesiser espeak"
    assert 0.15 < said.duration < 0.6
    assert np.abs(done.result.waveform[round(said.start * 16_000) : round(said.end * 16_000)]).max() > 0.02


@pytest.mark.filterwarnings(SILENT_WORDS)
def test_posteriors_are_sure_where_new(spoken):
    done = edit_recording(spoken, "bin blue at f two now", "bin blue at f nine now", speaker="s1")
    cut = done.cuts[0]
    new = done.result.posteriors[round(cut.new_start * 100) : round(cut.new_end * 100)]
    assert (new.max(1) == 1).all()
    assert done.result.posteriors.sum(1) == pytest.approx(1, abs=1e-3)
    encoded = load_network().posteriors(spoken.waveform, voice_activity=True)
    kept = round(cut.new_start * 100) - 1
    np.testing.assert_array_equal(done.result.posteriors[:kept], encoded[:kept])
    assert done.result.lip_parameters.shape == (int(np.ceil(len(done.result.posteriors) / 4)), 3)


def test_what_is_refused(spoken, tmp_path):
    text = "bin blue at f two now"
    with pytest.raises(InputError, match="the same words; change at least one"):
        edit_recording(spoken, text, "Bin blue at F 2 now.")
    with pytest.raises(InputError, match=r"word 4 of 6 is 'f', in the transcript 'g'"):
        edit_recording(spoken, "bin blue at g two now", "bin red at g two now")
    with pytest.raises(InputError, match=r"word 6 of 6 is 'now', in the transcript nothing"):
        edit_recording(spoken, "bin blue at f two", "bin red at f two")
    edges = Alignment.build([Interval("no", 0.0, 0.2)], [Interval("N", 0.0, 0.1), Interval("OW", 0.1, 0.2)], 0.2)
    tiny = Result(spoken.lips[:5], 25.0, alignment=edges)
    with pytest.raises(InputError, match="made anew; keep a word"):
        edit_recording(tiny, "no", "yes", speaker="s1")
    with pytest.raises(InputError, match="give the TextGrid of this video"):
        edit_recording(replace(spoken, lips=spoken.lips[:30]), text, "bin red at f two now")
    unknown = Alignment.build([Interval("hm", 0.2, 0.4)], [Interval("spn", 0.2, 0.4)], 1.0)
    with pytest.raises(InputError, match="write its phones in ARPAbet"):
        edit_recording(Result(spoken.lips[:25], 25.0, alignment=unknown), "hm", "no")
    with pytest.raises(InputError, match="no such file"):
        edit(tmp_path / "none.mp4", text, "bin red at f two now")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder"):
        edit(tmp_path / "none.mp4", text, "bin red at f two now", tmp_path / "file")
    with pytest.raises(InputError, match="give one of them"):
        edit(tmp_path / "none.mp4", text, "bin red", sound=tmp_path / "file", speak="espeak")


@pytest.fixture(scope="module")
def real(shared_data) -> tuple[Path, Alignment]:
    return shared_data / "grid/s1/bbaf2n.mp4", read_textgrid(shared_data / "grid_mfa/s1/bbaf2n.TextGrid")


@needs("face")
def test_a_real_clip_from_video_to_files(real, tmp_path, monkeypatch):
    video, alignment = real
    monkeypatch.setattr("phonolips.model.fit.MOST_EVALUATIONS", 5)
    with pytest.warns(PhonolipsWarning, match="the new words are silent"):
        done = edit(video, "bin blue at f two now", "bin red at f two now", alignment=alignment)
    assert done.changes == ('"blue" becomes "red"',)
    names = [path.name for path in done.save(tmp_path / "out", face=False)]
    assert {"lips.npz", "phones.TextGrid", "lips.mp4", "edit.npz", "comparison.png"} <= set(names)
    run = read_result(tmp_path / "out")
    assert np.array_equal(run.lips, done.lips)
    assert run.sound is not None
    assert [word.label for word in run.words] == ["bin", "red", "at", "f", "two", "now"]
    with np.load(tmp_path / "out" / "edit.npz") as values:
        assert np.array_equal(values["kept"], done.kept)
        assert len(values["seams"]) == 2
        assert len(values["source_frames"]) == len(done.lips)
    red = done.alignment.speech_words()[1]
    inside = slice(round(red.start * 25), round(red.end * 25))
    assert opening(done.lips[inside]).max() > 0.08, "red opens where blue was nearly shut"
    assert (tmp_path / "out" / "comparison.png").stat().st_size > 20_000


@needs("face")
def test_a_transcript_of_something_else_is_doubted(real):
    video, alignment = real
    labels = {"bin": "set", "blue": "white", "at": "with", "f": "zed", "two": "seven", "now": "please"}
    rng = np.random.default_rng(1)
    other = ["S", "EH", "W", "OY", "UW", "ZH", "M", "HH"]
    wrong = Alignment.build(
        [word._replace(label=labels[word.label]) for word in alignment.speech_words()],
        [p._replace(label=str(rng.choice(other))) for p in alignment.phones if p.label != SILENCE],
        alignment.duration,
    )
    with (
        pytest.warns(PhonolipsWarning, match="fits the sound badly"),
        pytest.raises(InputError, match="the transcript 'bin'"),
    ):
        edit(video, "bin blue at f two now", "bin red at f two now", alignment=wrong, speaker="s1")


@needs("train")
def test_the_benchmark_pairs_clips_that_differ_in_one_place_only_around_it():
    bench = tool("tools/bench/edit")
    texts = ("bin blue at f two now", "bin red at f two now", "bin red at g nine now", "lay blue at f two soon")
    records = [Record(f"s1/{index}", "s1", "test_seen", text, "", "v") for index, text in enumerate(texts)]
    records.append(Record("s2/0", "s2", "test_seen", "bin white at f two now", "", "v"))
    pairs = bench.find_pairs(records, 10, 0)
    assert pairs
    for pair in pairs:
        old, new = pair.source.text.split(), pair.target.text.split()
        assert pair.source.speaker == pair.target.speaker == "s1"
        assert old[pair.place] != new[pair.place]
        near = [at for at in (pair.place - 1, pair.place + 1) if 0 <= at < 6]
        assert all(old[at] == new[at] for at in near)
        if pair.third is not None:
            assert [pair.third.text.split()[at] for at in (*near, pair.place)] == [
                new[at] for at in (*near, pair.place)
            ]
    assert {pair.place for pair in pairs} >= {0, 1, 5}


@needs("train")
def test_the_benchmark_knows_the_truth_and_a_jump(spoken):
    bench = tool("tools/bench/edit")
    perfect = bench.score(spoken.lips, spoken.alignment, spoken, 4)
    assert perfect["opening_r"] == pytest.approx(1, abs=1e-6)
    assert perfect["rmse"] < 1e-6
    moved = bench.score(spoken.lips + np.float32([0.0, 0.1]), spoken.alignment, spoken, 4)
    assert moved["rmse"] == pytest.approx(0.1 / np.sqrt(2), rel=1e-3)
    assert moved["rmse_in_place"] < 1e-6
    torn = spoken.lips.copy()
    torn[20:] += 0.2
    ((calm_speed, calm_jerk),) = bench.motion(spoken.lips, [20])
    ((speed, jerk),) = bench.motion(torn, [20])
    assert speed > calm_speed + 4
    assert jerk > calm_jerk + 100
    assert bench.zones_of(np.array([True, False, False, True, False])) == [Zone(1, 3), Zone(4, 5)]
