"""Labels of other aligners as our phones: the sets, how one is chosen, what is approximated, and whose time is whose."""

import pytest

from phonolips.errors import InputError
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import PHONES, UNKNOWN, normalise_phone
from phonolips.phones.ipa import ALIGNER_READINGS, ENGLISH_SYMBOLS, ENGLISH_VARIANTS, IPA_TO_ARPABET
from phonolips.phones.labels import (
    ARPABET,
    ARPABET_VARIANTS,
    BRITISH_VARIANTS,
    CLOSURES,
    IPA,
    PRAAT_CODES,
    SAMPA,
    SAMPA_TO_IPA,
    PhoneTier,
    UnknownLabelError,
    describe_nearest,
    read_ipa,
    read_phones,
)


def tier(labels: str) -> list[Interval]:
    """Lay labels out, a tenth of a second each."""
    return [Interval(label, index / 10, (index + 1) / 10) for index, label in enumerate(labels.split())]


def read(labels: str) -> PhoneTier:
    return read_phones(tier(labels))


def spoken(found: PhoneTier) -> str:
    return " ".join(phone.label for phone in found.phones)


def test_every_table_leads_to_the_inventory() -> None:
    tables = (IPA_TO_ARPABET, ALIGNER_READINGS, ARPABET_VARIANTS, BRITISH_VARIANTS, CLOSURES)
    assert {phone for table in tables for phones in table.values() for phone in phones} <= set(PHONES)
    for symbol in ENGLISH_SYMBOLS | ENGLISH_VARIANTS:
        assert read_ipa(symbol) is not None, symbol
    single = [ipa for ipa in (*SAMPA_TO_IPA.values(), *PRAAT_CODES.values()) if ipa.isalpha() and len(ipa) == 1]
    assert len(single) > 100
    for ipa in single:
        assert ipa in "ːˑʲ˞" or read_ipa(ipa) is not None, ipa


@pytest.mark.parametrize(
    ("labels", "label_set", "phones"),
    [
        # one sentence in seven spellings
        ("DH AH0 K AE1 T S IH1 T S sil", ARPABET, "DH AH K AE T S IH T S sil"),
        ("dh ax k ae t s ih t s pau", ARPABET, "DH AH K AE T S IH T S sil"),
        ("DH_B AH0_E K_B AE1_I T_I S_E IH1_B T_I S_E SIL", ARPABET, "DH AH K AE T S IH T S sil"),
        ("ð ə kʰ æ t s ɪ t s sp", IPA, "DH AH K AE T S IH T S sil"),
        ("D @ k { t s I t s <p:>", SAMPA, "DH AH K AE T S IH T S sil"),
        ("D_B @_E k_B {_I t_I s_E I_B t_I s_E <eps>", SAMPA, "DH AH K AE T S IH T S sil"),
        (r"\dh \sw k \ae t s \ic t s #", IPA, "DH AH K AE T S IH T S sil"),
        # consonants alone are ARPAbet; `aw` is ARPAbet beside `hh`, and reads the same as IPA
        ("s t r", ARPABET, "S T R"),
        ("hh aw n aw", ARPABET, "HH AW N AW"),
        ("h aw n aw b ɹ", IPA, "HH AW N AW B R"),
        # SAMPA's capitals beside ARPAbet's
        ("T I N S I p", SAMPA, "TH IH NG SH IH P"),
        ("T IH N S IH P", ARPABET, "T IH N S IH P"),
    ],
)
def test_the_set_is_found_by_the_labels(labels: str, label_set: str, phones: str) -> None:
    found = read(labels)
    assert (found.label_set, spoken(found)) == (label_set, phones)
    assert not found.nearest


def test_ipa_of_mfa_for_english_is_no_approximation() -> None:
    """Words of MFA's American and British dictionaries: keep, music, new, thought, little, city, button, goat, near."""
    found = read(
        "cʰ iː p mʲ ʉː z ɪ k ɲ ʉː θ ɒː t ʎ ɪ ɾ ɫ̩ s ɪ ɾ i b ɐ ʔ n̩ ɡ əw t n ɪ ɹ ɟ ɛ t ç ʉː dʒ tʃ ɜː ɝ ɚ d̪ t̪ pʷ vʲ ɱ"
    )
    assert spoken(found) == (
        "K IY P M UW Z IH K N UW TH AO T L IH T AH L S IH T IY B AH T AH N G OW T N IH R G EH T HH UW JH CH ER ER ER "
        "D T P V M"
    )
    assert not found.nearest


def test_ipa_of_mfa_for_german_counts_what_is_approximated() -> None:
    found = read("ʃ øː n yː b ʁ aː x pf ts ɔʏ ç cʰ")
    assert spoken(found) == "SH [ø] N [y] B [ʁ] [a] [x] P F T S AO [ʏ] [ç] [c]"
    assert dict(found.nearest) == {
        ("øː", ("[ø]",)): 1, ("yː", ("[y]",)): 1, ("ʁ", ("[ʁ]",)): 1, ("aː", ("[a]",)): 1, ("x", ("[x]",)): 1,
        ("ɔʏ", ("AO", "[ʏ]")): 1, ("ç", ("[ç]",)): 1, ("cʰ", ("[c]",)): 1,
    }  # fmt: skip
    assert ("ʃ", ("SH",)) not in found.nearest
    assert describe_nearest(found.nearest, 2).endswith("and 6 more symbols")
    assert describe_nearest(found.nearest).startswith("øː (OW+AO), yː (UW+W)")


