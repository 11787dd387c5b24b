"""The inventory, viseme classes, and reading of a user's phones."""

import pytest

from phonolips.errors import InputError
from phonolips.phones.inventory import IGNORED_ID, PHONE_TO_VISEME, PHONES, normalise_phone, parse_phones
from phonolips.phones.sounds import phones_to_ids


def test_inventory_is_arpabet_39_and_silence():
    assert len(PHONES) == len(set(PHONES)) == 40
    assert PHONES[0] == "sil"


def test_every_phone_has_exactly_one_viseme():
    assert set(PHONE_TO_VISEME) == set(PHONES)


@pytest.mark.parametrize(
    ("label", "phone"), [("AH0", "AH"), ("", "sil"), ("<eps>", "sil"), ("SP", "sil"), ("spn", "spn"), ("b", "B")]
)
def test_spellings(label, phone):
    assert normalise_phone(label) == phone


def test_unknown_words_are_ignored_not_silent():
    assert phones_to_ids(["B", "spn"])[1] == IGNORED_ID


def test_parse_phones_takes_separators_and_stress():
    assert parse_phones("B IH1 N | B, L UW1") == ["B", "IH", "N", "B", "L", "UW"]


@pytest.mark.parametrize(("text", "message"), [("", "empty"), ("B QQ N", "'QQ'"), ("spn", "spn")])
def test_parse_phones_refuses(text, message):
    with pytest.raises(InputError, match=message):
        parse_phones(text)
