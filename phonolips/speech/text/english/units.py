"""Units after numbers: SI with its prefixes, imperial, of time and of computers; and what is made of them (km/h)."""

import re

from phonolips.speech.text.english.numbers import (
    BEGIN_SIGNED,
    QUANTITY,
    is_one,
    number_words,
    quantity_words,
)
from phonolips.speech.text.english.rules import (
    GAP,
    Rule,
    ends_sentence,
    one_of,
    rule,
    stands_before_noun,
    text_after,
    text_before,
)

_PREFIXES = {
    "p": "pico", "n": "nano", "μ": "micro", "u": "micro", "m": "milli", "c": "centi", "d": "deci", "h": "hecto",
    "k": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta",
}  # fmt: skip
# Which prefixes a unit is really written with; others are mistakes, or another unit
_PREFIXED = {
    "m": ("meter", "pnμumcdk"), "g": ("gram", "nμumcdkM"), "s": ("second", "pnμum"), "L": ("liter", "nμumcdh"),
    "l": ("liter", "μumcdh"), "V": ("volt", "nμumkM"), "W": ("watt", "nμumkMGT"), "J": ("joule", "mkMG"),
    "Hz": ("hertz", "mkMGT"), "Pa": ("pascal", "hkMG"), "N": ("newton", "mkM"), "eV": ("electron volt", "mkMGT"),
    "Wh": ("watt hour", "mkMGT"), "Ah": ("amp hour", "mk"), "A": ("amp", "nμumk"), "Ω": ("ohm", "mkMG"),
    "F": ("farad", "pnμum"), "H": ("henry", "μum"), "T": ("tesla", "μum"), "mol": ("mole", "nμumk"),
    "bar": ("bar", "mk"), "cal": ("calorie", "k"), "Bq": ("becquerel", "kMGT"), "Sv": ("sievert", "μum"),
    "bit": ("bit", "kMGT"), "b": ("bit", "kMGT"), "B": ("byte", "kMGTP"), "bps": ("bit per second", "kMGT"),
    "px": ("pixel", "M"), "P": ("pixel", "M"), "t": ("ton", "kM"), "ton": ("ton", "kM"), "K": ("kelvin", "mμ"),
}  # fmt: skip
# symbol: one, many
_UNITS: dict[str, tuple[str, str]] = {
    "ft": ("foot", "feet"), "yd": ("yard", "yards"), "yds": ("yard", "yards"), "mi": ("mile", "miles"),
    "nmi": ("nautical mile", "nautical miles"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"), "fl oz": ("fluid ounce", "fluid ounces"), "gal": ("gallon", "gallons"),
    "qt": ("quart", "quarts"), "pt": ("pint", "pints"), "tbsp": ("tablespoon", "tablespoons"),
    "Tbsp": ("tablespoon", "tablespoons"), "tbs": ("tablespoon", "tablespoons"),
    "Tsp": ("teaspoon", "teaspoons"), "pts": ("point", "points"), "bps": ("basis point", "basis points"),
    "tsp": ("teaspoon", "teaspoons"), "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"), "kmh": ("kilometer per hour", "kilometers per hour"),
    "mpg": ("mile per gallon", "miles per gallon"), "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"), "fps": ("frame per second", "frames per second"),
    "dpi": ("dot per inch", "dots per inch"), "ppi": ("pixel per inch", "pixels per inch"),
    "psi": ("pound per square inch", "pounds per square inch"), "hp": ("horsepower", "horsepower"),
    "bhp": ("brake horsepower", "brake horsepower"), "cc": ("cubic centimeter", "cubic centimeters"),
    "sq ft": ("square foot", "square feet"), "sq. ft": ("square foot", "square feet"),
    "sqft": ("square foot", "square feet"), "sq m": ("square meter", "square meters"),
    "sq km": ("square kilometer", "square kilometers"), "sq mi": ("square mile", "square miles"),
    "sq in": ("square inch", "square inches"), "sq yd": ("square yard", "square yards"),
    "cu. ft": ("cubic foot", "cubic feet"), "sq. m": ("square meter", "square meters"),
    "sq. mi": ("square mile", "square miles"), "fl. oz": ("fluid ounce", "fluid ounces"),
    "cu ft": ("cubic foot", "cubic feet"), "cu in": ("cubic inch", "cubic inches"),
    "cu m": ("cubic meter", "cubic meters"), "ha": ("hectare", "hectares"), "kt": ("knot", "knots"),
    "kts": ("knot", "knots"), "kn": ("knot", "knots"), "dB": ("decibel", "decibels"), "ppm": ("part per million",
    "parts per million"), "ppb": ("part per billion", "parts per billion"), "px": ("pixel", "pixels"),
    "atm": ("atmosphere", "atmospheres"), "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "mcg": ("microgram", "micrograms"), "lm": ("lumen", "lumens"), "lx": ("lux", "lux"), "cd": ("candela", "candelas"),
    "sec": ("second", "seconds"), "secs": ("second", "seconds"), "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "h": ("hour", "hours"),
    "wk": ("week", "weeks"), "wks": ("week", "weeks"), "mo": ("month", "months"), "mos": ("month", "months"),
    "yr": ("year", "years"), "yrs": ("year", "years"), "msec": ("millisecond", "milliseconds"),
    "KB": ("kilobyte", "kilobytes"), "Kb": ("kilobit", "kilobits"),
    "Kbps": ("kilobit per second", "kilobits per second"),
    "mbps": ("megabit per second", "megabits per second"), "gbps": ("gigabit per second", "gigabits per second"),
    "KiB": ("kibibyte", "kibibytes"), "MiB": ("mebibyte", "mebibytes"), "GiB": ("gibibyte", "gibibytes"),
    "TiB": ("tebibyte", "tebibytes"), "mb": ("megabyte", "megabytes"), "gb": ("gigabyte", "gigabytes"),
    "tb": ("terabyte", "terabytes"), "kb": ("kilobyte", "kilobytes"), "KG": ("kilogram", "kilograms"),
    "Kg": ("kilogram", "kilograms"), "kgs": ("kilogram", "kilograms"), "KM": ("kilometer", "kilometers"),
    "Km": ("kilometer", "kilometers"), "kms": ("kilometer", "kilometers"), "CM": ("centimeter", "centimeters"),
    "mL": ("milliliter", "milliliters"), "ML": ("milliliter", "milliliters"), "mls": ("milliliter", "milliliters"),
    "Nm": ("newton meter", "newton meters"), "N·m": ("newton meter", "newton meters"), "kcals": ("kilocalorie",
    "kilocalories"), "FT": ("foot", "feet"), "LB": ("pound", "pounds"), "LBS": ("pound", "pounds"), "OZ": ("ounce",
    "ounces"), "MPH": ("mile per hour", "miles per hour"), "kHZ": ("kilohertz", "kilohertz"), "GHZ": ("gigahertz",
    "gigahertz"), "MHZ": ("megahertz", "megahertz"), "ghz": ("gigahertz", "gigahertz"), "mhz": ("megahertz",
    "megahertz"), "khz": ("kilohertz", "kilohertz"), "hz": ("hertz", "hertz"), "HZ": ("hertz", "hertz"), "HRS": (
    "hour", "hours"), "MIN": ("minute", "minutes"), "MINS": ("minute", "minutes"), "KPH": ("kilometer per hour",
    "kilometers per hour"), "SEC": ("second", "seconds"), "SECS": ("second", "seconds"),
}  # fmt: skip
_NO_PLURAL = frozenset(("hertz",))
# Symbols that are words or letters of other things: only with more proof than a number before them
_AMBIGUOUS = frozenset(("A", "F", "H", "T", "N", "K", "B", "b", "P", "t", "bps", "ton", "bar", "mmol"))


