"""From a script's tokens and their phones to spoken words that know what the script asks of them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from phonolips.phones.inventory import SILENCE
from phonolips.speech.text.english_words import Said
from phonolips.speech.text.markup.script import FASTEST, SLOWEST, Break, Cue, End, Event, Script, Span, spans_of
from phonolips.speech.text.normalise import PlacedMark, Token
from phonolips.speech.words import BREAK, CUE, SpokenWord

GIVEN_LANGUAGE = "en-us"  # whose voice says phones that somebody gave for a word of another language


class Piece(NamedTuple):
    """A stretch of a script in one language: its text with marks, and the language as the script writes it, or ""."""

    text: str
    language: str


def pieces_of(script: Script) -> list[Piece]:
    """Cut a script where the language changes."""
    pieces: list[list[str]] = []
    languages: list[str] = []
    for text, spans in spans_of(script):
        language = next((span.language for span in reversed(spans) if span.language), "")
        if not pieces or languages[-1] != language:
            pieces.append([])
            languages.append(language)
        pieces[-1].append(text)
    return [Piece("".join(texts), language) for texts, language in zip(pieces, languages, strict=True)]


def spell_tokens(tokens: Sequence[Token], marks: Sequence[PlacedMark], script: Script) -> list[Token]:
    """Mark the tokens that are to be said letter by letter."""
    spelled = list(tokens)
    for place, event in _in_order(len(tokens), marks, script):
        if event is None:
            continue
        if isinstance(event, Span) and event.spelled:
            end = next((later.place for later in marks if later.place > place), len(tokens))
            for index in range(place, end):
                if len(spelled[index].word) == 1:
                    spelled[index] = spelled[index]._replace(spelled=True)
    return spelled


def _in_order(count: int, marks: Sequence[PlacedMark], script: Script) -> Iterator[tuple[int, Event | None]]:
    """Yield every event before the place of its token, and each token's place with None."""
    waiting = iter(marks)
    mark = next(waiting, None)
    for place in range(count + 1):
        while mark is not None and mark.place <= place:
            yield place, script.event(mark.mark)
            mark = next(waiting, None)
        if place < count:
            yield place, None


class Arranger:
    """Put the words of a script, piece by piece, into what is said, with what the script asks of them.

    Args:
        script: whose marks stand among the tokens.
        language: of the text, as espeak names it.
    """

    def __init__(self, script: Script, language: str) -> None:
        self._script = script
        self._given_language = "" if language.startswith("en") else GIVEN_LANGUAGE
        self._words: list[SpokenWord] = []
        self._spans: list[Span] = []
        self._names: list[str] = []  # of the words that given phones stand for
        self._silent: list[str] = []

    def add(self, tokens: Sequence[Token], said: Sequence[Said], marks: Sequence[PlacedMark], language: str) -> None:
        """Append a piece; `language` is "" where it is that of the text."""
        for place, event in _in_order(len(tokens), marks, self._script):
            if event is not None:
                self._obey(event)
            elif not tokens[place].word:
                self._pause(tokens[place].pause_seconds)
            elif any(span.phones for span in self._spans):
                self._names.append(tokens[place].word)
            elif said[place].phones:
                self._say(tokens[place].word, said[place], language)
            else:
                self._silent.append(tokens[place].word)

    def finish(self) -> tuple[list[SpokenWord], list[str]]:
        """Return the words, and those that cannot be said. Pauses of punctuation at the start and end are dropped."""
        while self._spans:
            self._obey(End())
        words = [word for word in self._words if word.word or word.pause_seconds or word.at is not None]
        while words and not words[-1].word and not words[-1].is_asked:
            words.pop()
        first = next((i for i, word in enumerate(words) if word.word or word.is_asked), len(words))
        return words[first:], self._silent

    def _obey(self, event: Event) -> None:
        if isinstance(event, Break):
            self._break(event.seconds)
        elif isinstance(event, Cue):
            self._cue(event.at)
        elif isinstance(event, Span):
            self._spans.append(event)
        elif self._spans:
            span = self._spans.pop()
            if span.phones and not any(outer.phones for outer in self._spans):
                name = " ".join(self._names) or " ".join(span.phones)
                self._names = []
                self._say(name, Said(span.phones, span.source), self._given_language)

    def _say(self, name: str, said: Said, language: str) -> None:
        rate, emphasis = 1.0, 1.0
        for span in self._spans:
            if span.rate is not None:
                rate = span.rate * (rate if span.relative else 1.0)
            emphasis = emphasis if span.emphasis is None else span.emphasis
        rate = min(max(rate, SLOWEST), FASTEST)
        self._words.append(SpokenWord(name, said.phones, 0.0, said.source, rate, emphasis, None, language))

    def _pause(self, seconds: float) -> None:
        """Append the pause of punctuation; beside another one the longer stays, and an asked one that is none."""
        if self._names:
            return
        last = self._words[-1] if self._words else None
        if last is None or last.word:
            self._words.append(SpokenWord("", (SILENCE,), seconds))
        elif last.at is None and (not last.is_asked or last.pause_seconds):
            self._words[-1] = last._replace(pause_seconds=max(seconds, last.pause_seconds))

    def _break(self, seconds: float) -> None:
        """Append a break: one after another adds to it, and the pause of punctuation stays only where it is longer."""
        last = self._words[-1] if self._words else None
        if last is None or last.word or last.at is not None:
            self._words.append(SpokenWord("", (SILENCE,), seconds, BREAK))
        elif last.is_asked:
            self._words[-1] = last._replace(pause_seconds=last.pause_seconds + seconds)
        else:
            longer = max(seconds, last.pause_seconds) if seconds else 0.0
            self._words[-1] = last._replace(pause_seconds=longer, source=BREAK)

    def _cue(self, at: float) -> None:
        """Append a pause up to a time; it takes the place of the pause of punctuation before it."""
        if self._words and not self._words[-1].word and self._words[-1].source != CUE:
            self._words.pop()
        self._words.append(SpokenWord("", (SILENCE,), 0.0, CUE, at=at))
