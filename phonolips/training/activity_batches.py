"""Batches of log-mel for voice activity: crops of speech, and as many sounds of `nonspeech`, alone and mixed.

Everything is varied on log-mel, as the encoder's training does: level down to hardly anything, rooms, telephones, tilt.
Speech is also whispered, cut down to a few words in silence, and laid over other sounds; and some of it is said by
espeak-ng, whose buzz no recording teaches: random syllables, so that no text is needed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.store.store import Store
from phonolips.phones.inventory import PHONES, SILENCE, SILENCE_ID, VOWELS
from phonolips.speech.mel import FFT_SAMPLES, FLOOR, NUM_MELS, log_mel, mel_filters
from phonolips.speech.tts.speak import speak_words
from phonolips.speech.words import phones_to_words
from phonolips.timebase import (
    FRAME_SAMPLES,
    MODEL_FPS,
    SAMPLE_RATE,
    STEPS_PER_FRAME,
    frames_to_steps,
)
from phonolips.training import nonspeech
from phonolips.training.augment import NATS_PER_DB, augment_mel
from phonolips.training.settings import ActivityFitSettings

SPEECH, NO_SPEECH, UNKNOWN = 1, 0, -1  # targets of a step
NEAR_STEPS = 6  # steps of silence this near to speech are not asked for: aligners err by as much
SHORT_GAP_STEPS = 30  # nor are silences shorter than this between two words: the mouth stays with the words
LOUDNESS = 0.05  # root mean square of the sounds, about that of LibriSpeech's speech
UNHEARD = 4.0  # times FLOOR: steps with less power in every band are not asked for, there is nothing to see
MIXED_DB = (-8.0, 20.0)  # speech over another sound, in power of log-mel
OTHER_DB = 15.0  # two sounds together differ by up to this much
OTHER_SHARE = 0.5  # of the sounds that come with a second one
QUIETER_DB = 45.0  # so much quieter still than augment_mel makes them, of `quiet_share` of the crops
ALONE_STEPS = (15, 150)  # length of what is left in silence, evenly in octaves: from a syllable to a few words
HUSH = (-16.0, -8.0)  # natural logarithm of the power of the noise that is left of that silence, from none
SYNTHETIC_WORDS = (2, 9)  # of a synthetic sentence
SYNTHETIC_RATES = (0.7, 1.7)
SYNTHETIC_VOICES = ("en-us", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc")
SYNTHETIC_VARIANTS = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f4", "+f5", "+croak", "+whisper", "+whisperf")
ENVELOPE = np.array([1, 2, 3, 3, 3, 2, 1]) / 15  # over mel bands: blurs harmonics, keeps formants
WINDOW_WORTH_SECONDS = 0.016  # of a Hann window of 25 ms, in terms of degrees of freedom
LEAST_SHAPE = 0.7  # of the gamma distribution of a band's power in noise: one degree of freedom, and a little more


class ActivityBatch(NamedTuple):
    """Log-mel float32 (batch, 4 * frames, mels), and targets int64 (batch, frames): SPEECH, NO_SPEECH, UNKNOWN."""

    mel: Tensor
    targets: Tensor


def step_targets(labels: np.ndarray) -> np.ndarray:
    """Turn phone labels (steps,) into targets int64 (steps,); what is near speech or between near words is UNKNOWN."""
    speech, known = labels > SILENCE_ID, labels >= SILENCE_ID
    targets = np.where(speech, SPEECH, np.where(known, NO_SPEECH, UNKNOWN)).astype(np.int64)
    other = speech | ~known
    near = np.convolve(other, np.ones(2 * NEAR_STEPS + 1))[NEAR_STEPS : NEAR_STEPS + len(labels)] > 0
    places = np.flatnonzero(other)
    gaps = np.diff(places)
    for gap in np.flatnonzero((gaps > 1) & (gaps <= SHORT_GAP_STEPS)):
        near[places[gap] : places[gap + 1]] = True
    targets[near & (targets == NO_SPEECH)] = UNKNOWN
    return targets


def frame_targets(targets: np.ndarray, mel: np.ndarray) -> np.ndarray:
    """Gather targets of steps (..., 4 * frames) in frames: one that is mostly one thing; unheard steps are UNKNOWN."""
    heard = np.where(mel.max(-1) >= np.log(UNHEARD * FLOOR), targets, UNKNOWN)
    steps = heard.reshape(*heard.shape[:-1], -1, STEPS_PER_FRAME)
    most = STEPS_PER_FRAME - 1
    speech, silent = (steps == SPEECH).sum(-1) >= most, (steps == NO_SPEECH).sum(-1) >= most
    return np.where(speech, SPEECH, np.where(silent, NO_SPEECH, UNKNOWN)).astype(np.int64)


def whisper(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn speech into a whisper: noise with its formants, weak where the voice was.

    The power of noise in a band is gamma distributed, the narrower the band the wider.

    Args:
        mel: log-mel float32 (steps, mels).
        rng: draws the noise, and how much of the low frequencies is missing.
    """
    power = np.maximum(np.exp(mel) - FLOOR, FLOOR / 10)
    envelope = np.apply_along_axis(np.convolve, 1, np.log(power), ENVELOPE, "same")
    bands = mel_filters().sum(0) * SAMPLE_RATE / FFT_SAMPLES
    shape = np.maximum(2 * bands * WINDOW_WORTH_SECONDS, LEAST_SHAPE)
    noise = rng.gamma(shape, 1 / shape, mel.shape)
    lost = np.clip(1 - np.arange(NUM_MELS) / rng.uniform(5, 25), 0, 1) * rng.uniform(1, 5)
    whispered: np.ndarray = np.log(np.exp(envelope - lost) * noise + FLOOR)
    return whispered.astype(np.float32)


