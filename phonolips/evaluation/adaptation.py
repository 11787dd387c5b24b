"""Score the ways to speak with an unseen speaker's lips, always on clips that they were not adapted to."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from phonolips.corpus.store.store import Store
from phonolips.lips.rest import NATURAL
from phonolips.model.adapt import EncodedClip, adapt, best_frame_speaker
from phonolips.synth import verbs as synth

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker

MEAN_ROW, FRAME_ROW, ADAPTED_ROW = "audio, mean speaker", "audio, one frame", "audio, adapted on the other clips"


def encode_stored(network: "Network", features: Store, clip: str) -> EncodedClip:
    """Encode the stored log-mel of a prepared clip with the network's encoder."""
    from phonolips.model.stream import encode_mel

    encoded = encode_mel(network, features.get(clip, "mel"))
    lips, detected = np.array(features.get(clip, "lips")), np.array(features.get(clip, "detected"))
    return EncodedClip(lips, detected, encoded.posteriors, encoded.lip_parameters)


def say(network: "Network", clip: EncodedClip, speaker: "LipSpeaker") -> np.ndarray:
    """Predict the lips of a clip from its sound, as lively as the model is by itself: float32 (frames, 40, 2)."""
    return synth.from_posteriors(
        clip.posteriors, lip_parameters=clip.lip_parameters, speaker=speaker, network=network, rest=NATURAL
    ).lips


def unseen_speaker_rows(
    network: "Network", features: Store, clips: Sequence[str]
) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Predict clips of speakers who are not in the model, in the three ways that there are.

    The one frame is that of the speaker's next clip which says most of the mean shape (`best_frame_speaker`); the
    adaptation has all clips but the predicted one.

    Args:
        network: the model.
        features: a prepared corpus.
        clips: with lips; those of the model's own speakers are left out, and of others with a single clip, and all
            whose speaker has no name.

    Returns:
        (method, clip -> lips (frames, 40, 2)).
    """
    by_speaker: dict[str, dict[str, EncodedClip]] = defaultdict(dict)
    for clip in clips:
        speaker = features.meta(clip)["speaker"]
        if speaker and speaker not in network.description.speakers:
            by_speaker[speaker][clip] = encode_stored(network, features, clip)
    rows: list[tuple[str, dict[str, np.ndarray]]] = [(MEAN_ROW, {}), (FRAME_ROW, {}), (ADAPTED_ROW, {})]
    for encoded in by_speaker.values():
        names = [name for name, clip in encoded.items() if clip.detected.any()]
        for index, name in enumerate(names):
            rows[0][1][name] = say(network, encoded[name], network.lip_speaker(None))
            others = [encoded[other] for other in names[index + 1 :] + names[:index]]
            if others:
                rows[1][1][name] = say(network, encoded[name], best_frame_speaker(network, others[0]))
                rows[2][1][name] = say(network, encoded[name], adapt(network, others).speaker)
    return rows
