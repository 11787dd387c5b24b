"""Phones that no lips were seen saying: each gets what a mixture of others has learned.

A corpus of few words lacks phones (GRID's 51 words have no ER, NG, OY, SH, UH and ZH). Their rows of the phone
embedding then stay as they were drawn, and so do their columns of the lip parameters' first layer: UH shut the mouth.
Both take posteriors linearly, so a mixture of the rows and columns of other phones is exactly what the lips would make
of that mixture of posteriors. Nothing else changes, and of phones that were seen nothing does.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.phones.decode import label_runs
from phonolips.phones.inventory import IGNORED_ID, PHONE_IDS, PHONES, SILENCE
from phonolips.phones.sounds import PHONE_LETTERS, mix_sound
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.order import evenly

log = logging.getLogger("phonolips.training")
SEEN_NOTE = "phones_seen_by_lips"  # in a model's notes
# A phone counts as unseen that is said less often than that and is a smaller share of all that is said (so that every
# phone of a small corpus counts): GRID has ten DH, 0.2 s in all; its next rarest phones, 35 CH and M and more.
LEAST_TIMES, LEAST_SHARE = 20, 0.001
COUNTED_CLIPS = 5_000  # evenly spread: enough to find a phone that is not rare
# HH has no shape of its own: the lips are where the next phone has them. From before a single one, as in GRID's
# "white", that phone's shape would be learned for HH.
SHAPELESS, LEAST_NEXT = "HH", 4
# By hand: CH and JH are nearest to SH and ZH, but less round. ER is half an R. DH is a fricative as TH is, or nearly a
# stop ("the"). NG is nasal, as N is and G and K are not. A diphthong moves, which one row cannot; most of it is its
# first vowel. All others, and these where a part is unseen itself, are mixed by their features. What hiding phones says
# of stand-ins, and how these were chosen: docs/findings.md, "Sounds that English lacks".
STAND_INS: Mapping[str, Mapping[str, float]] = {
    "SH": {"CH": 0.7, "R": 0.3},
    "ZH": {"JH": 0.7, "R": 0.3},
    "ER": {"AH": 0.5, "R": 0.5},
    "DH": {"TH": 0.5, "D": 0.5},
    "NG": {"N": 1.0},
    "AW": {"AA": 0.67, "UW": 0.33},
    "AY": {"AA": 0.67, "IY": 0.33},
    "OY": {"AO": 0.67, "IY": 0.33},
}
_FIRST_VOWELS: Mapping[str, str] = {"AW": "a", "AY": "a", "OY": "ɔ", "EY": "e", "OW": "o"}


def phones_of(store: Store, positions: np.ndarray) -> Iterator[list[str]]:
    """List the phones of clips, without steps whose phone is unknown; of many clips, some."""
    for position in evenly(positions, COUNTED_CLIPS).tolist():
        labels = store.get(position, "labels")
        yield [PHONES[label] for label, _, _ in label_runs(labels) if label != IGNORED_ID]


def find_seen(clips: Iterable[Sequence[str]]) -> frozenset[str]:
    """Find the phones that are said often enough for lips to learn them, silence among them."""
    times: Counter[str] = Counter()
    after_shapeless: set[str] = set()
    for phones in clips:
        times.update(phones)
        after_shapeless.update(after for phone, after in pairwise(phones) if phone == SHAPELESS)
    enough = min(LEAST_TIMES, LEAST_SHARE * times.total())
    seen = {phone for phone, count in times.items() if count >= enough} | {SILENCE}
    if len(after_shapeless) < LEAST_NEXT:
        seen.discard(SHAPELESS)
    return frozenset(seen)


def stand_in_for(phone: str, seen: Collection[str]) -> Mapping[str, float]:
    """Return the seen phones that stand in for an unseen one, with weights summing to 1; none where none is alike."""
    by_hand = STAND_INS.get(phone, {})
    if by_hand and set(by_hand) <= set(seen):
        return by_hand
    letter = _FIRST_VOWELS.get(phone) or PHONE_LETTERS[phone][0]
    try:
        return dict(mix_sound(letter, [other for other in PHONES if other not in seen]).phones)
    except InputError:
        return {}


def fill_unseen_phones(network: TrainableNetwork, seen: Collection[str]) -> dict[str, Mapping[str, float]]:
    """Give phones that the lips never saw the weights of their stand-ins, and note in the model which were seen.

    Args:
        network: with trained lips; changed in place.
        seen: from `find_seen`.

    Returns:
        the stand-ins of each unseen phone; a phone like which nothing was seen stays as it is.
    """
    embedding = network.bottleneck.phone_embedding.weight  # (phones, latent)
    columns = network.lip_parameters.posterior_head.to_frames.weight  # (channels, phones, steps)
    unseen = [phone for phone in PHONES if phone not in seen]
    filled = {phone: mixture for phone in unseen if (mixture := stand_in_for(phone, seen))}
    with torch.no_grad():
        for phone, mixture in filled.items():
            own, others = PHONE_IDS[phone], [PHONE_IDS[other] for other in mixture]
            weights = torch.tensor(list(mixture.values()), dtype=embedding.dtype, device=embedding.device)
            weights = weights / weights.sum()
            embedding[own] = weights @ embedding[others]
            columns[:, own] = torch.einsum("p,cps->cs", weights, columns[:, others])
            log.info("lips: %s was not seen; %s", phone, " + ".join(f"{w:.2f} {p}" for p, w in mixture.items()))
    note_seen(network, seen)
    return filled


def note_seen(network: TrainableNetwork, seen: Collection[str]) -> None:
    """Note in a model which phones its lips saw."""
    network.description.notes[SEEN_NOTE] = [phone for phone in PHONES if phone in seen]
