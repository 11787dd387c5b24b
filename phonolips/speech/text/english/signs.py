"""Signs: of mathematics, of money without a number, Greek letters, marks of law and trade; emoticons and list marks."""

import re

from phonolips.speech.text.english.money import CURRENCIES
from phonolips.speech.text.english.rules import SPELLED, Rule, one_of, rule, text_after, text_before

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi", "ρ": "rho",
    "σ": "sigma", "ς": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega",
}  # fmt: skip
# Those whose capital no Latin letter looks like
_GREEK_LETTERS = "".join(_GREEK) + "ΓΔΘΛΞΠΣΦΨΩ"
# sign: how it is said wherever it stands
_SIGNS = {
    "±": "plus or minus", "∓": "minus or plus", "×": "times", "÷": "divided by", "∙": "times", "⋅": "times",
    "∗": "times", "·": "times", "=": "equals", "≠": "is not equal to", "≈": "is approximately", "≅": "is approximately",
    "≃": "is approximately", "≡": "is identical to", "≤": "is less than or equal to", "≦": "is less than or equal to",
    "≥": "is greater than or equal to", "≧": "is greater than or equal to", "≪": "is much less than",
    "≫": "is much greater than", "∞": "infinity", "√": "square root of", "∛": "cube root of", "∑": "sum of",
    "∏": "product of", "∫": "integral of", "∂": "partial", "∇": "nabla", "∆": "delta", "∈": "in", "∉": "not in",
    "∪": "union", "∩": "intersection", "⊂": "subset of", "⊆": "subset of or equal to", "⊃": "superset of",
    "∀": "for all", "∃": "there exists", "∅": "empty set", "∴": "therefore", "∵": "because", "∝": "is proportional to",
    "∧": "and", "∨": "or", "¬": "not", "∠": "angle", "⊥": "perpendicular to", "∥": "parallel to", "→": "to",
    "⇒": "implies", "⇔": "if and only if", "↔": "to and from", "←": "from", "↑": "up", "↓": "down", "%": "percent",
    "‰": "per mille", "‱": "per ten thousand", "&": "and", "+": "plus", "°": "degrees", "º": "degrees", "¢": "cents",
    "§": "section",
    "¶": "paragraph", "©": "copyright", "®": "registered", "™": "trademark", "℠": "service mark", "℗": "copyright",
    "†": "dagger", "‡": "double dagger", "℮": "estimated", "♯": "sharp", "♭": "flat", "∕": "divided by", "№": "number",
    "⋈": "natural join", "′": "prime", "″": "double prime", "@": "at",
}  # fmt: skip
# Decoration: dropped without a word where no rule has read it
DECORATION = '*#~^|\\_<>/⁄`{}[]"•‣◦▪●○■□–—…·'
# What a cleaned English text keeps beyond letters, digits and punctuation
KEPT = frozenset("".join(_SIGNS)) | frozenset('*~^|\\<>_[]{}"' + "".join(CURRENCIES))

_NO_SUBJECT = re.compile(
    r"(?:^|[(,;:.!?\n&]|\b(?:is|are|was|were|be|been|need|needs|require|requires|required|have|has|had|get|got|with|and|or|of|for|"
    r"to|from|use|uses|want|wants|expect|expects|at|only|takes?|weighs|costs|by|stays?|keep))\s*$"
)
_FUNCTIONS = {"sin": "sine", "cos": "cosine", "tan": "tangent", "log": "log", "ln": "natural log",
              "sqrt": "square root", "O": "O"}  # fmt: skip
_POWERS = {"2": "squared", "3": "cubed"}


def _power(match: re.Match[str], british: bool) -> str:
    """Read `x^2`, `10^-6`, `2^n`; the number of a footnote behind a word is dropped."""
    base, sign, exponent = match[1], match[2], match[3]
    if re.fullmatch(r"[^\W\d]{3,40}", base):
        return base
    if not sign and exponent in _POWERS:
        return f"{base} {_POWERS[exponent]} "
    number = exponent if exponent.isdigit() else SPELLED + exponent.lower()
    return f"{base} to the {'minus ' if sign in ('-', '⁻') else ''}{number} "


def _divided(match: re.Match[str], british: bool) -> str:
    """Read `12 / 4`, where the larger number stands first."""
    return f"{match[1]} divided by {match[2]}" if int(match[1]) > int(match[2]) else match[0]


