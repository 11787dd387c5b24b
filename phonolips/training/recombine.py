"""Clips of one speaker cut at phone edges and joined with others and with silence: no order, place or onset is special.

A corpus of one grammar teaches it: GRID's sentences begin with "bin", "lay", "place" or "set" after a silence, so lips
trained on it know no other onset. Joined clips have words in any order, and begin and end anywhere in a sentence.

Encoder outputs, labels and lips are laid end to end. Frames around a joint do not count in the loss, since their lips
were going somewhere else: between two pieces of speech on both sides; between silence and speech those of the silence
alone, so that lips must have come by the time at which the speech begins, and stay until it ends.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from phonolips.phones.inventory import SILENCE_ID
from phonolips.timebase import MODEL_FPS, STEPS_PER_FRAME
from phonolips.training.encoder_outputs import StoredOutput
from phonolips.training.lips_clips import LipsClip, cut

LEAST_PIECE = round(0.32 * MODEL_FPS)  # frames of a piece of speech: two syllables or so
SILENCE_SECONDS = (0.08, 0.6)  # of a silence that is put in
SILENCE_SHARE = 0.4  # of the places before, between and after pieces
LEAST_SILENCE = 3  # frames of a clip's own silence, to be of use
# Frames without a loss at a joint, where lips were on their way from or to something else.
SPEECH_MARGIN, SILENCE_MARGIN = 2, 5


def phone_edges(labels: np.ndarray) -> np.ndarray:
    """Return the frames nearest to where a phone begins, ascending, from labels (steps,)."""
    steps = np.flatnonzero(np.diff(labels)) + 1
    edges: np.ndarray = np.unique(np.round(steps / STEPS_PER_FRAME).astype(np.int64))
    return edges


def find_silence(clip: LipsClip) -> LipsClip | None:
    """Return the longer of the silences at the ends of a clip; None where both are short."""
    frames = len(clip.coefficients)
    silent = (clip.labels[: STEPS_PER_FRAME * frames].reshape(frames, -1) == SILENCE_ID).all(1)
    spoken = np.flatnonzero(~silent)
    if not len(spoken):
        return None
    before, after = int(spoken[0]), frames - 1 - int(spoken[-1])
    if max(before, after) < LEAST_SILENCE:
        return None
    return cut(clip, 0, before) if before >= after else cut(clip, frames - after, after)


def repeat(clip: LipsClip, frames: int) -> LipsClip:
    """Play a clip back and forth until it has so many frames."""
    there = len(clip.coefficients)
    turns = -(-frames // there)
    pieces = [clip if turn % 2 == 0 else _backwards(clip) for turn in range(turns)]
    return cut(_concatenate(pieces), 0, frames)


def join(pieces: Sequence[LipsClip], silent: Sequence[bool]) -> LipsClip:
    """Lay pieces end to end; frames around the joints count as not detected.

    Args:
        pieces: of one speaker.
        silent: which of them are silence that was put in.
    """
    whole = _concatenate(pieces)
    detected = whole.detected.copy()
    place = 0
    for index, piece in enumerate(pieces[:-1]):
        place += len(piece.coefficients)
        before = after = SPEECH_MARGIN
        if silent[index] != silent[index + 1]:
            before, after = (SILENCE_MARGIN, 0) if silent[index] else (0, SILENCE_MARGIN)
        detected[max(0, place - before) : place + after] = False
    return whole._replace(detected=detected, shut=whole.shut & detected)


def recombine(clip: LipsClip, other: LipsClip, rng: np.random.Generator) -> LipsClip:
    """Join a piece of a clip with one of another clip of its speaker, and with silences, at random.

    A clip without phone edges, or too short, stays as it is.
    """
    pieces: list[LipsClip] = []
    for source in (clip, other):
        frames = len(source.coefficients)
        edges = phone_edges(source.labels)
        edges = edges[(edges >= LEAST_PIECE) & (edges <= frames - LEAST_PIECE)]
        if not len(edges):
            return clip
        edge = int(rng.choice(edges))
        pieces.append(cut(source, 0, edge) if rng.random() < 0.5 else cut(source, edge, frames - edge))
    if rng.random() < 0.5:
        pieces.reverse()
    quiet = find_silence(clip) or find_silence(other)
    laid: list[LipsClip] = []
    silent: list[bool] = []
    for place in range(len(pieces) + 1):
        if quiet is not None and rng.random() < SILENCE_SHARE:
            laid.append(repeat(quiet, max(1, round(float(rng.uniform(*SILENCE_SECONDS)) * MODEL_FPS))))
            silent.append(True)
        if place < len(pieces):
            laid.append(pieces[place])
            silent.append(False)
    return join(laid, silent)._replace(
        name=clip.name, speaker=clip.speaker, named=clip.named, shape=clip.shape, voice=clip.voice
    )


def _concatenate(pieces: Sequence[LipsClip]) -> LipsClip:
    def laid(arrays: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate(list(arrays))

    return pieces[0]._replace(
        labels=laid(piece.labels for piece in pieces),
        outputs=tuple(
            StoredOutput(laid(one.posteriors for one in same), laid(one.hidden for one in same))
            for same in zip(*(piece.outputs for piece in pieces), strict=False)
        ),
        coefficients=laid(piece.coefficients for piece in pieces),
        lip_parameters=laid(piece.lip_parameters for piece in pieces),
        detected=laid(piece.detected for piece in pieces),
        shut=laid(piece.shut for piece in pieces),
    )


def _backwards(clip: LipsClip) -> LipsClip:
    return clip._replace(
        labels=clip.labels[::-1],
        outputs=tuple(StoredOutput(one.posteriors[::-1], one.hidden[::-1]) for one in clip.outputs),
        coefficients=clip.coefficients[::-1],
        lip_parameters=clip.lip_parameters[::-1],
        detected=clip.detected[::-1],
        shut=clip.shut[::-1],
    )
