"""Typed settings: dataclasses that OmegaConf fills from YAML files and `name=value` words.

`NetworkSettings` is what a checkpoint needs to rebuild the model and is stored inside it; the rest says
how to train and is written beside each training.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yaml import YAMLError

from phonolips.checks import shortened, shown
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.model.settings import (
    NetworkSettings,
    Settings,
    SyncExpertSettings,
    VoiceActivitySettings,
    settings_from_dict,
)
from phonolips.reading import parse_yaml, read_text, read_yaml


@dataclass
class FitSettings:
    """One training."""

    epochs: int = 10
    batch: int = 24  # of all processes together, where torchrun starts several
    learning_rate: float = 2e-3
    warmup_share: float = 0.1  # of all updates; then a cosine down to a hundredth of the rate
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    seed: int = 1
    precision: str = "fp32"  # fp32, bf16, fp16 (mixed precision)
    average: float = 0.0  # decay of a running average of the weights, which is what is kept; 0 = none
    epoch_batches: int = 0  # batches in an epoch; 0 = all the data. A checkpoint is kept every epoch
    workers: int = 0  # processes that read batches ahead; 0 = the training reads them itself


@dataclass
class EncoderFitSettings(FitSettings):
    """Training of the audio encoder."""

    epochs: int = 24
    batch: int = 32
    learning_rate: float = 3e-3
    start: str = ""  # a model folder whose encoder is trained further; default = the package's; "" = from nothing
    most_valid_clips: int = 2_000  # validation encodes no more clips than these, evenly drawn
    crop_seconds: float = 4.0
    frame_weight: float = 1.0  # of the cross-entropy on labels
    soft_weight: float = 0.5  # of a step that only has an earlier encoder's posteriors, beside one with a label
    ctc_weight: float = 0.2  # of the CTC loss, per phone
    listeners: list[str] = field(default_factory=list)  # folders of listeners, whose mean posteriors are learnt
    listeners_weight: float = 0.7  # of the cross-entropy on these; that on labels has the rest of 1
    noise_share: float = 0.5  # of the crops that get noise
    reverb_share: float = 0.25  # of the crops that are put into a room
    masked_share: float = 0.5  # of the crops that get time and frequency masks
    speed_range: float = 0.15  # crops are spoken up to this much faster or slower
    tract_range: float = 0.12  # vocal tracts are made up to this much longer or shorter
    equaliser_db: float = 0.0  # standard deviation of the response of a crop's microphone and channel; 4 was tried
    band_share: float = 0.0  # of the crops that are cut to a band of their own, beside those of telephones
    coding_share: float = 0.0  # of the crops with noise that follows the speech, as codecs and overdriven inputs add it


@dataclass
class ListenerSettings:
    """A listener, a recurrent encoder that teaches others."""

    channels: int = 320
    hidden: int = 384
    layers: int = 4
    dropout: float = 0.35


@dataclass
class ListenerFitSettings(EncoderFitSettings):
    """Training of a listener, which is that of an encoder."""

    epochs: int = 40
    batch: int = 64
    learning_rate: float = 1.5e-3
    average: float = 0.995
    network: ListenerSettings = field(default_factory=ListenerSettings)


@dataclass
class DurationsFitSettings(FitSettings):
    """Training of the duration predictor."""

    epochs: int = 15
    batch: int = 64


@dataclass
class LipsFitSettings(FitSettings):
    """Training of the lip decoder."""

    epochs: int = 24
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    average: float = 0.99
    start: str = ""  # a model folder whose lips are trained further; default = the package's; "" = from nothing
    velocity_weight: float = 0.5  # of the squared error of the frame-to-frame difference
    closure_weight: float = 2.0  # of the squared error of the opening where the true mouth is shut
    correlation_weight: float = 0.0  # of 1 - r of opening and width in each clip, and of the lip parameters
    least_frames: int = 30  # clips are cut at random to no less than this, so that no place in a clip is special
    most_frames: int = 75  # ... and to no more than this; 0 = the whole clip. Time goes with the longest of a batch
    edge_jitter_steps: float = 1.0  # standard deviation by which phone edges of the text are moved
    text_share: float = 0.4  # of the clips in a batch that are fed by aligned text, the rest by the encoder
    lip_parameter_weight: float = 1.0  # of the squared error of the lip parameters, from sound and from phones
    width_weight: float = 0.0  # of the squared error of the mouth's width, beside that of all points
    tied_phones: bool = True  # phones' weights are made of articulatory features and a residual of each phone
    residual_dropout: float = 0.3  # share of the phones whose residual is left out of an update
    joined_share: float = 0.3  # of the clips that are cut at phone edges and joined with another, and with silence
    taught_clips: int = 300  # clips of aligned speech without lips, evenly drawn, for which lips are made,
    taught_share: float = 0.4  # which are this share of those that come up
    teachers: list[str] = field(default_factory=list)  # model folders (default = the package's) that make them; [] =
    # these lips themselves, once they are trained
    phones_only_share: float = 0.15  # of the clips fed by the encoder whose lip parameters come from the phones
    noisy_share: float = 0.4  # of the clips fed by the encoder that were encoded through noise and as another voice
    noisy_passes: int = 1  # different ones of each clip
    unknown_speaker_share: float = 0.15  # of the clips that are conditioned on the mean speaker
    # How far the IPA chart's opening and width of each phone move the lips of people whom the training did not see, in
    # standard deviations of its own lips; 0 = they move as the training's mean speaker does.
    phone_opening: float = 0.5
    phone_width: float = 0.8
    own_output_until: float = 0.0  # share of training by which the decoder is fed only its own output
    balance: float = 0.4  # 0 = every clip equally often, 1 = every speaker equally often
    speakers: str = "all"  # who gets a row in the table: all whose name is known, or only those in the "start" model
    unnamed_clips: int = 500  # clips that a speaker without a name counts to have, for `balance`
    encoded_share: float = 0.5  # of the clips of named speakers, conditioned on what their shape or voice is encoded as
    shape_noise: float = 0.01  # standard deviation of the noise on a shape that is encoded, mouth-space units
    most_valid_clips: int = 2_000  # validation looks at no more clips than these, evenly drawn


@dataclass
class ActivityFitSettings(FitSettings):
    """Training of voice activity."""

    epochs: int = 40
    batch: int = 16  # crops of speech, and as many sounds that are none
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    epoch_batches: int = 100  # of a corpus of 7 hours, a quarter
    crop_seconds: float = 4.0
    sounds: int = 250  # of each family of `training.nonspeech`, made before the first epoch
    leave_out: list[str] = field(default_factory=list)  # families that are not made, to measure with what is unseen
    whisper_share: float = 0.12  # of the crops of speech that are whispered
    synthetic: int = 300  # sentences of espeak-ng, made before the first epoch
    synthetic_share: float = 0.15  # of the crops of speech that are those
    alone_share: float = 0.3  # of the crops of which a word or a few, or as short a sound, are left in silence
    mixed_share: float = 0.5  # of the crops of speech that lie over another sound
    noise_share: float = 0.6  # of these sounds that are noise; the others are of any family
    quiet_share: float = 0.4  # of the crops that are turned down by up to 45 dB more than the others
    reverb_share: float = 0.25  # of the crops that are put into a room
    masked_share: float = 0.2  # of the crops that get time and frequency masks
    tract_range: float = 0.18  # everything is stretched in frequency by up to this much: children, other pitches
    most_valid_clips: int = 200  # validation looks at no more clips than these, evenly drawn
    network: VoiceActivitySettings = field(default_factory=lambda: VoiceActivitySettings(dilations=[1, 2, 4, 8, 8]))


@dataclass
class SyncFitSettings(FitSettings):
    """Training of the sync expert."""

    epochs: int = 20
    batch: int = 24
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    average: float = 0.99
    crop_frames: int = 40
    other_clips_weight: float = 0.5  # of the loss over windows of all clips, beside that over shifts of the own clip
    neighbour_share: float = 0.15  # of the target that goes to each window one frame beside the true one
    noise_share: float = 0.5  # of the crops whose sound gets noise
    masked_share: float = 0.3  # of the crops whose sound gets time and frequency masks
    tract_range: float = 0.12  # vocal tracts are made up to this much longer or shorter
    scale_range: float = 0.5  # lips move up to exp(this) times more or less
    jitter: float = 0.006  # largest standard deviation of the points' tracking noise, mouth-space units
    smooth_share: float = 0.5  # of the crops whose lips are smoothed over three frames
    balance: float = 0.4  # 0 = every clip equally often, 1 = every speaker equally often
    expert: SyncExpertSettings = field(default_factory=SyncExpertSettings)


@dataclass
class Recipe:
    """All settings of a recipe."""

    network: NetworkSettings = field(default_factory=NetworkSettings)
    encoder: EncoderFitSettings = field(default_factory=EncoderFitSettings)
    durations: DurationsFitSettings = field(default_factory=DurationsFitSettings)
    lips: LipsFitSettings = field(default_factory=LipsFitSettings)
    activity: ActivityFitSettings = field(default_factory=ActivityFitSettings)
    sync: SyncFitSettings = field(default_factory=SyncFitSettings)
    listener: ListenerFitSettings = field(default_factory=ListenerFitSettings)


# Settings that had other names in version 0.1; old ones are read for one more release.
RENAMED = {
    "ears": "encoder",
    "network.gestures": "network.lip_parameters",
    "lips.gesture_weight": "lips.lip_parameter_weight",
}


def _warn_of_old_name(old: str, new: str) -> None:
    warnings.warn(
        f"setting {old} is now called {new}; the old name goes in the next release", PhonolipsWarning, stacklevel=4
    )


def _new_name(word: str) -> str:
    """Replace an old name in a word `name=value` by the one of today, with a warning."""
    for old, new in RENAMED.items():
        if word.startswith((f"{old}.", f"{old}=")):
            _warn_of_old_name(old, new)
            return new + word.removeprefix(old)
    return word


def _renamed(config: Any) -> Any:
    """Replace old names in the settings of a file by those of today, with a warning."""
    from omegaconf import OmegaConf

    for old, new in RENAMED.items():
        value = OmegaConf.select(config, old, default=None)
        if value is None:
            continue
        _warn_of_old_name(old, new)
        OmegaConf.update(config, new, value)
        parent, _, name = old.rpartition(".")
        holder = OmegaConf.select(config, parent) if parent else config
        del holder[name]
    return config


def load_settings(kind: type[Settings], *, config: Path | None = None, overrides: Sequence[str] = ()) -> Settings:
    """Read settings of one kind.

    Args:
        kind: the dataclass, such as Recipe.
        config: a YAML file with some of its fields.
        overrides: words such as `lips.epochs=3`, strongest.

    Raises:
        InputError: no such file, not plain YAML (`reading.parse_yaml`), an unknown name, or a value of the wrong type
            or beyond `model.settings.LIMITS`.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    if config is not None and not Path(config).is_file():
        raise InputError(f"{config}: no such settings file; see recipes/grid/conf for examples")
    layers: list[Any] = [OmegaConf.structured(kind)]
    source = str(config)
    try:
        if config is not None:
            layers.append(_renamed(_read_config(Path(config))))
            OmegaConf.merge(*layers)
        words = [_new_name(_check_word(word)) for word in overrides]
        source = shortened(" ".join(words))
        layers.append(OmegaConf.from_dotlist(words))
        merged = OmegaConf.to_container(OmegaConf.merge(*layers), resolve=False, enum_to_str=True)
    except InputError:
        raise
    # OmegaConf raises its own, and where a mapping meets a list or a number what Python does
    except (
        OmegaConfBaseException,
        YAMLError,
        TypeError,
        ValueError,
        AttributeError,
        KeyError,
        RecursionError,
    ) as error:
        raise InputError(f"{source}: {_reason(error)}; expected {_expected(kind)}") from error
    try:
        return settings_from_dict(kind, merged)  # type: ignore[arg-type]
    except InputError as error:
        given = " and ".join(
            ([str(config)] if config else []) + ([shortened(" ".join(overrides))] if overrides else [])
        )
        raise InputError(f"{given}: {error}; expected {_expected(kind)}") from error