def _many(one: str) -> str:
    """Return the plural of a unit: `bits per second`, `meters`."""
    head, per, rest = one.partition(" per ")
    return (head if head.removeprefix("kilo").removeprefix("mega") in _NO_PLURAL or head.endswith("hertz")
            else head + "s") + per + rest  # fmt: skip


def _make_units() -> dict[str, tuple[str, str]]:
    units: dict[str, tuple[str, str]] = {}
    for symbol, (name, prefixes) in _PREFIXED.items():
        if symbol not in _AMBIGUOUS:
            units[symbol] = (name, _many(name))
        for prefix in prefixes:
            one = _PREFIXES[prefix] + name
            units[prefix + symbol] = (one, _many(one))
    units.update(_UNITS)
    return units


UNITS = _make_units()
_SYMBOL = one_of(UNITS)
# Abbreviations rather than symbols: a full stop belongs to them, and a number may follow ("5 ft. 6 in.")
_DOTTED = frozenset(
    ("ft", "yd", "yds", "mi", "lb", "lbs", "oz", "gal", "qt", "pt", "pts", "tbsp", "Tbsp", "tbs", "tsp", "Tsp", "min",
     "mins", "hr", "hrs", "sec", "secs",
     "wk", "wks", "mo", "mos", "yr", "yrs")
)  # fmt: skip
_POWERS = {"2": "square", "3": "cubic"}
# units whose own name after "per" is a length, a time or a volume
_PER = one_of(
    ("s", "sec", "h", "hr", "min", "day", "week", "month", "year", "yr", "m", "km", "cm", "ft", "in", "mi", "kg", "g",
     "lb", "L", "l", "mL", "ml", "dL", "dl", "gal", "mol", "W", "kWh", "K", "GB", "MB", "person", "capita", "ha",
     "sq ft", "side", "serving", "game", "hour", "minute", "second", "liter", "dose", "patient")
)  # fmt: skip
_PER_WORDS = {"in": "inch", "K": "kelvin", "dL": "deciliter", "dl": "deciliter"}
_UNIT = (
    rf"(?P<unit>{_SYMBOL})(?:\^?(?P<power>[23])(?!\d))?(?:/(?P<per>{_PER})(?:\^?(?P<per_power>[23]))?)?(?![\w^]|'\w)"
)
# in compounds that have a slash, or that nothing else is written as, a unit may stand alone
_ALONE = one_of(
    ("km/h", "lb/in", "kph", "mph", "m/s", "kWh", "MB/s", "GB/s", "kHz", "MHz", "GHz", "mg/dL", "kg/m", "mi/h", "ft/s")
)


