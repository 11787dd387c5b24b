"""What a short command does not load, and that going without it changes nothing."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

from phonolips.errors import PhonolipsWarning
from phonolips.speech.text import lexicon
from phonolips.speech.text.english import units

# None of these has to do with saying a short text.
HEAVY = (
    "torch",
    "scipy",
    "pydantic",
    "rich",
    "multiprocessing",
    "matplotlib",
    "av",
    "PIL",
    "praatio",
    "phonemizer",
    "xml.etree",
)
OUR_OWN = ("phonolips.synth.batch", "phonolips.phones.files.read", "phonolips.show.plots")
SAID = """
import sys
from phonolips.cli.commands import run
status = run(["synth", "--text", "bin blue at f two now", "--out", "nowhere", "--dry-run"])
print(status, *(name for name in {names!r} if name in sys.modules))
"""


def test_a_short_text_loads_little(tmp_path):
    code = SAID.format(names=HEAVY + OUR_OWN)
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "0"


def test_searching_the_dictionary_finds_what_parsing_it_does():
    dictionary = lexicon._Dictionary(lexicon._dictionary_path().read_text(encoding="utf-8"))
    words = [word for word in dictionary.parsed if not word.endswith(")")]
    rng = np.random.default_rng(3)
    chosen = [*rng.choice(words, 60), words[0], words[-1], "a", "read", "", "qqq", "a(2)", "B", "bin ", "\ud800"]
    for word in chosen:
        searched = dictionary._search(word)
        dictionary._searched = lexicon.MOST_SEARCHED
        assert searched == dictionary.entries(word), word
    assert len(dictionary._search("a")) > 1


def test_units_wait_for_a_digit():
    """Without a digit, or one of the units that stand alone, none of their rules finds anything."""
    rng = np.random.default_rng(4)
    pieces = [
        "in",
        "m",
        "km",
        "ft",
        "°",
        "C",
        "at",
        " ",
        "-",
        "^",
        "″",
        "'",
        "half",
        "A",
        "x",
        "by",
        "pt",
        "/",
        ",",
        "two",
    ]
    for _ in range(300):
        text = "".join(rng.choice(pieces, 12))
        assert not any(units.re.search(pattern, text, flags) for pattern, _, flags in units.RULES), text
    (alone,) = units.ALONE
    for text in ("km/h", "how many GHz", "a kWh"):
        assert units.re.search(alone.pattern, text)
        assert units.STANDS_ALONE.search(text)


def test_the_painter_draws_what_is_drawn_here(tmp_path):
    from phonolips.show.plots.style import new_figure
    from phonolips.synth.folder import _draw_posteriorgram, _drawn_beside, start_painter

    posteriors = np.random.default_rng(5).dirichlet(np.full(40, 0.05), 80).astype(np.float32)
    options = {"opening": np.linspace(0, 0.2, 20), "fps": 25.0}
    with start_painter() as painter, _drawn_beside(painter, (tmp_path / "there.png", posteriors, options)):
        _draw_posteriorgram(tmp_path / "here.png", posteriors, options)
    assert (tmp_path / "here.png").read_bytes() == (tmp_path / "there.png").read_bytes()
    assert new_figure(4, 3, "").get_dpi() == 100


def test_a_figure_is_drawn_as_savefig_draws_it(tmp_path):
    from PIL import Image

    from phonolips.show.plots.posteriors import posteriorgram
    from phonolips.show.plots.style import PICTURE_DPI, save_figure

    posteriors = np.random.default_rng(6).dirichlet(np.full(40, 0.05), 80).astype(np.float32)
    save_figure(posteriorgram(posteriors, title="abc"), tmp_path / "once.png")
    figure = posteriorgram(posteriors, title="abc")
    figure.savefig(tmp_path / "twice.png", dpi=PICTURE_DPI)
    once, twice = (np.asarray(Image.open(tmp_path / name)) for name in ("once.png", "twice.png"))
    assert np.array_equal(once, twice)


def test_letters_of_other_scripts_still_fall_back_on_other_fonts(tmp_path, monkeypatch):
    from phonolips.show.plots import style

    asked = []

    def no_fonts(figure: object) -> bool:
        asked.append(figure)
        return False

    monkeypatch.setattr(style, "_use_wide_fonts", no_fonts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        style.save_figure(style.new_figure(4, 3, "Größe, Ωж"), tmp_path / "plain.png")
    assert not asked
    with pytest.warns(PhonolipsWarning, match="boxes"):
        style.save_figure(style.new_figure(4, 3, "\ue123"), tmp_path / "wide.png")  # of private use: no font has it
    assert len(asked) == 1
