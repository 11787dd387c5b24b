"""Money: the signs of currencies, their codes, and the parts of a hundred."""

import re

from phonolips.speech.text.english.numbers import (
    AMOUNT,
    MAGNITUDE_WORDS,
    MAGNITUDES,
    decimal_words,
    number_words,
    whole_words,
)
from phonolips.speech.text.english.rules import SPELLED, Rule, one_of, rule, stands_before_noun, text_after

# sign or code: one, many, one hundredth, hundredths ("" where nobody counts them)
_DOLLAR, _US = ("dollar", "dollars", "cent", "cents"), f"{SPELLED}us"
CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    "$": _DOLLAR,
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "", ""),
    "₩": ("won", "won", "", ""),
    "₽": ("ruble", "rubles", "", ""),
    "₺": ("lira", "lira", "", ""),
    "₴": ("hryvnia", "hryvnias", "", ""),
    "₪": ("shekel", "shekels", "", ""),
    "₫": ("dong", "dong", "", ""),
    "฿": ("baht", "baht", "", ""),
    "₦": ("naira", "naira", "", ""),
    "₱": ("peso", "pesos", "", ""),
    "₡": ("colon", "colones", "", ""),
    "₲": ("guarani", "guaranis", "", ""),
    "₸": ("tenge", "tenge", "", ""),
    "₿": ("bitcoin", "bitcoins", "", ""),
}


def _dollars_of(name: str) -> tuple[str, str, str, str]:
    return f"{name} dollar", f"{name} dollars", "cent", "cents"


_CODES: dict[str, tuple[str, str, str, str]] = {
    **dict.fromkeys(("US$", "USD"), _dollars_of(_US)),
    **dict.fromkeys(("A$", "AU$", "AUD"), _dollars_of("Australian")),
    **dict.fromkeys(("C$", "CA$", "CAD"), _dollars_of("Canadian")),
    **dict.fromkeys(("HK$", "HKD"), _dollars_of("Hong Kong")),
    **dict.fromkeys(("NZ$", "NZD"), _dollars_of("New Zealand")),
    **dict.fromkeys(("S$", "SGD"), _dollars_of("Singapore")),
    **dict.fromkeys(("NT$", "TWD"), _dollars_of("Taiwan")),
    **dict.fromkeys(("R$", "BRL"), ("real", "reais", "", "")),
    **dict.fromkeys(("MX$", "MXN"), ("Mexican peso", "Mexican pesos", "", "")),
    "GBP": CURRENCIES["£"],
    "EUR": CURRENCIES["€"],
    "JPY": CURRENCIES["¥"],
    "INR": CURRENCIES["₹"],
    "KRW": CURRENCIES["₩"],
    "RUB": CURRENCIES["₽"],
    "UAH": CURRENCIES["₴"],
    "ILS": CURRENCIES["₪"],
    "VND": CURRENCIES["₫"],
    "THB": CURRENCIES["฿"],
    "NGN": CURRENCIES["₦"],
    "PHP": CURRENCIES["₱"],
    "BTC": CURRENCIES["₿"],
    "CHF": ("Swiss franc", "Swiss francs", "", ""),
    **dict.fromkeys(("CNY", "RMB"), ("yuan", "yuan", "", "")),
    "SEK": ("Swedish krona", "Swedish kronor", "", ""),
    "NOK": ("Norwegian krone", "Norwegian kroner", "", ""),
    "DKK": ("Danish krone", "Danish kroner", "", ""),
    "PLN": ("zloty", "zlotys", "", ""),
    "CZK": ("Czech koruna", "Czech korunas", "", ""),
    "HUF": ("forint", "forints", "", ""),
    "RON": ("leu", "lei", "", ""),
    "ZAR": ("rand", "rand", "", ""),
    "AED": ("dirham", "dirhams", "", ""),
    "SAR": ("riyal", "riyals", "", ""),
    "EGP": ("Egyptian pound", "Egyptian pounds", "", ""),
    "IDR": ("rupiah", "rupiah", "", ""),
    "MYR": ("ringgit", "ringgit", "", ""),
    "PKR": ("Pakistani rupee", "Pakistani rupees", "", ""),
    "ARS": ("Argentine peso", "Argentine pesos", "", ""),
    "CLP": ("Chilean peso", "Chilean pesos", "", ""),
    "kr": ("krone", "kroner", "", ""),
    "zł": ("zloty", "zlotys", "", ""),
    "Kč": ("koruna", "korunas", "", ""),
    "Rs": ("rupee", "rupees", "", ""),
    "Fr": ("franc", "francs", "", ""),
    "元": ("yuan", "yuan", "", ""),
    "円": ("yen", "yen", "", ""),
}
_ALL = CURRENCIES | _CODES
SIGNS = "".join(CURRENCIES)
_BEFORE = one_of([key for key in _ALL if key not in ("zł", "Kč", "元", "円")])
_AFTER = one_of([*CURRENCIES, *(key for key in _CODES if "$" not in key and key not in ("Fr", "Rs"))])
_MAGNITUDE = rf"(?:[\s-]?(?P<magnitude>(?:{MAGNITUDE_WORDS}|bn|mn|mm|tn|trn|mio|[kKmMbBtT])\b))?"