def _per_name(per: str) -> str:
    """Return what the unit behind a slash is called."""
    return _PER_WORDS.get(per) or (UNITS[per][0] if per in UNITS else per)


def _unit_words(match: re.Match[str], *, one: bool) -> str:
    """Return the words of the unit that a match found."""
    words = UNITS[match["unit"]][0 if one else 1]
    if match["power"]:
        words = f"{_POWERS[match['power']]} {words}"
    if match["per"]:
        per = match["per"]
        name = _per_name(per)
        power = {"2": " squared", "3": " cubed"}[match["per_power"]] if match["per_power"] and per in ("s",) else ""
        square = f"{_POWERS[match['per_power']]} " if match["per_power"] and not power else ""
        words += f" per {square}{name}{power}"
    return words


# A number, which may be written out already
_NUMBER_AHEAD = r"\s(?:\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,5}teen|\w{3,5}ty)\b)"
_AFTER_INCHES = (
    r"\s(?!(?:wide|long|tall|high|deep|thick|across|from|and|for|with|was|apart|above|below|over|under)\b)[a-z]{3}"
)


def _measure(match: re.Match[str], british: bool) -> str:
    quantity, gap = match["quantity"], match["gap"]
    one = is_one(quantity) or gap.startswith("-") or stands_before_noun(match)
    words = _unit_words(match, one=one)
    ends = ends_sentence(match) or (match["unit"] not in _DOTTED and re.match(_NUMBER_AHEAD, text_after(match)))
    full_stop = ". " if match["dot"] and ends else " "
    return f" {quantity_words(quantity)}{gap.replace('-', ' ') or ' '}{words}{full_stop}"


def _inches(match: re.Match[str], british: bool) -> str:
    one = is_one(match[1]) or stands_before_noun(match)
    one = one or ("″" in match[0] and re.match(_AFTER_INCHES, text_after(match)) is not None)
    full_stop = match[0].endswith(".") and (ends_sentence(match) or re.match(r"\s\d", text_after(match)))
    return f" {quantity_words(match[1])} {'inch' if one else 'inches'}{'. ' if full_stop else ' '}"


