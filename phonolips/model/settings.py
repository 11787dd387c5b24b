"""The settings that shape a model and are stored inside it: plain dataclasses."""

from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from phonolips.errors import InputError

Settings = TypeVar("Settings")
# How much quick movements are exaggerated after the decoder, which moves too little; 0 = not at all. On s1's validation
# clips 0.3 is the least that brings lips from sound and from text above 0.85 of people's speed (docs/findings.md,
# "Movement: what liveliness costs"). Whatever deviates from it says why beside it.
DEFAULT_LIVELINESS = 0.3


@dataclass
class AudioEncoderSettings:
    """The audio encoder: blocks at 20 ms, then at 40 ms. Reach = sum of dilations * (kernel - 1) / 2 of either."""

    channels: int = 256  # at 20 ms
    kernel: int = 3
    dilations: list[int] = field(default_factory=lambda: [1, 2])
    coarse_channels: int = 320  # at 40 ms
    coarse_dilations: list[int] = field(default_factory=lambda: [1, 2, 4, 1, 2, 4, 1, 2, 4, 1])
    dropout: float = 0.1


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


@dataclass
class LipsSettings:
    """How lips are represented."""

    representation: str = "pca"  # pca, heatmap (per point, soft-argmax), displacement (pca, from the last frame)
    components: int = 12  # of the PCA
    liveliness: float = DEFAULT_LIVELINESS  # how much quick movements are exaggerated (lips.motion.exaggerate)


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


def settings_from_dict(kind: type[Settings], values: dict[str, Any]) -> Settings:
    """Rebuild settings from plain values, as stored in a model folder.

    Raises:
        InputError: an unknown name, or a value of another type.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        merged = OmegaConf.merge(OmegaConf.structured(kind), OmegaConf.create(values))
    except OmegaConfBaseException as error:
        raise InputError(f"{kind.__name__}: {str(error).splitlines()[0]}") from error
    return OmegaConf.to_object(merged)  # type: ignore[return-value]


def settings_to_dict(settings: Any) -> dict[str, Any]:
    """Return settings as plain values for JSON or YAML."""
    return asdict(settings)
