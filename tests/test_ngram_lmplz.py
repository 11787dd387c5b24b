"""The n-gram's probabilities against those of KenLM's lmplz, the standard program for modified Kneser-Ney smoothing."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from phonolips.phones.inventory import NUM_PHONES
from phonolips.phones.ngram import fit_ngram

FIXTURE = json.loads((Path(__file__).parent / "vectors/phone_ngram_lmplz.json").read_text(encoding="utf-8"))
ORDER = 3
SEEN_OFTEN = 5  # so often that the estimate of the discounts, which counts what was seen 1 to 4 times, ignores it
HISTORIES = ["seen", "its last phone seen", "never seen"]  # tests 3-grams, 2-grams, and unigrams


@pytest.fixture(scope="module")
def ngram():
    """The 3-grams of the line that lmplz read.

    Silence stands for both of lmplz's ends of a line. lmplz counts no 3-gram that would reach back beyond the line's
    beginning; ours needs one, so that the first 2-gram has a left neighbour. It is entered as `SEEN_OFTEN`, which leaves
    the discounts alone.
    """
    line = [int(phone) for phone in FIXTURE["line"].split()]
    padded = [0, 0, *line, 0]
    counts = Counter(zip(padded, padded[1:], padded[2:], strict=False))
    counts[padded[0], padded[1], padded[2]] = SEEN_OFTEN
    kinds = sorted(counts)
    numbers = [(first * NUM_PHONES + second) * NUM_PHONES + third for first, second, third in kinds]
    prior = np.full(NUM_PHONES, 1 / NUM_PHONES)
    return fit_ngram(np.array(numbers), np.array([counts[kind] for kind in kinds]), prior, ORDER)


@pytest.mark.parametrize("case", FIXTURE["after"], ids=HISTORIES)
def test_probabilities_are_those_of_lmplz(ngram, case):
    first, second = case["history"]
    found = np.exp(ngram.rows[ngram.find(np.array([first * NUM_PHONES + second]))[0]].astype(float))
    assert sum(case["probabilities"]) == pytest.approx(1, abs=1e-4)
    assert found == pytest.approx(np.array(case["probabilities"]), rel=1e-4)