def _minus(match: re.Match[str], british: bool) -> str:
    """Read a hyphen between spaces as minus inside of a formula; between words it stays a pause."""
    left, right = match[1], match[2]
    if not right or not re.fullmatch(r"[\w)]{0,19}\^[-+]?\d{1,3}|\d{0,9}[A-Za-z]|\d[\d.]{0,19}|[\w^]{1,9}\)", left):
        return match[0]
    around = (
        re.split(r"[;!?\n]|[.,]\s", text_before(match))[-1] + left + re.split(r"[;!?\n]|[.,]\s", text_after(match))[0]
    )
    formula = re.search(r"[=^×÷√<>≤≥]|\s\+\s", around) is not None
    variable = re.search(r"\d", left + right) and any(
        re.fullmatch(r"\d{0,9}[b-hj-np-z]", side) for side in (left, right)
    )
    return f"{left} minus " if formula or variable else match[0]


def _times(match: re.Match[str], british: bool) -> str:
    """Read `10x`; the x of `4x + 3` is a letter."""
    before, after = text_before(match), text_after(match)
    formula = re.match(r"\s?[+=^)<>≤≥]|\s[-–]\s(?!\d{1,9}x)", after) or re.search(r"[=+]\s?\d{1,9}$", before)
    return match[0] if formula else " times "


def _compare(match: re.Match[str], british: bool) -> str:
    """Read < and > between two things; an arrow is `to`, anything else is a mark of something."""
    name = {"<": "is less than", ">": "is greater than", "<=": "is less than or equal to",
            ">=": "is greater than or equal to", "!=": "is not equal to", "<>": "is not equal to", "==": "equals",
            "->": "to", "=>": "implies", "-->": "to", "<->": "to and from"}[match[0].strip()]  # fmt: skip
    return f" {_without_subject(match, name)} "


def _without_subject(match: re.Match[str], name: str) -> str:
    """Drop the `is` of `is greater than` where nothing stands before it that it could be said of: needs ≥ 3."""
    return name.removeprefix("is ") if _NO_SUBJECT.search(text_before(match)) else name


def _sign(match: re.Match[str], british: bool) -> str:
    name = _without_subject(match, _SIGNS[match[0]])
    if re.match(r"\s?of\b", text_after(match)):
        name = name.removesuffix(" of")
    return f" {name} "


def _compare_first(match: re.Match[str], british: bool) -> str:
    """Read `a load of < 5 kg`: a limit, where nothing that can be compared stands before it."""
    if re.search(r"(?:\b[a-zA-Z]|[\d)%])\s$", text_before(match)):
        return match[0]
    return " less than " if match[1] == "<" else " more than "


def _currency(match: re.Match[str], british: bool) -> str:
    return f" {CURRENCIES[match[0].strip()][0]} "


def _section(match: re.Match[str], british: bool) -> str:
    name = {"§": "section", "¶": "paragraph"}[match[0][0]]
    return f" {name}{'s' if len(match[0]) > 1 else ''} "


_NAMED = one_of(_SIGNS)
_MONEY = re.escape("".join(CURRENCIES))
_OPERAND = r"[\w.)\]%\"'!|]"

# Before all other rules
FIRST: tuple[Rule, ...] = (
    # <stdio.h>, <me@example.com>
    rule(r"<([A-Za-z][^\s<>]{1,80})>", lambda m, b: f" {m[1]} "),
    # ASCII emoticons, and marks at the beginning of a line
    rule(
        r"(?<!\S)(?:(?:[:;=]['’]?-?|8-)[)(\]\[DPpOo/\\|3*]{1,9}|<3|</3|\^_{0,3}\^|-_{1,3}-|[oO]_[oO]|[xX]D|:'\(|¯\\_\(ツ\)_/¯|"
        r"\\o/|>[:;]-?[()]|[)(]-?[:;])(?=[\s.,!?;]|$)(?<!\dx)",
        " ",
    ),
    rule(r"(?<=\s)\|([a-z])\|(?![\w|])", lambda m, b: f"absolute value of {m[1]}"),
    rule(r"(?<![\S\n])(?<=\S\s)([<>])\s?(?=[$£€.]?\d)", _compare_first),
    rule(r"(?m)^\|?[-:|\s]{3,300}\|?$", ""),
    rule(r"(?m)^\s?(?:[*•‣◦▪●○■□→+>|]\s|-\s(?=\S)){1,9}", ". "),
    rule(r"(?m)^\s?\(?(\d{1,2})[.)]\s(?=\S)", lambda m, b: f". {m[1]}, "),
    rule(r"\|", ", "),
    rule(r"(?m)^[-=*_~#]{3,}\s?$", ". "),
)