def make_sounds(settings: ActivityFitSettings, seed: int, each: int) -> np.ndarray:
    """Make the log-mel of sounds that are not speech, float16 (sounds, steps, mels), `each` of every family in turn."""
    families = [make for name, make in nonspeech.FAMILIES.items() if name not in settings.leave_out]
    samples = round(settings.crop_seconds * MODEL_FPS) * FRAME_SAMPLES
    sounds = []
    for number in range(each * len(families)):
        sound = families[number % len(families)](np.random.default_rng((seed, number)), samples)
        scale = LOUDNESS / max(1e-9, float(np.sqrt(np.mean(sound**2))))
        sounds.append(log_mel((scale * sound).astype(np.float32)).astype(np.float16))
    return np.stack(sounds)


def random_words(rng: np.random.Generator) -> str:
    """Draw words of random syllables, in ARPAbet as `phones_to_words` reads them."""
    vowels = [phone for phone in PHONES if phone in VOWELS]
    consonants = [phone for phone in PHONES if phone not in VOWELS and phone != SILENCE]
    words = []
    for _ in range(int(rng.integers(*SYNTHETIC_WORDS))):
        phones: list[str] = []
        for number in range(int(rng.integers(1, 4))):
            onset = list(rng.choice(consonants, int(rng.integers(0, 2)))) if number else [rng.choice(consonants)]
            phones += [*onset, f"{rng.choice(vowels)}{1 if number == 0 else 0}"]
        if rng.random() < 0.6:
            phones.append(rng.choice(consonants))
        words.append(" ".join(phones))
    return "  ".join(words)


def make_synthetic(settings: ActivityFitSettings) -> list[tuple[np.ndarray, np.ndarray]]:
    """Let espeak-ng speak: log-mel float16 (steps, mels) and targets (steps,) of `settings.synthetic` sentences."""
    spoken = []
    for number in range(settings.synthetic):
        rng = np.random.default_rng((settings.seed, number))
        voice = f"{rng.choice(SYNTHETIC_VOICES)}{rng.choice(SYNTHETIC_VARIANTS)}"
        words = phones_to_words(random_words(rng))
        said = speak_words(words, backend="espeak", voice=voice, rate=float(rng.uniform(*SYNTHETIC_RATES)))
        mel = log_mel(said.waveform).astype(np.float16)
        spoken.append((mel, step_targets(said.alignment.labels(len(mel)))))
    return spoken


