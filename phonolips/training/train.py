"""Train one part of the network, or all of it, from a prepared corpus; the model folder carries it all."""

import json
import logging
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phonolips import __version__
from phonolips.corpus.store.remote import is_address
from phonolips.corpus.store.store import Store
from phonolips.errors import InputError, did_you_mean
from phonolips.model.bundle import DESCRIPTION_FILE
from phonolips.model.network import Description
from phonolips.model.settings import settings_to_dict
from phonolips.model.speakers import MEAN_SPEAKER, MEAN_SPEAKER_ROW
from phonolips.storage import write_text
from phonolips.training import old_versions
from phonolips.training.activity import train_activity
from phonolips.training.durations import train_durations
from phonolips.training.encoder import train_encoder, train_listener
from phonolips.training.lips import start_folder, train_lips
from phonolips.training.lips_clips import UNNAMED, lip_positions
from phonolips.training.listeners import write_listener
from phonolips.training.networks.encoder import COUNTED
from phonolips.training.networks.network import TrainableNetwork, read_trainable
from phonolips.training.ranks import is_main, join_ranks, wait_for_all
from phonolips.training.settings import LipsFitSettings, Recipe, load_settings
from phonolips.training.sync import train_sync
from phonolips.training.unseen_phones import SEEN_NOTE

log = logging.getLogger("phonolips.training")
ACTIVITY = "activity"  # needs no other part
PARTS = ("encoder", "durations", "lips", ACTIVITY)  # of the network, in the order in which `all` trains them
SYNC = "sync"  # the sync expert, which is no part of the network
LISTENER = "listener"  # a teacher of encoders, which is none either
PARAMETERS_OF = {
    "encoder": ("audio_encoder.",),
    "durations": ("durations.",),
    ACTIVITY: ("voice_activity.",),
    "lips": ("bottleneck.", "lip_parameters.", "speakers.", "speaker_encoder.", "decoder.", "lip_"),
}


def network_folder(out: Path) -> Path:
    """Return where the network of a training folder lies."""
    return out / "network"