def _read_config(path: Path) -> Any:
    """Read a YAML file as OmegaConf does, which takes 1e-3 for a number, once `reading.read_yaml` has seen it."""
    from omegaconf import OmegaConf

    values = read_yaml(path)
    if values in (None, ""):
        return OmegaConf.create()
    if not isinstance(values, dict):
        raise InputError(f"{path}: holds {shown(values)}; expected names and values such as 'lips: {{epochs: 3}}'")
    return OmegaConf.create(read_text(path))


def _expected(kind: type) -> str:
    return f"fields of {kind.__name__} (phonolips/training/settings.py)"


def _check_word(word: str) -> str:
    """Return an override `name=value` whose value is plain YAML; raise InputError for another."""
    name, mark, value = word.partition("=")
    if not mark or not all(part.isidentifier() for part in name.split(".")):
        raise InputError(f"setting {shown(word)}; expected NAME=VALUE, such as lips.epochs=3")
    parse_yaml(value, f"setting {name}")
    return word


def _reason(error: Exception) -> str:
    """Return the first line of what OmegaConf says, or that the shapes differ where Python says it."""
    from omegaconf.errors import OmegaConfBaseException

    if not isinstance(error, OmegaConfBaseException):
        return "a mapping, list and number in each other's place"
    said = " ".join(str(error).split("\n")[0].split())
    return "empty values, or values of another type" if "NoneType" in said else shortened(said)