def _feet_and_inches(match: re.Match[str], british: bool) -> str:
    feet = "feet"
    if (
        match[1] == "1"
        or stands_before_noun(match)
        or re.search(r"\b(?:an?|the)\s$", text_before(match), re.IGNORECASE)
    ):
        feet = "foot"  # a 6'5", 250-pound man
    words = f"{quantity_words(match[1])} {feet} {quantity_words(match[2])}"
    # how tall a person is: five feet ten
    person = int(match[1]) in range(3, 8) and "." not in match[2] and not re.match(_NOT_TALL, text_after(match))
    return f" {words} " if person else f" {words} {'inch' if match[2] == '1' else 'inches'} "


def _duration(match: re.Match[str], british: bool) -> str:
    """Read `2h 15m`, `1hr 5min 30s`, `15m 30s`."""
    words = [
        f"{quantity_words(value)} {name}{'' if value == '1' else 's'}"
        for value, name in zip(match.groups(), ("hour", "minute", "second", "minute", "second"), strict=True)
        if value
    ]
    return f" {' '.join(words)} "


def _feet(match: re.Match[str], british: bool) -> str:
    return f" {quantity_words(match[1])} {'foot' if match[1] == '1' else 'feet'} "


def _degrees(match: re.Match[str], british: bool) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit", "c": " Celsius", "f": " Fahrenheit"}.get(match["scale"] or "", "")
    one = is_one(match["quantity"]) or (not scale and stands_before_noun(match))
    compass = _COMPASS[match["compass"]] + " " if match["compass"] else ""
    return f" {quantity_words(match['quantity'])} {'degree' if one else 'degrees'}{scale} {compass}"


def _position(match: re.Match[str], british: bool) -> str:
    words = f"{quantity_words(match[1])} degrees {number_words(int(match[2]))} minutes"
    words += f" {quantity_words(match[3])} seconds" if match[3] else ""
    return f" {words} {_COMPASS[match[4]]} " if match[4] else f" {words} "


def _alone(match: re.Match[str], british: bool) -> str:
    return _unit_words(match, one=False)


def _signed(match: re.Match[str], british: bool) -> str:
    """Read a measure with the minus that may stand before its number."""
    measure = _degrees if "scale" in match.re.groupindex else _measure
    return (" minus" if match[0].startswith("-") else "") + measure(match, british)


_COMPASS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_NOT_TALL = r"\s(?:wide|long|deep|thick|across|x|by)\b"
_DIMENSION = r"(?=\s(?:tall|wide|long|high|deep|thick|across|of|x|by)\b)"
_OUTLETS = r"(?=\s(?:fuse|circuit|current|breaker|socket|plug|supply|charger|outlet|service)s?\b)"

# Before money and years. Durations; "per" behind a number that has no unit of its own, or money: 12/kg, $5/month
PER: tuple[Rule, ...] = (
    rule(r"(?<![\w.,/-])(\d{1,2})-(\d/\d{1,2})(?![\w/-])", lambda m, b: f"{m[1]} {m[2]}"),
    rule(r"\bRs\.\s?(?=\d)", lambda m, b: "Rs "),
    rule(r"([$£€]\d[\d,.]{0,15})\s[xX×*]\s(?=\d)", lambda m, b: f"{m[1]} times "),
    rule(r"(?<![\w.,])(\d{1,3})\s?h(?:rs?)?\s?(\d{1,2})\s?m(?:ins?)?(?:\s?(\d{1,2})\s?s(?:ecs?)?)?(?!\w)"
         r"|(?<![\w.,])(\d{1,3})m(?:in)?\s?(\d{1,2})s(?:ec)?(?!\w)", _duration),
    rule(r"(\d\s?(?:m|cm|mm|km|ft|in|yd)\.?)\s?x\s(?=\d)", lambda m, b: f"{m[1]} by "),
    rule(rf"(?:(?<=\d)|(?<=\d[kKmMbB])|(?<=\d[bm]n))/(?P<per>{_PER}|hour|minute|second|mile|pound|"
         r"night|mo|wk|piece|item|user|seat)(?![\w/])(?:(?<=mo|yr|hr|wk|lb|ft)\.(?=\s[a-z]))?",
         lambda m, b: f" per {_per_name(m['per'])} "),
)  # fmt: skip

