"""The colours that lips are drawn in: four named palettes, and a short text for changes of one's own."""

import re
from dataclasses import dataclass, fields, replace

from phonolips.errors import InputError, did_you_mean

Colour = tuple[int, int, int]  # red, green, blue; 0 to 255


@dataclass(frozen=True)
class Palette:
    """Colours and style of a drawing.

    Args:
        skin: the ground.
        upper_lip: the upper lip in even light.
        lower_lip: the lower lip, which catches more light.
        edge: the line around the lips, and the darkest tone of shaded ones.
        mouth: the dark between the lips.
        teeth: teeth in full light.
        tongue: the tongue in full light.
        ink: text, and the bars of a caption.
        outline: width of the line around the lips in mouth-space units; 0 draws none.
        shaded: light and shadow; False fills every part evenly.
    """

    skin: Colour
    upper_lip: Colour
    lower_lip: Colour
    edge: Colour
    mouth: Colour
    teeth: Colour
    tongue: Colour
    ink: Colour
    outline: float = 0.0
    shaded: bool = True


WARM = Palette(
    skin=(233, 203, 184),
    upper_lip=(172, 86, 84),
    lower_lip=(196, 106, 102),
    edge=(122, 52, 54),
    mouth=(44, 14, 18),
    teeth=(240, 233, 222),
    tongue=(176, 84, 86),
    ink=(70, 52, 46),
)
DARK = Palette(
    skin=(30, 31, 36),
    upper_lip=(150, 60, 68),
    lower_lip=(184, 84, 90),
    edge=(84, 28, 36),
    mouth=(8, 6, 9),
    teeth=(226, 224, 220),
    tongue=(146, 62, 70),
    ink=(226, 224, 220),
)
LINE = Palette(
    skin=(255, 255, 255),
    upper_lip=(255, 255, 255),
    lower_lip=(255, 255, 255),
    edge=(0, 0, 0),
    mouth=(0, 0, 0),
    teeth=(255, 255, 255),
    tongue=(0, 0, 0),
    ink=(0, 0, 0),
    outline=0.012,
    shaded=False,
)
FLAT = Palette(
    skin=(255, 221, 196),
    upper_lip=(205, 84, 88),
    lower_lip=(226, 109, 108),
    edge=(120, 34, 46),
    mouth=(74, 18, 32),
    teeth=(255, 255, 255),
    tongue=(214, 96, 104),
    ink=(74, 34, 40),
    outline=0.012,
    shaded=False,
)
PALETTES = {"warm": WARM, "dark": DARK, "line": LINE, "flat": FLAT}
COLOURS = tuple(field.name for field in fields(Palette) if field.name not in ("outline", "shaded"))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours; `share` of the other one."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def read_palette(text: str) -> Palette:
    """Read a palette's name, and after it colours to change: `dark` or `warm,skin=#ffffff,lower_lip=#c04060`.

    Raises InputError for an unknown palette or part, or a colour that is not # and six hexadecimal digits.
    """
    name, *changes = (part.strip() for part in text.split(","))
    if name not in PALETTES:
        raise InputError(
            f"palette {name!r} is not known; expected one of {', '.join(PALETTES)}{did_you_mean(name, PALETTES)}"
        )
    colours: dict[str, Colour] = {}
    for change in changes:
        part, _, value = (word.strip() for word in change.partition("="))
        if part not in COLOURS:
            raise InputError(f"palette {text!r}: {part!r} has no colour; expected one of {', '.join(COLOURS)}")
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise InputError(f"palette {text!r}: {part} is {value!r}; expected a colour such as #c04060")
        red, green, blue = bytes.fromhex(value[1:])
        colours[part] = (red, green, blue)
    return replace(PALETTES[name], **colours)  # type: ignore[arg-type]
