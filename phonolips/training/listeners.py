"""Listeners: recurrent encoders that are trained as the audio encoder is, and then teach it.

The mean of the posteriors of several is closer to what was said than any of them, and an encoder that is trained to
make the same posteriors, through noise that they do not hear, takes over much of it: distillation of an ensemble
(Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015).
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.model.bundle import DESCRIPTION_FILE, WEIGHTS_FILE, bundle_errors, read_bundle, write_bundle
from phonolips.model.settings import settings_from_dict
from phonolips.model.stages import STRIDE
from phonolips.training.modules import build_module, weights_content
from phonolips.training.networks.listener import Listener
from phonolips.training.padding import length_mask, pad_stack
from phonolips.training.settings import ListenerSettings

LISTENER_FORMAT = 1
TOGETHER, TOGETHER_ON_GPU = 8, 64  # clips that are heard at once


@torch.inference_mode()
def hear(listeners: Sequence[Listener], store: Store, clips: np.ndarray, device: str) -> dict[int, np.ndarray]:
    """Let listeners hear whole clips.

    Args:
        listeners: at least one.
        store: the prepared features.
        clips: int64 (clips,), positions in it.
        device: where to compute.

    Returns:
        by position the mean of their posteriors, float16 (steps, phones): 8 kB for each second of speech, in memory.
    """
    heard: dict[int, np.ndarray] = {}
    order = clips[np.argsort(store.lengths("mel")[clips], kind="stable")]
    together = TOGETHER_ON_GPU if device.startswith("cuda") else TOGETHER
    with tqdm(total=len(order), desc="listening", unit="clip", dynamic_ncols=True, disable=None) as bar:
        for first in range(0, len(order), together):
            group = order[first : first + together].tolist()
            mels = [store.get(clip, "mel").astype(np.float32) for clip in group]
            longest = len(mels[-1]) + -len(mels[-1]) % STRIDE
            mel = pad_stack(mels, longest).to(device)
            mask = length_mask([len(one) for one in mels], longest).to(device)
            logits = [listener.to(device).eval()(mel, mask)[0].float() for listener in listeners]
            mean = torch.stack([one.softmax(-1) for one in logits]).mean(0).half().cpu().numpy()
            heard |= {clip: mean[row, : len(mels[row])].copy() for row, clip in enumerate(group)}
            bar.update(len(group))
    for listener in listeners:
        listener.to("cpu")
    return heard


def write_listener(listener: Listener, folder: Path) -> None:
    """Write a listener into a folder, as `read_listener` reads it."""
    description = {"format": LISTENER_FORMAT, "kind": "listener", "settings": asdict(listener.settings), "notes": {}}
    write_bundle(folder, {WEIGHTS_FILE: weights_content(listener, half=True)}, description)


def read_listener(folder: Path) -> Listener:
    """Read a listener that `phonolips train listener` wrote.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    expected = {"format": LISTENER_FORMAT, "kind": "listener"}
    values = read_bundle(folder, what="listener", made_by="'phonolips train listener'", expected=expected)
    with bundle_errors(folder, "listener"):
        settings = settings_from_dict(ListenerSettings, values["settings"])
        return build_module(folder, lambda: Listener(settings))


def read_listeners(folders: Sequence[str]) -> list[Listener]:
    """Read those that a training is taught by.

    Raises:
        InputError: a folder is not there.
        CheckpointError: it holds no listener.
    """
    for folder in folders:
        if not (Path(folder) / DESCRIPTION_FILE).is_file():
            raise InputError(f"encoder.listeners: no listener in {folder}; train one with 'phonolips train listener'")
    return [read_listener(Path(folder)) for folder in folders]
