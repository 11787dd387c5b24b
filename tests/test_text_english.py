"""How written English is read, kind by kind: one file a kind under tests/text/english, one `written~spoken` a line."""

import time
import warnings
from pathlib import Path

import pytest

from phonolips.errors import PhonolipsWarning
from phonolips.speech.text.english import expand_english
from phonolips.speech.text.normalise import clean_text, normalise_text

FOLDER = Path(__file__).parent / "text" / "english"


def say(text: str, language: str) -> str:
    """Write the tokens in one line: words as they are, `*` before a spelled one, `,` and `.` for pauses."""
    marks = {0.2: ",", 0.4: "."}
    tokens = normalise_text(text, language)
    return " ".join("*" * token.spelled + token.word if token.word else marks[token.pause_seconds] for token in tokens)


def read_cases() -> list[tuple[str, str, str]]:
    """Read every file: its kind, what is written, how it is said."""
    cases = []
    for path in sorted(FOLDER.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            written, _, spoken = line.rpartition("~")
            cases.append((path.stem, written.replace("\\n", "\n"), spoken))
    return cases


@pytest.mark.parametrize(("kind", "written", "spoken"), read_cases())
def test_english_is_read_as_people_read_it(kind: str, written: str, spoken: str) -> None:
    assert say(written, "en-gb" if kind == "british" else "en-us") == spoken


def test_signs_that_nothing_reads_are_named_once() -> None:
    with pytest.warns(PhonolipsWarning, match="left out 2 signs that nothing here can read: 👍 ☃") as caught:
        normalise_text("fine 👍👍 and ☃ cold")
    assert len(caught) == 1


def test_decoration_is_dropped_without_a_word() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert say("*** one • two ■ three ___", "en-us") == "one two three"


def test_events_pass_through() -> None:
    assert "\U000f0001" in clean_text("one \U000f0001 two")
    assert expand_english("5\U000f0001 km and \U000f0002World War II").count("\U000f0001") == 1
    assert say("5\U000f0001 km and \U000f0002World\U000f0003 War II", "en-us") == "five kilometers and world war two"


@pytest.mark.parametrize(
    "unit", ["1", ".", "/", "I", "M", " ", "½", "1.", "1-", "-1", '"1', "a.", "^2", "aA", "@a", "#a", "_"]
)
def test_time_grows_with_the_text_alone(unit: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        began = time.process_time()
        normalise_text((unit * 10_000)[:10_000])
    assert time.process_time() - began < 3.0  # a quadratic rule takes minutes; on a busy machine these take 0.4 s
