"""English words beyond the dictionary: initialisms, the letter A, interjections, lengthened words, parts of words."""

import pytest

from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.text.interjections import reduce_lengthened
from phonolips.speech.text.letters import is_initialism
from phonolips.speech.text.lexicon import letter_name
from phonolips.speech.text.usual_words import usual_pronunciation


def said(text: str, **options: str) -> dict[str, str]:
    """Map the words of a text, the last of each, to their phones."""
    return {word.word: " ".join(word.phones) for word in text_to_phones(text, **options) if word.word}


def spelled(letters: str) -> str:
    return " ".join(phone for letter in letters for phone in letter_name(letter))


INITIALISMS = (
    "AI", "ID", "EV", "CD", "FAQ", "URL", "SQL", "HTML", "USB", "GPT", "LLM", "TV", "UK", "EU", "UN", "BBC",
    "HIV", "MRI", "VIP", "AKA", "ASAP", "ETA", "LOL", "OMG", "DIY", "CEO", "FBI", "LED", "IRA", "US", "IT",
    "UCLA", "OECD", "XKCD", "AM",
)  # fmt: skip


@pytest.mark.parametrize("letters", INITIALISMS)
def test_initialisms_are_spelled(letters: str) -> None:
    text = f"We hear about the {letters} {'radio' if letters == 'AM' else 'department'} today."
    assert said(text)[letters.lower()] == spelled(letters.lower())
    plural = said(f"We hear about two {letters}s today.")[letters.lower() + "s"] if letters not in ("IT", "AM") else ""
    assert plural in (
        "",
        f"{spelled(letters.lower())} Z",
        f"{spelled(letters.lower())} S",
        f"{spelled(letters.lower())} IH Z",
    )


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("NASA", "N AE S AH"), ("NATO", "N EY T OW"), ("OPEC", "OW P EH K"), ("AIDS", "EY D Z"), ("PIN", "P IH N"),
        ("SIM", "S IH M"), ("RAM", "R AE M"), ("GIF", "G IH F"), ("JPEG", "JH EY P EH G"), ("CAT", "K AE T"),
        ("STOP", "S T AA P"), ("NOT", "N AA T"),
    ],
)  # fmt: skip
def test_some_capitals_are_words(word: str, phones: str) -> None:
    assert said(f"They talk about {word} here.")[word.lower()] == phones


def test_neighbours_tell_it_us_and_who() -> None:
    assert said("Please DO IT NOW for me")["it"] == "IH T"
    assert said("That is IT for today")["it"] == "IH T"
    assert said("Tell the IT team")["it"] == "AY T IY"
    assert said("the FBI's IT people")["it"] == "AY T IY"
    assert said("the US army told us")["us"] == "AH S"
    assert said("WHO did this?")["who"] == "HH UW"
    assert said("the WHO said so")["who"] == spelled("who")


def test_glued_initialisms() -> None:
    assert said("chatgpt openai")["chatgpt"] == "CH AE T JH IY P IY T IY"
    assert said("chatgpt openai")["openai"] == "OW P AH N EY AY"
    assert is_initialism("html")
    assert not is_initialism("ikea")


@pytest.mark.parametrize(
    "text",
    [
        "He got an A in math.", "Vitamin A is good.", "Plan A works.", "vitamin a", "an A- for you", "an A+ for you",
        "A, B and C", "the letter a is here", "from A to Z", "Section A is closed.", "a grade A student", "blood type A",
        "A is for apple.", "a b c", "hepatitis A spreads", "The A team won.", "VITAMIN A IS GOOD",
    ],
)  # fmt: skip
def test_the_letter_a(text: str) -> None:
    assert "EY" in [" ".join(word.phones) for word in text_to_phones(text) if word.word == "a"]


@pytest.mark.parametrize(
    "text",
    [
        "A dog barked.", "I saw a dog.", "A plan a day.", "Once Upon A Time in the West", "a A4 sheet", "He has a plan a day.",
        "I NEED A DOCTOR", "A cat and a dog.", "What a day!", "Stop. A man came in.", "a T-shirt", "He set a table.",
    ],
)  # fmt: skip
def test_the_article(text: str) -> None:
    assert next(word.phones for word in text_to_phones(text) if word.word == "a") == ("AH",)


def test_single_letters() -> None:
    assert said("the x-axis of a T-shirt, by e-mail") == {
        "the": "DH AH", "x-axis": "EH K S AE K S AH S", "of": "AH V", "a": "AH", "t-shirt": "T IY SH ER T", "by": "B AY",
        "e-mail": "IY M EY L",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "phones"),
    [
        ("Mmm", "M"), ("mm-hmm", "M HH M"), ("Hmm", "HH M"), ("hm", "HH M"), ("Shh", "SH"), ("Shhhhh", "SH"), ("pst", "P S T"),
        ("Brr", "B ER"), ("ugh", "AH G"), ("uh-huh", "AH HH AH"), ("uh-oh", "AH OW"), ("um", "AH M"), ("aah", "AA"),
        ("ooh", "UW"), ("oww", "AW"), ("wow", "W AW"), ("yay", "Y EY"), ("aww", "AO"), ("argh", "AA R G"), ("grr", "G ER"),
        ("psst", "P S T"), ("tsk", "T S K"), ("zzz", "Z"), ("haha", "HH AA HH AA"), ("hehe", "HH EH HH EH"),
        ("phew", "F Y UW"), ("meh", "M EH"), ("nah", "N AA"), ("yeah", "Y AE"), ("nope", "N OW P"), ("gonna", "G AH N AH"),
    ],
)  # fmt: skip
def test_interjections(written: str, phones: str) -> None:
    assert " ".join(text_to_phones(written)[0].phones) == phones


@pytest.mark.parametrize(
    ("drawn_out", "word"),
    [
        ("sooo", "so"), ("nooooo", "no"), ("woooow", "wow"), ("goood", "good"), ("yesss", "yes"), ("sooooon", "soon"),
        ("heeello", "hello"), ("pleeeease", "please"), ("stoppp", "stop"), ("mmmmm", "mm"), ("zorrrb", "zorrrb"), ("book", "book"),
    ],
)  # fmt: skip
def test_lengthened_words(drawn_out: str, word: str) -> None:
    assert reduce_lengthened(drawn_out) == word


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("vlogging", "V L AA G IH NG"), ("unfriended", "AH N F R EH N D IH D"), ("selfies", "S EH L F IY Z"),
        ("rebooted", "R IY B UW T IH D"), ("emojis", "IH M OW JH IY Z"), ("nonhuman", "N AA N HH Y UW M AH N"),
        ("catlike", "K AE T L AY K"),
    ],
)  # fmt: skip
def test_parts_of_words(word: str, phones: str) -> None:
    spoken = text_to_phones(word)[0]
    assert " ".join(spoken.phones) == phones
    assert spoken.source in ("parts of the word", "dictionary")


def test_usual_words() -> None:
    assert usual_pronunciation("was") == ("W", "AH", "Z")
    assert usual_pronunciation("caught") == ("K", "AO", "T")
    assert usual_pronunciation("cot") == ("K", "AA", "T")
    assert usual_pronunciation("zorblax") == ()
    assert [word.source for word in text_to_phones("Friday, brr, unfriended zorblax BBC cat")] == [
        "usual words", "", "interjections", "", "parts of the word", "espeak en-us", "letters", "dictionary",
    ]  # fmt: skip
