"""ELAN's .eaf: tiers of annotations between time slots."""

import re
import xml.etree.ElementTree as ElementTree

from phonolips.errors import InputError
from phonolips.phones.files.tiers import MOST_TIERS, Tier, Tiers, to_seconds
from phonolips.phones.intervals import Interval

KIND = "ELAN's .eaf"
MILLISECONDS = 1000.0


def read_elan(text: str) -> Tiers:
    """Read the tiers whose annotations have times of their own.

    Raises:
        InputError: not well-formed, with a document type of its own (nothing in a file is expanded), or with a slot
            that is not there.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{KIND}: declares a document type, which ELAN does not write; nothing of it is expanded")
    try:
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*>", "", text))  # which names the encoding it was read in
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{KIND}: not well-formed ({error}); cut short?") from error
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    tiers: list[Tier] = []
    for tier in root.iter("TIER"):
        intervals: list[Interval] = []
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            times = [slots.get(annotation.get(name)) for name in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")]
            label = (annotation.findtext("ANNOTATION_VALUE") or "").strip()
            if times[0] is None or times[1] is None:
                raise InputError(f"{KIND}: {label[:40]!r} has no time of its own; give it one in ELAN")
            first, last = (to_seconds(str(time)) / MILLISECONDS for time in times)
            intervals.append(Interval(label, first, last))
        if intervals:
            tiers.append(Tier(tier.get("TIER_ID") or "", sorted(intervals, key=lambda each: each.start)))
        if len(tiers) > MOST_TIERS:
            raise InputError(f"{KIND}: holds more than {MOST_TIERS} tiers; is it an alignment?")
    return Tiers(KIND, tiers)
