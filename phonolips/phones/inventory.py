"""The phone inventory and its viseme classes.

The inventory is ARPAbet-39 without stress, plus `sil`. Its order is part of every checkpoint: the
checkpoint stores the list and loading compares it. Visemes are derived here and never stored.

Labels are phones of the inventory, `spn`, or sounds that it lacks: IPA in square brackets, such as `[y]`, which
`phonolips.phones.sounds` makes of its phones.
"""

from phonolips.checks import shown
from phonolips.errors import InputError
from phonolips.phones.features import canonical, read_sound

SILENCE = "sil"
UNKNOWN = "spn"  # MFA's label for a word it does not know; never in the inventory

PHONES: tuple[str, ...] = (
    SILENCE,
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY",
    "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y",
    "Z", "ZH",
)  # fmt: skip
PHONE_IDS: dict[str, int] = {phone: index for index, phone in enumerate(PHONES)}
NUM_PHONES = len(PHONES)  # 40
SILENCE_ID = PHONE_IDS[SILENCE]  # 0
IGNORED_ID = -1  # a step whose phone is unknown (MFA's spn); no loss and no score counts it

VOWELS = frozenset(("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"))
BILABIALS = frozenset(("B", "M", "P"))
LABIODENTALS = frozenset(("F", "V"))

# Classes of phones that share a lip shape, after Jeffers and Barley (1971) as used in audio-visual
# speech work, with the vowels split by opening and rounding.
VISEMES: dict[str, tuple[str, ...]] = {
    "silence": ("sil",),
    "bilabial": ("B", "M", "P"),
    "labiodental": ("F", "V"),
    "dental": ("DH", "TH"),
    "alveolar": ("D", "L", "N", "S", "T", "Z"),
    "velar": ("G", "HH", "K", "NG", "Y"),
    "postalveolar": ("CH", "JH", "SH", "ZH"),
    "rounded glide": ("R", "W", "ER"),
    "open": ("AA", "AE", "AH", "AY", "AW"),
    "mid": ("EH", "EY"),
    "spread": ("IH", "IY"),
    "rounded": ("AO", "OW", "OY", "UH", "UW"),
}
VISEME_NAMES: tuple[str, ...] = tuple(VISEMES)
PHONE_TO_VISEME: dict[str, int] = {phone: index for index, phones in enumerate(VISEMES.values()) for phone in phones}


# How dictionaries, aligners and people write that nothing is said, in lower case: MFA and HTK (sil, sp), Kaldi (<eps>),
# TIMIT and Festival (h#, pau, epi), MAUS (<p:>), P2FA and FAVE ({SL}, {NS} noise, {BR} breath), Sphinx (++NOISE++).
# Noises that are no speech rest the mouth as silence does.
SILENCE_SPELLINGS = frozenset((
    "", "sil", "sp", "ssil", "spau", "pau", "pause", "silence", "h#", "#h", "epi", "#", "##", "_", "-", "--", "...",
    "(.)", "…",
    "<eps>", "<sil>", "<s>", "</s>", "<p:>", "<p>", "<nib>", "<pause>", "<silence>", "<noise>", "<breath>", "<br>",
    "[sil]", "[pause]", "[silence]", "[noise]", "[breath]", "[ns]", "[br]", "{sl}", "{ns}", "{br}", "{ls}",
    "noise", "noi", "ns", "breath", "brth", "br", "!sil", "!enter", "!exit", "sent-start", "sent-end", "+noise+",
    "+breath+", "++noise++", "++breath++", "++smack++", "(sil)", "(pause)", "<trash>", "garbage",
))  # fmt: skip
# Likewise, that the mouth moves in a way that nobody knows: a word outside the dictionary, laughter.
UNKNOWN_SPELLINGS = frozenset((
    "spn", "<spn>", "[spn]", "<unk>", "unk", "[unk]", "<oov>", "oov", "<usb>", "+spn+", "+nsn+", "nsn", "++um++",
    "++uh++", "++cough++", "laugh", "laughter", "lau", "<laugh>", "<laughter>", "[laughter]", "[laugh]", "{lg}",
    "{cg}", "[cough]", "<cough>", "cough", "[vocalized-noise]", "xxx",
))  # fmt: skip


def is_silence(label: str) -> bool:
    """Return whether a label, without white space around it, is a spelling of silence."""
    return label.lower() in SILENCE_SPELLINGS


def is_unknown(label: str) -> bool:
    """Return whether a label, without white space around it, stands for speech whose phones are unknown."""
    return label.lower() in UNKNOWN_SPELLINGS


def strip_stress(phone: str) -> str:
    """Drop the stress digit of an ARPAbet vowel: `AH0` -> `AH`."""
    return phone.rstrip("012")


def sound_label(ipa: str) -> str:
    """Return the label of one IPA sound, with what shows of it alone: `yː` -> `[y]`; raise InputError for no sound."""
    read_sound(ipa)
    return f"[{canonical(ipa)}]"


def is_sound(label: str) -> bool:
    """Return whether a label is written as an IPA sound, in square brackets; silences are written so, too."""
    return len(label) > 2 and label[0] == "[" and label[-1] == "]" and not (is_silence(label) or is_unknown(label))


def normalise_phone(label: str) -> str:
    """Convert any spelling that dictionaries and aligners use to an inventory phone, an IPA sound, or `spn`.

    Empty labels, `sp`, `sil`, `SIL`, `<eps>` and the like are silence; stress is dropped; MFA's `spn`
    and `<unk>` stay `spn`; `[yː]` is the sound `[y]`. Raises InputError for anything else.
    """
    if label in PHONE_IDS:
        return label
    text = label.strip()
    if is_silence(text):
        return SILENCE
    if is_unknown(text):
        return UNKNOWN
    if is_sound(text):
        return sound_label(text[1:-1])
    phone = strip_stress(text.upper())
    if phone not in PHONE_IDS:
        raise InputError(
            f"phone {shown(label)} is not in the inventory; expected ARPAbet (optionally with stress), IPA in brackets "
            f"such as [y], or sil, one of: {' '.join(PHONES)}"
        )
    return phone


def parse_phones(text: str) -> list[str]:
    """Parse a user's line of ARPAbet phones and IPA sounds in brackets, such as "B IH1 N  B L [y]".

    Phones are separated by white space (commas, `|` and `/` are allowed too). Returns inventory phones
    without stress, and sounds; raises InputError for an empty line or an unknown phone.
    """
    for mark in ",|/":
        text = text.replace(mark, " ")
    phones = [normalise_phone(part) for part in text.split()]
    if not phones:
        raise InputError('phones is empty; expected ARPAbet phones such as "B IH1 N B L UW1"')
    if UNKNOWN in phones:
        raise InputError("phones holds spn (an unknown word), which has no lip shape; write its phones")
    return phones