def test_r_is_english_until_another_label_shows_another_language() -> None:
    assert spoken(read("r ɛ d")) == "R EH D"
    assert spoken(read("r ɛ d y")) == "[r] EH D [y]"


def test_sounds_in_brackets_are_read_among_arpabet() -> None:
    found = read("B [y] N [øː] T sil [noise] spn")
    assert spoken(found) == "B [y] N [ø] T sil sil spn"
    assert not found.nearest
    with pytest.raises(InputError):
        read("B [nonsense] N")


def test_sampa_of_maus() -> None:
    german = "<p:> ? a: p 2: 6 9 C E E: OY Q R Y aI aU f n= m= l= x y: z E6 i:6 tS dZ ts pf a~ <usb> <nib>"
    found = read(german)
    assert spoken(found) == (
        "sil [a] P [ø] AH [œ] [ç] EH EH AO [ʏ] [ɒ] [ʁ] [ʏ] AY AW F AH N AH M AH L [x] [y] Z EH AH IY AH CH JH T S P F "
        "[a] spn sil"
    )
    assert found.nearest["x", ("[x]",)] == 1
    assert ("E", ("EH",)) not in found.nearest
    english = read("{ V 3: @U eI I@ e@ U@ T D Q N tS dZ r\\ @` j w h")
    assert spoken(english) == "AE AH ER OW EY IY AH EH R UH R TH DH AA NG CH JH R ER Y W HH"
    assert {label for label, _ in english.nearest} == {"I@", "e@", "U@"}


def test_timit_joins_a_closure_with_its_release() -> None:
    found = read("h# bcl b ix tcl ch dcl jh kcl t epi")
    assert [(phone.label, phone.start, phone.end) for phone in found.phones] == [
        ("sil", 0.0, 0.1), ("B", 0.1, 0.3), ("IH", 0.3, 0.4), ("CH", 0.4, 0.6), ("JH", 0.6, 0.8), ("K", 0.8, 0.9),
        ("T", 0.9, 1.0), ("sil", 1.0, 1.1),
    ]  # fmt: skip


def test_one_interval_of_two_phones_is_shared_evenly() -> None:
    found = read("k ɪə t n̩")
    assert found.phones[1:] == [
        Interval("IY", 0.1, pytest.approx(0.15)),
        Interval("AH", pytest.approx(0.15), 0.2),
        Interval("T", 0.2, 0.3),
        Interval("AH", 0.3, pytest.approx(0.35)),
        Interval("N", pytest.approx(0.35), 0.4),
    ]


def test_a_glottal_stop_leaves_its_time_to_the_vowel_and_is_a_t_inside_an_english_word() -> None:
    before_vowel = read("sil ʔ æ t").phones
    assert before_vowel == [Interval("sil", 0.0, 0.1), Interval("AE", 0.1, 0.3), Interval("T", 0.3, 0.4)]
    inside = read_phones(tier("ʔ æ ʔ ə ɹ ʔ"), [Interval("atter", 0.0, 0.5), Interval("uh", 0.5, 0.6)])
    assert [phone.label for phone in inside.phones] == ["AE", "T", "AH", "R"]
    assert inside.phones[-1] == Interval("R", 0.4, 0.6)  # nothing follows: the one before keeps the time
    assert [p.label for p in read("t a: ? <p:>").phones] == ["T", "[a]", "sil"]
    assert read("? <p:> E: ?").phones == [Interval("sil", 0.1, 0.2), Interval("EH", 0.2, 0.4)]


@pytest.mark.parametrize(
    "label", ["sil", "SIL", "sp", "<eps>", "<p:>", "{NS}", "noise", "h#", "#", "", "[SIL]", "!SIL", "pau"]
)
def test_silences(label: str) -> None:
    assert normalise_phone(label) == "sil"
    assert read_phones([Interval(label, 0.0, 0.1), Interval("ɹ", 0.1, 0.2)]).phones[0].label == "sil"


@pytest.mark.parametrize("label", ["spn", "SPN", "<unk>", "<usb>", "[LAUGHTER]", "{LG}"])
def test_speech_of_unknown_phones(label: str) -> None:
    assert normalise_phone(label) == UNKNOWN
    assert read_phones([Interval(label, 0.0, 0.1), Interval("2:", 0.1, 0.2)]).phones[0].label == UNKNOWN


@pytest.mark.parametrize(
    ("labels", "part"),
    [
        ("DH AH QQ K AE T", r"'QQ' at 0.20 s .*5 of 6 labels are ARPAbet"),
        ("D @ k { §§ I", r"'§§' at 0.40 s .*5 of 6 labels are SAMPA"),
        ("ð ə ж æ t", r"'ж' at 0.20 s .*4 of 5 labels are IPA"),
        ("house is that not", r"1 of 4 labels"),
        ("hi no me to", r"4 of 4 labels are more than one phone"),
    ],
)
def test_what_is_no_phone_is_refused_with_its_place(labels: str, part: str) -> None:
    with pytest.raises(UnknownLabelError, match=part):
        read(labels)
