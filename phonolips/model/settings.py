"""The settings that shape a model and are stored inside it: plain dataclasses."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from phonolips.checks import shown
from phonolips.errors import InputError

Settings = TypeVar("Settings")
# How much quick movements are exaggerated after the decoder, which moves too little; 0 = not at all. On s1's validation
# clips 0.3 is the least that brings lips from sound and from text above 0.85 of people's speed (docs/findings.md,
# "Movement: what liveliness costs"). Whatever deviates from it says why beside it.
DEFAULT_LIVELINESS = 0.3
# For those whom the model does not know. On 136 clips of 90 other people every measure of fit was better without
# exaggeration (speed 1.02 of theirs against 1.21 with 0.3), and widths had 0.44 of their size. A gain of 2 brings them
# to 0.9 of it on yet others (docs/movement.md, which has what that costs).
LIVELINESS_OF_OTHERS = 0.0
WIDTH_OF_OTHERS = 2.0


@dataclass
class AudioEncoderSettings:
    """The audio encoder: blocks at 20 ms, then at 40 ms. Reach = sum of dilations * (kernel - 1) / 2 of either."""

    channels: int = 256  # at 20 ms
    kernel: int = 3
    dilations: list[int] = field(default_factory=lambda: [1, 2])
    coarse_channels: int = 320  # at 40 ms
    coarse_dilations: list[int] = field(default_factory=lambda: [1, 2, 4, 1, 2, 4, 1, 2, 4, 1])
    dropout: float = 0.1
    look_ahead: int = -1  # steps of log-mel after the end of a frame; -1 = as far as the reach to that side


@dataclass
class DurationSettings:
    """The predictor of phone durations."""

    channels: int = 128
    layers: int = 4
    kernel: int = 3
    dropout: float = 0.1


@dataclass
class LipParameterSettings:
    """The side channel beside the phones: how the mouth moves, encoded from sound or predicted from phones."""

    names: list[str] = field(default_factory=lambda: ["opening", "width", "height"])  # [] = phones alone
    channels: int = 96
    kernel: int = 7
    layers: int = 5
    dropout: float = 0.3
    look_ahead: int = -1  # frames; -1 = as far as the reach to that side


@dataclass
class LipsSettings:
    """How lips are represented."""

    representation: str = "pca"  # pca, heatmap (per point, soft-argmax), displacement (pca, from the last frame)
    components: int = 12  # of the PCA
    liveliness: float = DEFAULT_LIVELINESS  # how much quick movements are exaggerated (lips.liveliness.exaggerate)
    # Of those whom the model does not know, who get the mean speaker's style: the same, and a gain on the width.
    liveliness_of_others: float = LIVELINESS_OF_OTHERS
    width_of_others: float = WIDTH_OF_OTHERS


@dataclass
class DecoderSettings:
    """The lip decoder. A frame's context reaches sum of dilations * (kernel - 1) frames of 40 ms in all."""

    kind: str = "recurrent"  # recurrent, convolution, attention (within the band that the context reaches)
    autoregressive: bool = True  # a frame depends on the output of the last one
    look_ahead: int = -1  # frames of the context that lie in the future; -1 = half of them
    latent: int = 32
    speaker: int = 16
    channels: int = 128
    kernel: int = 5
    dilations: list[int] = field(default_factory=lambda: [1, 2, 3])
    hidden: int = 128
    dropout: float = 0.3


@dataclass
class VoiceActivitySettings:
    """The network that says where somebody speaks; it reaches sum of dilations * (kernel - 1) / 2 + 1 frames."""

    channels: int = 64
    kernel: int = 3
    dilations: list[int] = field(default_factory=list)  # [] = no such network: every sound moves the lips
    dropout: float = 0.1