class ActivityTrainBatches:
    """Training batches: random crops of the clips, varied, and as many sounds; another choice every epoch.

    Args:
        store: the prepared features.
        clips: positions in it, int64 (clips,).
        settings: of the training.
    """

    def __init__(self, store: Store, clips: np.ndarray, settings: ActivityFitSettings) -> None:
        self.store, self.clips, self.settings = store, clips, settings
        self.steps = frames_to_steps(round(settings.crop_seconds * MODEL_FPS))
        self.sounds = make_sounds(settings, settings.seed, settings.sounds)
        names = [name for name in nonspeech.FAMILIES if name not in settings.leave_out]
        self.noises = np.flatnonzero(np.arange(len(self.sounds)) % len(names) == names.index("noise"))
        self.synthetic = make_synthetic(settings)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw which clips an epoch shows: about as many crops as fit into the corpus, long clips more often."""
        rng = np.random.default_rng((self.settings.seed, epoch))
        lengths = self.store.lengths("mel")[self.clips].astype(np.float64)
        crops = self.settings.batch * max(1, round(float(lengths.sum()) / self.steps / self.settings.batch))
        self.order = rng.choice(len(self.clips), crops, p=lengths / lengths.sum())
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.order) // self.settings.batch

    def batch(self, index: int, rank: int = 0, world: int = 1) -> ActivityBatch:
        """Make one batch, or this rank's share of it."""
        settings = self.settings
        chosen = self.order[index * settings.batch : (index + 1) * settings.batch][rank::world]
        rng = np.random.default_rng((settings.seed, self.epoch, index, rank))
        speech = [self._speech(self.clips[clip], rng) for clip in chosen]
        sounds = [self._short_sound(rng) for _ in chosen]
        varied = [self._vary(np.stack(part), rng) for part in ([mel for mel, _ in speech], sounds)]
        targets = np.stack([target for _, target in speech])
        return stack_batch(varied, [targets, np.full_like(targets, NO_SPEECH)])

    def _speech(self, clip: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Crop a clip or synthetic speech; whisper it, leave a few words, mix a sound in, each for its share."""
        if self.synthetic and rng.random() < self.settings.synthetic_share:
            mel, targets = cut_crop(*self.synthetic[rng.integers(len(self.synthetic))], self.steps, rng)
        else:
            mel, targets = read_crop(self.store, clip, self.steps, rng)
        if rng.random() < self.settings.whisper_share:
            mel = whisper(mel, rng)
        if rng.random() < self.settings.alone_share:
            first, last = self._leave_alone(mel, rng)
            outside = np.ones(self.steps, bool)
            outside[first:last] = False
            targets[outside & (targets == SPEECH)] = NO_SPEECH
            for edge in (first, last):
                targets[max(0, edge - NEAR_STEPS) : edge + NEAR_STEPS] = UNKNOWN
        if rng.random() < self.settings.mixed_share:
            noisy = rng.random() < self.settings.noise_share
            sound, power = np.exp(self._sound(rng, self.noises if noisy else None)), np.exp(mel)
            loud = power[targets == SPEECH].mean() if (targets == SPEECH).any() else power.mean()
            ratio = loud / max(1e-9, float(sound.mean())) * np.exp(-rng.uniform(*MIXED_DB) * NATS_PER_DB)
            mel = np.log(power + ratio * sound)
        return mel, targets

    def _leave_alone(self, mel: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
        """Hush a crop in place but for a short stretch; return its first step and the one after its last."""
        length = min(self.steps, round(float(np.exp(rng.uniform(*np.log(ALONE_STEPS))))))
        first = int(rng.integers(0, self.steps - length + 1))
        hush = rng.uniform(*HUSH)
        for outside in (mel[:first], mel[first + length :]):
            np.minimum(outside, hush, out=outside)
        return first, first + length

    def _short_sound(self, rng: np.random.Generator) -> np.ndarray:
        """Take a sound, for its share of the crops a short one in silence; log-mel float32 (steps, mels)."""
        sound = self._sound(rng)
        if rng.random() < self.settings.alone_share:
            self._leave_alone(sound, rng)
        return sound

    def _sound(self, rng: np.random.Generator, among: np.ndarray | None = None) -> np.ndarray:
        """Take a sound, begun anywhere, now and then with another one over it; log-mel float32 (steps, mels)."""
        place = int(rng.integers(len(self.sounds))) if among is None else int(rng.choice(among))
        sound: np.ndarray = np.roll(self.sounds[place], rng.integers(self.steps), 0)
        sound = sound.astype(np.float32)
        if rng.random() < OTHER_SHARE:
            noisy = rng.random() < self.settings.noise_share
            other = self.sounds[rng.choice(self.noises) if noisy else rng.integers(len(self.sounds))].astype(np.float32)
            sound = np.log(np.exp(sound) + np.exp(other + rng.uniform(-OTHER_DB, OTHER_DB) * NATS_PER_DB))
        return sound

    def _vary(self, mel: np.ndarray, rng: np.random.Generator) -> Tensor:
        """Turn some down, then vary all as the encoder's training does; (batch, steps, mels)."""
        quiet = rng.random(len(mel)) < self.settings.quiet_share
        gain = np.exp(np.where(quiet, -rng.uniform(0, QUIETER_DB, len(mel)), 0.0) * NATS_PER_DB)
        power = np.maximum(np.exp(mel) - FLOOR, 0) * gain[:, None, None]
        return augment_mel(
            torch.from_numpy(np.log(power + FLOOR).astype(np.float32)),
            torch.ones(mel.shape[:2], dtype=torch.bool),
            noise_share=0.0,
            masked_share=self.settings.masked_share,
            reverb_share=self.settings.reverb_share,
            tract_range=self.settings.tract_range,
            generator=torch.Generator().manual_seed(int(rng.integers(2**31))),
        ).float()


def read_crop(store: Store, clip: int, steps: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cut a clip of the store to `steps` steps at random; see `cut_crop`."""
    targets = step_targets(store.get(clip, "labels").astype(np.int64))
    return cut_crop(store.get(clip, "mel"), targets, steps, rng)


def cut_crop(
    mel: np.ndarray, targets: np.ndarray, steps: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cut to `steps` steps at random, or fill up with silence; log-mel float32 (steps, mels) and targets (steps,)."""
    first = int(rng.integers(0, max(1, len(mel) - steps + 1)))
    part, wanted = np.array(mel[first : first + steps], np.float32), targets[first : first + steps].copy()
    missing = steps - len(part)
    if missing:
        part = np.pad(part, ((0, missing), (0, 0)), constant_values=np.log(FLOOR))
        wanted = np.pad(wanted, (0, missing), constant_values=UNKNOWN)
    return part, wanted


def stack_batch(mels: Sequence[Tensor], targets: Sequence[np.ndarray]) -> ActivityBatch:
    """Join log-mel (batch, steps, mels) and targets of their steps (batch, steps) to one batch."""
    mel = torch.cat(list(mels))
    return ActivityBatch(mel, torch.from_numpy(frame_targets(np.concatenate(targets), mel.numpy())))


def valid_batches(store: Store, clips: np.ndarray, settings: ActivityFitSettings) -> list[ActivityBatch]:
    """Make the validation batches: crops of validation clips as they are, and sounds that training has not seen."""
    steps = frames_to_steps(round(settings.crop_seconds * MODEL_FPS))
    rng = np.random.default_rng(settings.seed)
    batches = []
    for start in range(0, len(clips), settings.batch):
        crops = [read_crop(store, clip, steps, rng) for clip in clips[start : start + settings.batch]]
        mel, targets = (np.stack(column) for column in zip(*crops, strict=True))
        batches.append(stack_batch([torch.from_numpy(mel)], [targets]))
    sounds = make_sounds(settings, settings.seed + 1, max(1, settings.sounds // 10))
    silent = np.full(sounds.shape[:2], NO_SPEECH)
    batches.append(stack_batch([torch.from_numpy(sounds.astype(np.float32))], [silent]))
    return batches