def _write_settings(folder: Path, settings: Any, **more: Any) -> None:
    """Write what a training was made with into its folder."""
    if not is_main():
        return
    made_with = {
        "settings": settings_to_dict(settings),
        **more,
        "phonolips": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    write_text(folder / "run.json", json.dumps(made_with, indent=1) + "\n")


def _speakers_of(store: Store, settings: LipsFitSettings) -> list[str]:
    """Name the speakers who get a row of their own in the table, after the mean speaker."""
    if settings.speakers not in ("all", "start"):
        raise InputError(f"lips.speakers={settings.speakers}; expected all or start")
    codes, names = store.column("speaker")
    positions = lip_positions(store, "train")
    if settings.speakers == "start":  # a person of untranscribed videos who has a speaker's name is somebody else
        positions = positions[store.lengths("soft")[positions] == 0]
    speakers = {names[code] for code in np.unique(codes[positions])} - {UNNAMED}
    if settings.speakers == "start":
        speakers &= set(read_trainable(start_folder(settings)).description.speakers) if settings.start else set()
    return [MEAN_SPEAKER, *sorted(speakers)]


def _new_network(recipe: Recipe, store: Store) -> TrainableNetwork:
    torch.manual_seed(recipe.encoder.seed)
    return TrainableNetwork(Description(recipe.network, _speakers_of(store, recipe.lips)))


def _started_network(recipe: Recipe, store: Store) -> tuple[TrainableNetwork, list[str]]:
    """Take over a whole model but its lips, as `lips.start` names it: its sizes, encoder, durations, voice activity.

    Returns:
        the network, and the parts of it that are trained.
    """
    other = read_trainable(start_folder(recipe.lips))
    speakers, known = _speakers_of(store, recipe.lips), other.description.speakers
    network = TrainableNetwork(Description(other.description.settings, speakers))
    rows = [known.index(name) if name in known else MEAN_SPEAKER_ROW for name in speakers]
    own, values = network.state_dict(), other.state_dict()
    trained = [part for part in _noted(other) if part != "lips"]
    for part in trained:
        for name in [name for name in own if name.startswith(PARAMETERS_OF[part])]:
            own[name] = values[name][rows] if name == "durations.speaker.weight" else values[name]
    network.load_state_dict(own)
    log.info("encoder, durations and voice activity are those of %s", start_folder(recipe.lips))
    return network, trained


def _noted(network: TrainableNetwork) -> list[str]:
    """Return which parts of a network its notes call trained."""
    return [old_versions.PARTS.get(part, part) for part in network.description.notes.get("trained", [])]


def _carry_over(network: TrainableNetwork, folder: Path, parts: Sequence[str]) -> list[str]:
    """Take over the parts that are trained already; return which."""
    if not (folder / DESCRIPTION_FILE).is_file():
        return []
    earlier = read_trainable(folder)
    trained = [part for part in _noted(earlier) if part in parts]
    if ACTIVITY in trained:
        network.add_voice_activity(earlier.description.settings.voice_activity)
    own, other = network.state_dict(), earlier.state_dict()
    for part in trained:
        for name in [name for name in own if name.startswith(PARAMETERS_OF[part])]:
            counted = name.removeprefix("audio_encoder.") in COUNTED
            if name not in other or (other[name].shape != own[name].shape and not counted):
                raise InputError(
                    f"{folder}: its trained {part} has other sizes or speakers than the settings now; "
                    f"train {part} again, or choose another out"
                )
            own[name] = other[name]
    network.load_state_dict(own)
    if "lips" in trained and SEEN_NOTE in earlier.description.notes:
        network.description.notes[SEEN_NOTE] = earlier.description.notes[SEEN_NOTE]
    return trained


def train(
    part: str,
    *,
    data: Path | str,
    out: Path,
    config: Path | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
) -> Path:
    """Train `encoder`, `durations`, `lips`, `activity`, or `all` of them in this order; or `sync`, or a `listener`.

    `sync` is the sync expert; a listener teaches encoders (`encoder.listeners`).

    Args:
        part: what to train; `lips` needs a trained encoder, or the model `lips.start`, whose encoder, durations and
            voice activity are taken over where `out` has none; the others need nothing. `activity` (voice activity) is
            added to whatever model is in `out`, the only part without the sizes and speakers of the settings.
        data: a prepared corpus, or the address of one.
        out: gets `network/` (the model), `sync_expert/` or `listener/`, and for each part checkpoints and
            `history.jsonl`. A killed training goes on from its last epoch; a finished one is not repeated.
        config: YAML with settings.
        overrides: `name=value` words, such as `lips.epochs=3`.
        device: `auto`, `cpu`, `cuda`.

    Returns:
        the folder of the model, of the sync expert, or of the listener.

    Raises:
        InputError: an unknown part or setting, or lips without a trained encoder.
        CorpusError: nothing to train on.
    """
    part = old_versions.part_now(part)
    known = (*PARTS, SYNC, LISTENER, "all")
    if part not in known:
        raise InputError(f"part {part!r}; expected one of {', '.join(known)}{did_you_mean(part, known)}")
    recipe: Recipe = load_settings(Recipe, config=config, overrides=overrides)
    join_ranks(device)
    old_versions.rename_folders(out)
    store = Store(f"{data}/features" if is_address(data) else Path(data) / "features")
    if part == SYNC:
        log.info("training %s", part)
        _write_settings(out / part, recipe.sync)
        expert = train_sync(store, recipe.sync, out / part, device=device)
        expert.save(out / "sync_expert")
        return out / "sync_expert"
    if part == LISTENER:
        log.info("training a %s", part)
        _write_settings(out / part, recipe.listener)
        listener = train_listener(store, recipe.listener, out / part, device=device)
        if is_main():
            write_listener(listener, out / part)
        wait_for_all()
        return out / part
    folder = network_folder(out)
    for now in PARTS if part == "all" else (part,):
        others = [other for other in PARTS if other != now]
        if now == ACTIVITY and (folder / DESCRIPTION_FILE).is_file():
            network = read_trainable(folder)
            trained = [part for part in _noted(network) if part in others]
        else:
            network = _new_network(recipe, store)
            trained = _carry_over(network, folder, others)
            if now == "lips" and recipe.lips.start and "encoder" not in trained:
                network, trained = _started_network(recipe, store)
        if now == "lips" and "encoder" not in trained:
            raise InputError(f"{folder}: has no trained encoder; train the part 'encoder' first")
        log.info("training %s", now)
        _write_settings(out / now, getattr(recipe, now), network=settings_to_dict(recipe.network))
        if now == "encoder":
            train_encoder(network, store, recipe.encoder, out / now, device=device)
        elif now == "durations":
            train_durations(network, store, data, recipe.durations, out / now, device=device)
        elif now == ACTIVITY:
            train_activity(network, store, recipe.activity, out / now, device=device)
        else:
            train_lips(network, store, recipe.lips, out / now, device=device)
        network.description.notes["trained"] = [*trained, now]
        if is_main():
            network.save(folder)
        wait_for_all()
    return folder