# Before numbers are read: what a sign between them means
BETWEEN: tuple[Rule, ...] = (
    rule(r"(?<=\d)\s?[xX×]\s?(?=\d+(?:\.\d+)?\s?[xX]\s?\d)", "by"),
    rule(r"(?<=\d)\s?/\s?(?=\d{1,9}(?:\.\d{1,9})?\s?=)", "divided by"),
    rule(r"(?<![\w.,/])(\d{1,9})\s/\s(\d{1,9})(?![\w/]|[.,]\d)", _divided),
    rule(r"(?<![\w^)\].])([\w^)\].]{1,20})\s[-–]\s"
         r"(?=([(√]?(?:\d{1,9}(?:\.\d{1,9})?)?[A-Za-z]?)(?![\w'.]\w|\w))", _minus),
    rule(r"(?<=\d)\s?[xX]\s?(?=\d)", "by"),
    rule(r"(?<=\d)[eE](?=[+-]?\d{1,3}(?!\w))(?:\+|(-))?", lambda m, b: f" times ten to the {'minus ' if m[1] else ''}"),
    rule(rf"(?<!\w)({one_of(_FUNCTIONS)})\(([^()\n]{{1,20}})\)", lambda m, b: f" {_FUNCTIONS[m[1]]} of {m[2]} "),
    rule(r"(?<!\w)([b-hj-np-z)])\s/\s(?=[b-hj-np-z\d(])|(?<![\w.)])(\d{1,3})/(?=[a-z](?!\w))",
         lambda m, b: f"{m[1]} divided by " if m[1] else f"{m[2]} over "),
    rule(r"(?<!\w)([fghFGHP])\((-?\w{1,3})\)", lambda m, b: f" {m[1]} of {m[2]} "),
    rule(r"(?<=\d)[xX](?!\w)", _times),
    rule(r"(?<=[\d)])\s?[*∗]\s?(?=[\d(])", "times"),
    rule(r"(?<![\w~])~\s?(?=[\d$£€])", "about"),
    rule(r"(?<=\d)\s?-\s?(?=\d+(?:\.\d+)?\s?=)|(?<=[\d)a-z])\s-\s(?=\d+(?:\.\d+)?\s?=)|(?<=[=(]\s)-(?=\d)|(?<==)-(?=\d)",
         "minus"),
    rule(r"(?<=[.,;:!?'])\^\d{1,3}(?!\w)", ""),
    rule(r"([\w)\]]{1,40})\^\(?([-⁻+]?)(\d{1,3}|[A-Za-z])\)?(?!\w)", _power),
    rule(r"\s?(?:<->|-->|->|=>|<=|>=|!=|<>|==)\s?", _compare),
    rule(r"(?<![<])<(?=\s?[-$£€.]{0,3}\d)|(?<=\b\w)<(?=\w\b)|(?<=[\w)]\s)<(?=\s[\w(])|(?<=[\d)])<(?=\w)", _compare),
    rule(r"(?<!>)>(?=\s?[-$£€.]{0,3}\d)|(?<=\b\w)>(?=\w\b)|(?<=[\w)]\s)>(?=\s[\w(])|(?<=[\d)])>(?=\w)", _compare),
    rule(r"(?<=[A-Za-z])\+\+(?!\w)", "plus plus"),
    rule(r"(?<=\d)\+(?=\s[a-z]|[.,;!?)]|\s?$)", "plus"),
    rule(r"\bC#(?!\w)", f"{SPELLED}c sharp"),
    rule(r"§{1,2}|¶{1,2}", _section),
)  # fmt: skip

# After numbers: each sign by its name
LAST: tuple[Rule, ...] = (
    rule(rf"(?<![\u0370-\u03ff])[{_GREEK_LETTERS}](?![\u0370-\u03ff])", lambda m, b: f" {_GREEK[m[0].lower()]} "),
    rule(rf"(?<=\w)\s?[{_MONEY}]|[{_MONEY}](?=\s?\w)", _currency),
    rule(f"[{_MONEY}]", " "),
    rule(rf"(?:{_NAMED})", _sign),
    rule(r"(?<=\d)\s?\*\s?(?=\d)", "times"),
    rule(rf"[{re.escape(DECORATION.replace('–', '').replace('—', ''))}]", " "),
)  # fmt: skip
