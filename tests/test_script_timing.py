"""Times that a text asks for: in the lips with predicted durations, and in the sound of espeak-ng."""

import numpy as np
import pytest

import phonolips
from phonolips.errors import PhonolipsWarning
from phonolips.model.network import load_network
from phonolips.phones.intervals import Alignment
from phonolips.speech.cues import MOST_HURRY, cue_groups, hurry
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.tts.speak import speak_words
from phonolips.speech.tts.spoken import EDGE_SECONDS, Spoken
from phonolips.speech.words import SpokenWord
from phonolips.synth.timing import predict_alignment
from phonolips.synth.verbs import from_speech
from phonolips.timebase import SAMPLE_RATE

SRT = """1
00:00:00,200 --> 00:00:01,500
Hello there.

2
00:00:02,400 --> 00:00:04,000
[music]
How are you?

3
00:00:08,000 --> 00:00:12,000
Goodbye.
"""


def predict(text: str, rate: float = 1.0) -> Alignment:
    network = load_network()
    return predict_alignment(network, text_to_phones(text), network.speaker_row(None), rate)


def speak(text: str, rate: float = 1.0, language: str = "en-us") -> Spoken:
    return speak_words(text_to_phones(text, language=language), rate=rate, language=language)


def starts(alignment: Alignment) -> dict[str, float]:
    return {word.label: word.start for word in reversed(alignment.speech_words())}


def ends(alignment: Alignment) -> dict[str, float]:
    return {word.label: word.end for word in alignment.speech_words()}


@pytest.mark.parametrize("times", [predict, lambda text: speak(text).alignment], ids=["predicted", "espeak"])
def test_subtitles_begin_at_their_times_and_last_to_the_end(times) -> None:
    with pytest.warns(PhonolipsWarning, match="music"):
        found = times(SRT)
    begin = starts(found)
    assert [begin[word] for word in ("hello", "how", "goodbye")] == pytest.approx([0.2, 2.4, 8.0], abs=0.005)
    assert found.duration == pytest.approx(12.0, abs=0.04)


@pytest.mark.parametrize("times", [predict, lambda text: speak(text).alignment], ids=["predicted", "espeak"])
def test_words_are_said_faster_where_there_is_little_time(times) -> None:
    text = "00:00:01,0 --> 00:00:02,0\nThe cat sat on the mat and ate a rat.\n\n00:00:02,5 --> 00:00:04,0\nThen it slept.\n"
    found = times(text)
    assert starts(found)["then"] == pytest.approx(2.5, abs=0.06)
    usual = times("The cat sat on the mat and ate a rat.")
    assert ends(found)["rat"] - starts(found)["the"] < 0.9 * (ends(usual)["rat"] - starts(usual)["the"])


@pytest.mark.parametrize("times", [predict, lambda text: speak(text).alignment], ids=["predicted", "espeak"])
def test_words_that_cannot_be_said_in_time_push_the_next_ones_and_are_warned_of(times) -> None:
    text = "00:00:01,0 --> 00:00:01,2\n" + "The cat sat on the mat. " * 3 + "\n\n00:00:01,2 --> 00:00:02,0\nEnd.\n"
    with pytest.warns(PhonolipsWarning, match=r"1 of 2 subtitles begin late, by up to \d.\d s"):
        found = times(text)
    assert starts(found)["end"] > 2.0


def test_words_are_never_before_their_time_at_any_rate() -> None:
    with pytest.warns(PhonolipsWarning, match="music"):
        found = predict(SRT, rate=3.0)
    assert starts(found)["how"] == pytest.approx(2.4)


@pytest.mark.parametrize(
    "times", [predict, lambda text, rate=1.0: speak(text, rate).alignment], ids=["predicted", "espeak"]
)
def test_breaks_last_as_long_as_they_say(times) -> None:
    text = '<speak><break time="1s"/>One <break time="2s"/> two, <break time="300ms"/> six<break time="3s"/></speak>'
    for rate in (1.0, 2.0):
        found = times(text, rate)
        begin, end = starts(found), ends(found)
        assert begin["one"] == pytest.approx(EDGE_SECONDS + 1, abs=0.02)
        assert begin["two"] - end["one"] == pytest.approx(2, abs=0.02)
        assert begin["six"] - end["two"] == pytest.approx(0.3, abs=0.02)
        assert found.duration - end["six"] == pytest.approx(EDGE_SECONDS + 3, abs=0.05)