@dataclass
class NetworkSettings:
    """Everything that shapes the network; stored in its folder."""

    audio_encoder: AudioEncoderSettings = field(default_factory=AudioEncoderSettings)
    durations: DurationSettings = field(default_factory=DurationSettings)
    lip_parameters: LipParameterSettings = field(default_factory=LipParameterSettings)
    decoder: DecoderSettings = field(default_factory=DecoderSettings)
    lips: LipsSettings = field(default_factory=LipsSettings)
    speaker_from: list[str] = field(default_factory=list)  # of unnamed speakers: shape, voice; [] = none
    voice_activity: VoiceActivitySettings = field(default_factory=VoiceActivitySettings)


@dataclass
class SyncExpertSettings:
    """The sync expert: two small encoders of windows of 1 + 2 * layers frames; stored in its folder."""

    channels: int = 64
    layers: int = 4
    components: int = 10  # of the lips' PCA
    embedding: int = 48
    dropout: float = 0.1


# (least, most) of a setting, wherever it stands, so that a damaged or malicious file cannot ask for more than a
# computer has: some ten times what any network of ours has. What has another name may be any finite number.
LIMITS: dict[str, tuple[float, float]] = {
    "channels": (1, 8192),
    "coarse_channels": (1, 8192),
    "hidden": (1, 8192),
    "latent": (1, 8192),
    "speaker": (1, 8192),
    "embedding": (1, 8192),
    "components": (1, 80),  # lips are 40 points of two coordinates
    "kernel": (1, 99),
    "layers": (0, 100),
    "dilations": (1, 1000),
    "coarse_dilations": (1, 1000),
    "look_ahead": (-1, 10_000),
    "liveliness": (0, 2),
    "liveliness_of_others": (0, 2),
    "width_of_others": (0, 3),
    "dropout": (0, 0.99),
}
MOST_ENTRIES = 100  # of a list
MOST_NUMBER = 1e12  # of a setting without limits of its own, such as a seed
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def settings_from_dict(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Rebuild settings from plain values, as stored in a model folder; nothing in them is resolved or executed.

    Raises:
        InputError: an unknown name, a value of another type or beyond LIMITS, or a text with `${`.
    """
    built: Settings = _build(kind, values, "")
    return built


def _build(kind: Any, values: Any, name: str) -> Any:
    if not isinstance(values, Mapping):
        raise InputError(f"{name or 'settings'} is {shown(values)}; expected names and values")
    types = get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    unknown = next((key for key in values if key not in known), None)
    if unknown is not None:
        inside = f" in {name}" if name else ""
        raise InputError(f"no setting {shown(unknown)}{inside}; expected some of {', '.join(sorted(known))}")
    return kind(**{key: _convert(types[key], value, f"{name}.{key}".lstrip(".")) for key, value in values.items()})


def _convert(kind: Any, value: Any, name: str) -> Any:
    """Return a value as its type, checked; a whole number may stand for a float."""
    if is_dataclass(kind):
        return _build(kind, value, name)
    if get_origin(kind) is list:
        if not isinstance(value, list) or len(value) > MOST_ENTRIES:
            raise InputError(f"{name} is {shown(value)}; expected a list of at most {MOST_ENTRIES}")
        return [_convert(get_args(kind)[0], entry, name) for entry in value]
    wrong = isinstance(value, bool) != (kind is bool) or not isinstance(value, int | float if kind is float else kind)
    if wrong:
        raise InputError(f"{name} is {shown(value)}; expected {KINDS[kind]}")
    if kind is str:
        if "${" in value:
            raise InputError(f"{name} is {shown(value)}: ${{...}} is never resolved; write the value itself")
        return value
    if kind is bool:
        return value
    least, most = LIMITS.get(name.rpartition(".")[2], (-MOST_NUMBER, MOST_NUMBER))
    if not least <= value <= most:
        raise InputError(f"{name} is {shown(value)}; expected {least:g} to {most:g}")
    return kind(value)


def check_odd(kernel: int, name: str) -> None:
    """Raise InputError for the width of a convolution that has no middle."""
    if kernel % 2 == 0:
        raise InputError(f"{name} is {kernel}; expected an odd number")


def settings_to_dict(settings: Any) -> dict[str, Any]:
    """Return settings as plain values for JSON or YAML."""
    return asdict(settings)