def _amount_words(amount: str, magnitude: str | None, sign: str, *, hyphened: bool = False) -> str:
    """Read an amount of money."""
    one, many, small_one, small_many = _ALL[sign]
    if magnitude:
        return f"{decimal_words(amount)} {MAGNITUDES.get(magnitude.lower(), magnitude)} {one if hyphened else many}"
    whole, _, rest = amount.partition(".")
    if (rest.strip("0") and len(rest.rstrip("0")) > 2) or (rest.strip("0") and not small_one):
        return f"{decimal_words(amount)} {many}"
    small = int(rest[:2].ljust(2, "0")) if rest else 0
    words = []
    if not small or whole.strip("0,"):
        words.append(f"{whole_words(whole or '0')} {one if whole == '1' or hyphened else many}")
    if small:
        words.append(f"{number_words(small)} {small_one if small == 1 else small_many}")
    return " and ".join(words)


def _money(match: re.Match[str], british: bool) -> str:
    sign = match["before"] if match["before"] else match["after"]
    amount = (match["amount_before"] if match["before"] else match["amount_after"]).rstrip(",")
    magnitude = match["magnitude"] if match["before"] else match["magnitude_after"]
    minus = "minus " if match[0].startswith("-") or match["minus"] else ""
    # a $20 bill, a $5-million deal
    hyphened = match["before"] is not None and (
        re.match(r"-[a-z]", text_after(match)) is not None
        or re.search(r"\d-[a-z]", match[0]) is not None
        or stands_before_noun(match)
    )
    return f" {minus}{_amount_words(amount, magnitude, sign, hyphened=hyphened)} "


def _range(match: re.Match[str], british: bool) -> str:
    """Read `$5-10` and `$5m-$10m`: five to ten dollars."""
    cents = "." in match["first"] and not match["magnitude"]
    first = _amount_words(match["first"], None, match["before"]) if cents else decimal_words(match["first"])
    if match["own"] and match["own"] != match["magnitude"]:
        first += f" {MAGNITUDES.get(match['own'].lower(), match['own'])}"
    return f" {first} to {_amount_words(match['second'], match['magnitude'], match['before'])} "


def _cents(match: re.Match[str], british: bool) -> str:
    one, many = ("penny", "pence") if match[2] == "p" else ("cent", "cents")
    return f" {decimal_words(match[1])} {one if match[1] == '1' else many} "


_OWN = rf"(?:\s?(?P<own>(?:{MAGNITUDE_WORDS}|bn|mn|tn|[kKmMbB])\b))?"
RULES: tuple[Rule, ...] = (
    rule(r"(?<=\d)-an?-(?=(?:day|week|month|year|night|piece|plate|head|gallon|ticket)\b)", lambda m, b: " a "),
    rule(rf"(?<!\w)(?P<before>{_BEFORE})\s?(?P<first>{AMOUNT}){_OWN}\s?(?:[-–]|\bto\b)\s?(?:(?P=before)\s?)?"
         rf"(?P<second>{AMOUNT}){_MAGNITUDE}(?![\d/])", _range),
    rule(rf"(?:(?<![\w)-])-)?(?<!\w)(?P<before>{_BEFORE})\s?(?P<minus>-)?(?P<amount_before>{AMOUNT}){_MAGNITUDE}"
         rf"|(?<![\w.,])(?P<amount_after>{AMOUNT})(?:\s?(?P<magnitude_after>{MAGNITUDE_WORDS}))?"
         rf"\s?(?P<after>{_AFTER})(?!\w)(?!\s?\d)", _money),
    rule(rf"(?<![\w.,])({AMOUNT})\s?(¢|p(?!\w|\.\w))", _cents),
)  # fmt: skip
