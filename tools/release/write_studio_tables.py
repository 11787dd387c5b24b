"""Write the tables that the studio shares with Python, so that no constant stands twice: site/engine/tables.js.

    python tools/release/write_studio_tables.py

Run it after any change of what is listed here; tests/test_studio.py says when it is due.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from phonolips.export import arkit, blendshapes, cues, gltf, lip_mesh, targets, visemes
from phonolips.lips import articulators, shaping
from phonolips.phones import inventory
from phonolips.phones.features import LETTERS, canonical
from phonolips.phones.intervals import SILENT_WORD_SPELLINGS
from phonolips.phones.sounds import sound_row
from phonolips.speech import mel

OUT = Path(__file__).parents[2] / "phonolips" / "show" / "studio" / "site" / "engine" / "tables.js"


def listed(array: np.ndarray) -> Any:
    """Return an array as plain lists of numbers that read back as the same float32."""
    return np.asarray(array, np.float64).tolist()


def tables() -> dict[str, Any]:
    """Gather the tables by name."""
    shapes = {"names": blendshapes.ARKIT_NAMES, "sizes": blendshapes.SIZES, "spreads": blendshapes.SPREADS}
    sets = {
        name: {"silence": kept.silence, "visemes": {viseme: list(phones) for viseme, phones in kept.visemes.items()}}
        for name, kept in (("oculus", visemes.OCULUS), ("phonolips", visemes.DEFAULT_SET))
    }
    sounds = {canonical(letter): listed(sound_row(letter)) for letter in LETTERS}
    sparse = {
        letter: {inventory.PHONES[place]: value for place, value in enumerate(row) if value}
        for letter, row in sounds.items()
    }
    return {
        "PHONES": inventory.PHONES,
        "VISEMES": inventory.VISEMES,
        "VOWELS": sorted(inventory.VOWELS),
        "SILENCE_SPELLINGS": sorted(inventory.SILENCE_SPELLINGS),
        "UNKNOWN_SPELLINGS": sorted(inventory.UNKNOWN_SPELLINGS),
        "SILENT_WORD_SPELLINGS": sorted(SILENT_WORD_SPELLINGS),
        "SOUNDS": sparse,
        "MEL": {
            "mels": mel.NUM_MELS,
            "window": mel.WINDOW_SAMPLES,
            "fft": mel.FFT_SAMPLES,
            "lowestHz": mel.LOWEST_HZ,
            "highestHz": mel.HIGHEST_HZ,
            "floor": mel.FLOOR,
        },
        "ARTICULATORS": articulators.ARTICULATORS,
        "ARTICULATION": {
            "first": listed(articulators._FIRST),
            "last": listed(articulators._LAST),
            "minds": listed(articulators._MINDS),
            "moving": list(articulators.MOVING),
            "smoothingSeconds": articulators.SMOOTHING_SECONDS,
            "leastPosterior": articulators.LEAST_POSTERIOR,
        },
        "SHAPING": shaping.shaping_numbers("mediapipe40", shaping.Mouth(0.7, 0.0)),
        "SHAPING_LIMITS": {
            "narrowing": shaping.NARROWING,
            "smileWidth": shaping.SMILE_WIDTH,
            "smileLift": shaping.SMILE_LIFT,
        },
        "ARKIT": {
            **shapes,
            "phoneWeights": [[phones, weights] for phones, weights in blendshapes.PHONE_WEIGHTS.items()],
        },
        "LIVE_LINK_NAMES": arkit.LIVE_LINK_NAMES,
        "VISEME_SETS": sets,
        "TALKING_HEAD_NAMES": visemes.TALKING_HEAD_NAMES,
        "CUES": {
            "mouths": cues.MOUTHS,
            "openings": listed(cues.OPENINGS),
            "widths": listed(cues.WIDTHS),
            "prices": {phone: listed(price) for phone, price in cues._PRICE_OF.items()},
            "shortSilence": listed(cues._SHORT_SILENCE),
        },
        "MATERIALS": {name: [list(colour), rough, both] for name, (colour, rough, both) in gltf.MATERIALS.items()},
        "MESH": {name: value for name, value in vars(lip_mesh).items() if name.isupper() and name != "MEDIAPIPE40"},
        "FORWARD": targets.FORWARD,
    }


def text() -> str:
    """Return the module."""
    lines = [
        "// Written by tools/release/write_studio_tables.py from the Python modules that hold these; do not edit.",
        "",
    ]
    for name, value in tables().items():
        lines.append(f"export const {name} = {json.dumps(value, ensure_ascii=False, separators=(',', ':'))};")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUT.write_text(text(), encoding="utf-8")
    print(OUT)