# Inches are written 5″ by clean_text, which tells the mark from a quote.
RULES: tuple[Rule, ...] = (
    # 180C/350F, at 180C
    rule(r"(?<![\w.,])(\d{2,3})\s?([CF])/(\d{2,3})\s?([CF])(?!\w)(/)?",
         lambda m, b: f" {m[1]}°{m[2]}, {m[3]}°{m[4]}{', ' if m[5] else ' '}"),
    rule(r"\b(at|to|of|above|below|over|under|hit|reached|reaches)\s(-?\d{1,3})\s?([CF])(?![\w'-])",
         lambda m, b: f"{m[1]} {m[2]}°{m[3]} "),
    rule(r"(?<![\w.,])(\d{1,3}\.\d)\s?([CF])(?![\w'-])", lambda m, b: f"{m[1]}°{m[2]} "),
    # 8 tabs/24 hrs
    rule(r"(?<=[a-z])/(?=\d{1,3}\s?(?:hrs?|h|hours?|days?|mins?|weeks?|months?|km|kg|mi|ml|g)\b)", "per"),
    rule(rf"(?<=\d)(?P<exponent>\^-?\d{{1,3}})\s{_UNIT}",
         lambda m, b: f"{m['exponent']} {_unit_words(m, one=False)} "),
    # 5kg-10kg
    rule(rf"(?<=\d)(\s?(?:{_SYMBOL}|°[CF]?|[″%]))[-–](?=\d{{1,6}}(?:\.\d{{1,6}})?\s?(?:{_SYMBOL}|°|[″%]))",
         lambda m, b: f"{m[1]} to "),
    rule(r"(?<![\w.,])(\d{1,3}(?:\.\d{1,6})?)\s?°\s?(\d{1,2})\s?['′](?:\s?(\d{1,2}(?:\.\d{1,4})?)\s?″)?"
         r"(?:\s?([NSEW])(?!['\w]))?", _position),
    rule(rf"{BEGIN_SIGNED}(?P<quantity>{QUANTITY})\s?[°º]\s?(?P<scale>[CcFf])?"
         r"(?:(?P<compass>[NSEW])(?!['\w]))?(?![A-Za-z])", _signed),
    rule(r"(?<![\w.,])(\d{1,2})['′]\s?(\d{1,2}(?:\.\d)?)(?:″|(?=\s(?:tall|wide|long|high)\b)|(?=[,.;]?\s|$))",
         _feet_and_inches),
    rule(rf"(?<![\w.,])({QUANTITY})\s?″", _inches),
    rule(rf"(?<![\w.,])({QUANTITY})(?:′|'{_DIMENSION})", _feet),
    rule(rf"(?<![\w.,])({QUANTITY})(?:in\b(?!-)|\sin(?:\.(?=\s|$)|{_DIMENSION}(?!\sof)|(?=[,;)]|$)))", _inches),
    rule(rf"(?<![\w.,])({QUANTITY})\s?A\b{_OUTLETS}", lambda m, b: f" {quantity_words(m[1])} amp "),
    rule(r"(?<![\w.,])(\d{1,3})\spt\b(?=\s(?:font|type|size|text))", lambda m, b: f" {quantity_words(m[1])} point "),
    rule(rf"{BEGIN_SIGNED}(?P<quantity>{QUANTITY})(?P<gap>-|{GAP}){_UNIT}(?P<dot>\.(?!\w))?", _signed),
    rule(r"(?<![\w./])(?P<unit>km|cm|mm|m|ft)\^?(?P<power>(?<=\^)[23])(?P<per>(?!))?(?P<per_power>(?!))?(?!\w)",
         _alone),
)  # fmt: skip
# Units that are read as such without a number, too
ALONE: tuple[Rule, ...] = (rule(rf"(?<![\w/.-])(?=(?:{_ALONE})(?![\w/-])){_UNIT}", _alone),)
STANDS_ALONE = re.compile(_ALONE)
