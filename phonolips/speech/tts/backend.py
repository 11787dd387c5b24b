"""What a synthesiser must do: the contract that every backend keeps, stated once."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from phonolips.errors import InputError, MissingToolError
from phonolips.phones.intervals import Alignment
from phonolips.speech.tts.spoken import OURS, SYNTHESISER, Spoken

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

LISTED = 8  # languages that a message names


class Backend(ABC):
    """One synthesiser. An implementation states the attributes and fills in the abstract methods.

    Attributes:
        name: one of BACKENDS.
        timing: who owns the times. `synthesiser`: the sound's own phone times come out and drive the lips. `ours`: an
            alignment goes in and the sound keeps its times.
        rates: the least and the greatest `rate`; both 1 where the alignment says how fast.
    """

    name: ClassVar[str]
    timing: ClassVar[str]
    rates: ClassVar[tuple[float, float]]

    def is_available(self) -> bool:
        """Return whether it can speak on this computer."""
        try:
            self.version()
        except MissingToolError:
            return False
        return True

    @abstractmethod
    def version(self) -> str:
        """Return its version, such as "1.52.0"; raise MissingToolError where it is not installed."""

    @abstractmethod
    def languages(self) -> Sequence[str]:
        """List the languages that it speaks, by code without country, such as `en`."""

    @abstractmethod
    def voices(self) -> Sequence[str]:
        """List the names that `voice` may have; empty where a voice is the user's file."""

    def speak(
        self,
        words: "Sequence[SpokenWord]",
        *,
        alignment: Alignment | None = None,
        language: str = "en-us",
        voice: str | None = None,
        rate: float = 1.0,
    ) -> Spoken:
        """Speak words.

        Args:
            words: what to say, as `phonolips.speech.text.g2p.text_to_phones` returns it.
            alignment: the times to keep; needed where `timing` is `ours`, refused elsewhere.
            language: the words' language.
            voice: one of `voices()`, or a file; None = the backend's own choice.
            rate: 2.0 speaks twice as fast; within `rates`.

        Raises:
            InputError: nothing to say, no such voice, rate or language, or times that the backend cannot keep.
            MissingToolError: the synthesiser, or its voice, is not installed.
        """
        if alignment is None and self.timing == OURS:
            raise InputError(f"{self.name} speaks at given times; give an alignment of the words")
        if alignment is not None and self.timing == SYNTHESISER:
            raise InputError(f"{self.name} makes its own phone times; to speak at given times use the backend festival")
        least, most = self.rates
        if not least <= rate <= most:
            raise InputError(f"rate {rate}; {self.name} speaks at {least} to {most} times its usual pace")
        known = self.languages()
        if language.split("-")[0] not in known:
            some = ", ".join(known[:LISTED]) + ", ..." * (len(known) > LISTED)
            raise InputError(
                f"{self.name} does not speak {language!r}; expected one of its languages ({some}), or another backend"
            )
        return self._speak(words, alignment, language, voice, float(rate))

    @abstractmethod
    def _speak(
        self,
        words: "Sequence[SpokenWord]",
        alignment: Alignment | None,
        language: str,
        voice: str | None,
        rate: float,
    ) -> Spoken:
        """Speak as `speak` states; alignment, language and rate are checked."""
