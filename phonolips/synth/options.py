"""How recordings are turned into lips, and what is written of them: the options that one and many share."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phonolips.lips.articulation import AS_DECODED, check_articulation
from phonolips.lips.rest import SHUT
from phonolips.timebase import MODEL_FPS

if TYPE_CHECKING:
    from phonolips.lips.articulation import Articulation
    from phonolips.model.speakers import LipSpeaker


class Options(NamedTuple):
    """How every recording of a batch is turned into lips: arguments of `phonolips synth`.

    Args:
        speaker: a speaker of the model, a LipSpeaker, or None.
        fps: frame rate of the lips, and of the formats; None = 25, and for the formats their own.
        liveliness: or None, as the model says.
        phones_only: predict the lip parameters from the phones.
        rest: where nothing is said, "shut" the mouth, or leave it ajar, "natural".
        model: a model folder; None = the one in the package.
        export: names of formats that are written besides.
        pictures: draw posteriorgram.png and lips.mp4; without them a batch is several times as fast.
        audio_stream: which of a recording's sounds, counted from 0; None = its default one.
        voice_activity: rest where a recording is not speech.
        provider, threads: what computes the model, as for `model.network.read_network`; the results are the same.
        articulation: how far the movements go, see `lips.articulation.check_articulation`.
    """

    speaker: "str | LipSpeaker | None" = None
    fps: float | None = None
    liveliness: float | None = None
    phones_only: bool = False
    rest: str = "shut"
    model: Path | None = None
    export: tuple[str, ...] = ()
    pictures: bool = True
    audio_stream: int | None = None
    voice_activity: bool = True
    provider: str = "auto"
    threads: int = 1
    articulation: "Articulation" = 1.0

    @property
    def lips_fps(self) -> float:
        """Frame rate of the lips."""
        return float(MODEL_FPS) if self.fps is None else self.fps

    def as_json(self) -> dict[str, Any]:
        """Return plain values for the manifest: a call with other options does not go on with these results."""
        who = self.speaker
        if who is not None and not isinstance(who, str):
            parts = [who.embedding.ravel(), who.mean_lip.ravel(), np.array([who.gain])]
            parts += [more.ravel() for more in (who.mixing, who.phone_offsets) if more is not None]
            numbers = np.concatenate(parts).astype(np.float32)
            who = f"{who.name} #{hashlib.sha256(numbers.tobytes()).hexdigest()[:12]}"
        values: dict[str, Any] = {
            "speaker": who,
            "fps": self.fps,
            "liveliness": self.liveliness,
            "phones_only": self.phones_only,
            "shut_in_silence": self.rest == SHUT,
            "model": str(self.model.resolve()) if self.model else "default",
            "export": list(self.export),
            "pictures": self.pictures,
            # left out where it is not asked for, as in the rows of batches that began before it could be
            **({} if self.audio_stream is None else {"audio_stream": self.audio_stream}),
        }
        if self.rest == SHUT:  # faster than `shut_in_silence` of earlier versions was
            values["rest"] = self.rest
        gains = check_articulation(self.articulation)
        if gains != AS_DECODED:
            values["articulation"] = gains._asdict()
        # Only where it is off, so that a batch goes on that a version without it began.
        return values if self.voice_activity else values | {"voice_activity": False}
