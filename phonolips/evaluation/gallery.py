"""The gallery of phones: what the lips do in up to 128 occurrences of each, as pictures and a table.

OUT/gallery_contours.png   the lips at the middle of every phone
OUT/gallery_opening.png    opening through every phone, grouped by viseme class
OUT/gallery_width.png      the same of the mouth's width
OUT/gallery_AA.png         a page of its own for each phone that was asked for
OUT/gallery.csv            a row a phone
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.corpus.occurrences import INSIDE, MIDDLE_PLACE, Occurrences, draw_occurrences
from phonolips.corpus.store.store import Store
from phonolips.errors import CorpusError, InputError
from phonolips.evaluation.report import write_csv
from phonolips.lips.measures import opening, width
from phonolips.phones.inventory import PHONE_IDS, PHONE_TO_VISEME, PHONES, VISEME_NAMES
from phonolips.show.plots.style import save_figure
from phonolips.synth.folder import check_out_folder
from phonolips.temporary import temporary_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gallery_rows(occurrences: Sequence[Occurrences]) -> list[dict[str, Any]]:
    """Sum every phone up as a row for `write_csv`.

    Returns:
        phone, viseme; occurrences, of which samples were drawn; mean_ms, the mean duration; opening, width with
        their standard deviations over the samples (_sd), at the phone's middle; least_opening, the mean over the
        samples of the least opening within the phone, and least_opening_sd. Mouth-space units. A standard
        deviation takes two samples.
    """
    rows = []
    for found in occurrences:
        row: dict[str, Any] = {
            "phone": found.phone,
            "viseme": VISEME_NAMES[PHONE_TO_VISEME[found.phone]],
            "occurrences": found.total,
            "samples": len(found),
        }
        if len(found):
            lips = found.lips.astype(np.float64)
            row["mean_ms"] = 1000 * float(found.seconds.mean())
            for name, values in {
                "opening": opening(lips[:, MIDDLE_PLACE]),
                "width": width(lips[:, MIDDLE_PLACE]),
                "least_opening": opening(lips[:, INSIDE]).min(1),
            }.items():
                row[name] = float(values.mean())
                row[f"{name}_sd"] = float(values.std(ddof=1)) if len(found) > 1 else float("nan")
        rows.append(row)
    return rows


def draw_gallery(
    *,
    data: Path,
    out: Path,
    speaker: str | None = None,
    samples: int = 128,
    seed: int = 1,
    phones: Sequence[str] = (),
) -> list[Path]:
    """Draw the lips of every phone of the training clips; return the files written, all of them or none.

    Args:
        data: a prepared corpus.
        out: folder for the pictures and the table.
        speaker: of whom; None = of all speakers together.
        samples: how many occurrences of each phone, at most.
        seed: of the draw.
        phones: phones that get a page of their own.

    Raises:
        InputError: no such phone or speaker, fewer than 1 sample, or no sample of a phone asked for.
        CorpusError: nothing prepared, or no training clip with lips.
    """
    from phonolips.evaluation.gallery_pages import contour_page, phone_page, trajectory_page

    check_out_folder(out)
    wanted = list(dict.fromkeys(phone if phone in PHONE_IDS else phone.upper() for phone in phones))
    for phone in wanted:
        if phone not in PHONE_IDS:
            raise InputError(f"phone {phone!r}: no such phone; expected one of {' '.join(PHONES)}")
    store = Store(data / "features")
    clips = _clips_of(store, data, speaker)
    found = draw_occurrences(store, clips, most=samples, seed=seed)
    for phone in wanted:
        if not len(found[phone]):
            raise InputError(f"phone {phone!r}: no sample of it in {len(clips)} clips; choose another phone")
    whose = speaker or "all speakers"
    amount = f"up to {samples} samples a phone"
    figures = {
        "contours": contour_page(found, title=f"Lips at the middle of every phone: {whose}, {amount}"),
        "opening": trajectory_page(found, "opening", title=f"Lip opening through every phone: {whose}, {amount}"),
        "width": trajectory_page(found, "width", title=f"Mouth width through every phone: {whose}, {amount}"),
    }
    for phone in wanted:
        length = 1000 * found[phone].seconds.mean()
        title = f"{phone}: {whose}, {len(found[phone])} of {found[phone].total} samples, {length:.0f} ms on average"
        figures[phone] = phone_page(found[phone], title=title)
    return _write_together(figures, found, out)


def _clips_of(store: Store, data: Path, speaker: str | None) -> list[str]:
    """Name the training clips with lips of a speaker, None being everybody; raise where there are none."""
    with_lips = [clip for clip in store if store.meta(clip)["split"] == "train" and store.rows(clip, "lips")]
    if not with_lips:
        raise CorpusError(f"{data}: no training clip with lips; see dropped*.tsv there for what was left out")
    clips = [clip for clip in with_lips if speaker in (None, store.meta(clip)["speaker"])]
    if not clips:
        known = ", ".join(sorted({store.meta(clip)["speaker"] for clip in with_lips}))
        raise InputError(f"speaker {speaker!r}: no training clip with lips; there are clips of {known}")
    return clips


def _write_together(figures: "Mapping[str, Figure]", found: Mapping[str, Occurrences], out: Path) -> list[Path]:
    """Write all pictures and the table beside their places first, then move them there."""
    out.mkdir(parents=True, exist_ok=True)
    with temporary_folder(out) as new:
        for name, figure in figures.items():
            save_figure(figure, new / f"gallery_{name}.png")
        write_csv(gallery_rows(list(found.values())), new / "gallery.csv")
        names = [*(f"gallery_{name}.png" for name in figures), "gallery.csv"]
        for name in names:
            os.replace(new / name, out / name)
    return [out / name for name in names]
