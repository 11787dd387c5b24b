"""Words that are written alike and said differently, by their context: tests/text/heteronyms.tsv and forms of sentences."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from phonolips.phones.inventory import PHONES
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.text.heteronyms import choose_senses, heteronyms
from phonolips.speech.text.normalise import Token, normalise_text
from phonolips.speech.text.tagger import load_tagger

SENTENCES = Path(__file__).parent / "text" / "heteronyms.tsv"
# What ships reaches 100, 95, 99 and 98 %; "test" was never tuned on, "fresh" only after its first reading (96 %)
FLOORS = {"tune": 0.98, "test": 0.95, "more": 0.97, "fresh": 0.95}


def said(text: str, word: str, **options: str) -> str:
    """Return the phones of every occurrence of a word."""
    found = [" ".join(spoken.phones) for spoken in text_to_phones(text, **options) if spoken.word == word]
    assert found, f"{word} is not in {text}"
    return " | ".join(found)


@pytest.mark.parametrize("language", ["en-us", "en-gb"])
def test_accuracy_on_sentences(language: str) -> None:
    with SENTENCES.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    first = [row for row in rows if row["split"] in ("tune", "test")]
    assert len(first) == 200
    assert len({row["word"] for row in first}) >= 60
    right: Counter[str] = Counter()
    for row in rows:
        right[row["split"]] += said(row["sentence"], row["word"], language=language) in row["phones"].split("/")
    total = Counter(row["split"] for row in rows)
    assert {split: right[split] / total[split] >= floor for split, floor in FLOORS.items()} == dict.fromkeys(
        FLOORS, True
    )


@pytest.mark.parametrize(
    ("text", "word", "phones"),
    [
        ("I will read the book.", "read", "R IY D"),
        ("He has read it and will read it again.", "read", "R EH D | R IY D"),
        ("Yesterday I read a poem. Read it!", "read", "R EH D | R IY D"),
        ("The bandage was wound around the wound.", "wound", "W AW N D | W UW N D"),
        ("We must polish the Polish furniture.", "polish", "P AA L IH SH | P OW L IH SH"),
        ("They were too close to the door to close it.", "close", "K L OW S | K L OW Z"),
        ("Does the buck know where the does are?", "does", "D AH Z | D OW Z"),
    ],
)
def test_one_sentence_may_hold_both(text: str, word: str, phones: str) -> None:
    assert said(text, word) == phones


@pytest.mark.parametrize(
    "text",
    [
        "The old house has lead pipes.", "THE OLD HOUSE HAS LEAD PIPES.", "“The old house has lead pipes,” she said.",
        "The old house has 'lead' pipes.", "the old house has (lead) pipes", "The old house has LEAD pipes.",
    ],
)  # fmt: skip
def test_the_form_of_a_sentence_changes_nothing(text: str) -> None:
    assert said(text, "lead") == "L EH D"
    assert said(text.replace("lead pipes", "lead pipes and they lead away"), "lead").startswith("L EH D")


def test_capitals_at_a_sentence_start_make_no_name() -> None:
    assert said("Polish the shoes.", "polish") == "P AA L IH SH"
    assert said("Nice to meet you.", "nice") == "N AY S"
    assert said("Live music tonight!", "live") == "L AY V"
    assert said("Use the door.", "use") == "Y UW Z"
    assert said("Black Lives Matter", "lives") == "L AY V Z"
    assert said("WE WENT TO NICE IN FRANCE", "nice") == "N AY S"  # capitals mean nothing there


def test_context_ends_with_the_sentence() -> None:
    tokens = normalise_text("They caught fish. The bass")
    assert choose_senses(tokens)[len(tokens) - 1].name == "music"
    tokens = normalise_text("They caught fish, the bass")
    assert choose_senses(tokens)[len(tokens) - 1].name == "fish"


def test_events_between_words_are_no_words() -> None:
    tokens = normalise_text("I have read it")
    with_event = [*tokens[:2], Token("", 0.0), *tokens[2:]]
    assert choose_senses(with_event)[3] == choose_senses(tokens)[2]
    assert choose_senses(with_event)[3].name == "verb, past"


def test_source_tells_the_sense() -> None:
    spoken = text_to_phones("I object to the object")
    assert spoken[1].source == "dictionary, by context (verb)"
    assert spoken[4].source == "dictionary, by context (noun)"
    assert spoken[0].source == "letters"


def test_table_is_sound() -> None:
    for word, senses in heteronyms().items():
        assert len({sense.phones for sense in senses}) > 1, word
        assert len({sense.name for sense in senses}) == len(senses), word
        for sense in senses:
            assert set(sense.phones) <= set(PHONES), word
            assert set(sense.kinds) <= set("NVDGAR^"), word
    assert heteronyms()["records"][1].phones[-1] == "Z"


def test_tagger() -> None:
    assert load_tagger().tag(["The", "dog", "barks", "loudly", "."]) == ["DT", "NN", "VBZ", "RB", "."]
    assert load_tagger().tag([]) == []
    with np.load(Path(__file__).parents[1] / "phonolips/speech/text/tagger.npz") as arrays:
        assert (np.diff(arrays["hashes"].astype(np.int64)) > 0).all()
        assert arrays["counts"].sum() == len(arrays["weights"]) == len(arrays["class_of_weight"])
