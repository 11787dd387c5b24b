"""How fast text becomes phones: the first call of a process, and a thousand ordinary words once everything is loaded.

    python tools/bench/text.py [--repeats 5]

Prints a Markdown table of processor time: English, and two languages that their voices alone say. Every first call is
in a fresh process and counts its imports; "first word" is one that the dictionary has; "first heteronym" loads the
tagger, too.
"""

import argparse
import statistics
import subprocess
import sys

# Ordinary prose of our own, heteronyms and numbers among it
ENGLISH = (
    "The old lighthouse stood at the end of the road, where the wind never stopped. In 1987 the council wanted to "
    "close it, but the people who live nearby began to object. They read every letter aloud, and a minute later the "
    "room was silent. Mrs. Baker said that she would lead the group herself; nobody could refuse her anything. "
)
OTHERS = {
    "de": "Der alte Leuchtturm steht am Ende der Straße, wo der Wind nie aufhört. Im Herbst wollte die Stadt ihn "
    "schließen. ",
    "es": "El viejo faro está al final del camino, donde el viento nunca descansa. En otoño el pueblo quería "
    "cerrarlo. ",
}
WORDS = 1000
FIRST = """
import time
started = time.process_time()
from phonolips.speech.text.g2p import text_to_phones
text_to_phones({text!r}, language={language!r})
print(time.process_time() - started)
"""
WARM = """
import time
from phonolips.speech.text.g2p import text_to_phones
text_to_phones({text!r}, language={language!r})
started = time.process_time()
text_to_phones({text!r}, language={language!r})
print(time.process_time() - started)
"""


def thousand_words(sentence: str) -> str:
    """Repeat a text up to a thousand words."""
    words: list[str] = []
    while len(words) < WORDS:
        words += sentence.split()
    return " ".join(words[:WORDS])


def seconds(code: str, repeats: int, **values: str) -> float:
    """Return the median time that fresh processes print."""
    times = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", code.format(**values)], capture_output=True, text=True, check=True)
        times.append(float(done.stdout))
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print("| what | language | ms |\n|---|---|---|")
    for what, text in (("first word", "hello"), ("first heteronym", "I read it"), ("first unknown word", "zorblax")):
        print(f"| {what} | en-us | {1000 * seconds(FIRST, repeats, text=text, language='en-us'):.0f} |")
    for language, sentence in {"en-us": ENGLISH, **OTHERS}.items():
        text = thousand_words(sentence)
        print(
            f"| {WORDS} words, cold | {language} | {1000 * seconds(FIRST, repeats, text=text, language=language):.0f} |"
        )
        print(
            f"| {WORDS} words, warm | {language} | {1000 * seconds(WARM, repeats, text=text, language=language):.0f} |"
        )


if __name__ == "__main__":
    main()