@pytest.mark.parametrize("times", [predict, lambda text: speak(text).alignment], ids=["predicted", "espeak"])
def test_rates(times) -> None:
    slow, fast = (
        times(f'<speak>Go. <prosody rate="{rate}">seven yellow lions</prosody></speak>')
        for rate in ("x-slow", "x-fast")
    )
    lengths = [ends(each)["lions"] - starts(each)["seven"] for each in (slow, fast)]
    assert lengths[0] / lengths[1] == pytest.approx(4, rel=0.15)


def test_the_sound_is_silent_where_a_break_is() -> None:
    spoken = speak('<speak>All <break time="1s"/> over</speak>')
    end, begin = ends(spoken.alignment)["all"], starts(spoken.alignment)["over"]
    inside = spoken.waveform[round((end + 0.02) * SAMPLE_RATE) : round((begin - 0.02) * SAMPLE_RATE)]
    assert np.abs(inside).max() < 0.003


def test_words_of_another_language_are_said_by_its_voice() -> None:
    spoken = speak('<speak>The word <lang xml:lang="de">Mädchen</lang> here</speak>')
    words = spoken.alignment.speech_words()
    assert [word.label for word in words] == ["the", "word", "mädchen", "here"]
    german = speak("Mädchen", language="de").alignment.speech_words()[0]
    assert words[2].duration == pytest.approx(german.duration, abs=0.02)


def test_a_rate_beyond_the_voice_is_said_at_the_nearest() -> None:
    with pytest.warns(
        PhonolipsWarning, match=r"espeak speaks at 0.5 to 2.8 times its usual pace; 1 sentences .* as 0.2"
    ):
        speak('<speak><prosody rate="20%">one</prosody></speak>')


def test_given_phones_are_said() -> None:
    spoken = speak('<speak>a <phoneme alphabet="x-cmu" ph="B UW1 B">cat</phoneme></speak>')
    assert spoken.alignment.phone_sequence() == ["AH", "B", "UW", "B"]


def test_emphasis_of_mark_up_moves_the_lips() -> None:
    def opening(text: str, **options: object) -> float:
        lips = phonolips.from_text(text, **options).lips  # type: ignore[arg-type]
        return float(np.ptp(lips[..., 1], axis=0).max())

    marked = opening('<speak>bin <emphasis level="strong">mob</emphasis> now</speak>')
    assert marked > 1.05 * opening("bin mob now")
    assert marked == pytest.approx(opening("bin mob now", emphasis={"mob": 1.5}))
    by_user = opening('<speak>bin <emphasis level="strong">mob</emphasis> now</speak>', emphasis={"mob": 1.0})
    assert by_user == pytest.approx(opening("bin mob now"))


def test_a_word_of_marked_up_text_can_be_emphasised_as_it_is_written() -> None:
    text = '<speak>Pay <prosody rate="slow">$5</prosody> <break time="1s"/> in 2024</speak>'
    result = phonolips.from_text(text, emphasis={"$5": 1.5, "2024": 1.5})
    assert [word.label for word in result.alignment.speech_words()][1:3] == ["five", "dollars"]
    assert "dollars" in {word.label for word in from_speech(text, emphasis={"$5": 1.5}).alignment.speech_words()}


def test_groups_and_hurry() -> None:
    word, at = SpokenWord("a", ("AH",)), SpokenWord("", ("sil",), at=2.0)
    assert [(g.at, len(g.words), g.until) for g in cue_groups([word, at, word, word])] == [
        (None, 1, 2.0),
        (2.0, 2, None),
    ]
    assert [(g.at, len(g.words), g.until) for g in cue_groups([at, word])] == [(2.0, 1, None)]
    assert [(g.at, len(g.words), g.until) for g in cue_groups([])] == [(None, 0, None)]
    assert hurry(2.0, 1.0, None) == 1
    assert hurry(2.0, 1.0, 3.0) == 1
    assert hurry(3.0, 1.0, 3.0) == 1.5
    assert hurry(9.0, 1.0, 3.0) == MOST_HURRY
    assert hurry(1.0, 3.0, 2.0) == MOST_HURRY


def test_a_sentence_whose_rate_cannot_be_kept_is_counted_once():
    one = "1\n00:00:01,000 --> 00:00:01,200\nThis is much too long for it.\n\n"  # its pace is tried three times
    cues = f"{one}2\n00:00:01,500 --> 00:00:04,400\nSo is this.\n"
    with pytest.warns(PhonolipsWarning, match="usual pace; 1 sentences"):
        speak_words(text_to_phones(cues), rate=2.5)
