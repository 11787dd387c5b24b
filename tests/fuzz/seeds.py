"""Good inputs, small ones, from which the bad ones are made."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

TEXT = "bin blue at f two now"
YAML = """\
# settings
network:
  audio_encoder: {channels: 32, dilations: [1], coarse_channels: 32, coarse_dilations: [1, 2]}
  lips: {components: 6, liveliness: 0.3}
encoder: {start: default, epochs: 2, batch: 4, learning_rate: 1.0e-3}
lips: {epochs: 2, batch: 4}
"""
VISEMES = """\
name: three
silence: rest
visemes:
  rest: [sil]
  closed: [B, M, P]
  open: [AA, AE, AH, AO, AW, AY, CH, D, DH, EH, ER, EY, F, G, HH, IH, IY, JH, K, L, N, NG, OW, OY, R, S, SH, T, TH, UH, UW,
    V, W, Y, Z, ZH]
"""
ALIGN = (
    "0 23750 sil\n23750 29500 bin\n29500 34000 blue\n34000 35500 at\n35500 41000 f\n41000 47250 two\n47250 74500 now\n"
)


def make_seeds(folder: Path) -> None:
    """Write one good input of every kind into a folder; needs a second or two."""
    from phonolips.synth.verbs import from_speech

    folder.mkdir(parents=True, exist_ok=True)
    result = from_speech("bin blue")
    result.save(folder / "result", pictures=False, speech=True)
    _models(folder)
    _speaker(folder / "speaker.json")
    _arrays(folder, result)
    _corpus(folder, result)
    _lists(folder)
    _alignments(folder / "grids")
    _media(folder, result)
    for name, text in (("config.yaml", YAML), ("visemes.yaml", VISEMES), ("clip.align", ALIGN), ("text.txt", TEXT)):
        (folder / name).write_text(text)


def _alignments(folder: Path) -> None:
    """Write an alignment of every kind of file that is read."""
    from test_alignment_files import KINDS

    folder.mkdir()
    for name, (write, *_) in KINDS.items():
        content = write()
        (folder / name.replace(" ", "-")).write_bytes(content.encode() if isinstance(content, str) else content)


def _arrays(folder: Path, result) -> None:
    from phonolips.storage import write_arrays

    frames = len(result.lips)
    write_arrays(
        folder / "edit.npz",
        "edit",
        2,
        kept=np.ones(frames, bool),
        source_frames=np.arange(frames),
        seams=np.array([0.2]),
    )


def _models(folder: Path) -> None:
    import torch

    from phonolips.model.network import Description
    from phonolips.model.settings import (
        AudioEncoderSettings,
        DecoderSettings,
        DurationSettings,
        LipParameterSettings,
        LipsSettings,
        NetworkSettings,
        SyncExpertSettings,
    )
    from phonolips.training.networks.network import TrainableNetwork, read_trainable
    from phonolips.training.networks.sync import SyncExpert
    from phonolips.training.reader_network import LipReader, ReaderSettings

    torch.manual_seed(0)
    settings = NetworkSettings(
        audio_encoder=AudioEncoderSettings(channels=16, dilations=[1], coarse_channels=16, coarse_dilations=[1, 2]),
        durations=DurationSettings(channels=8, layers=1),
        lip_parameters=LipParameterSettings(channels=8, layers=1),
        decoder=DecoderSettings(latent=8, speaker=4, channels=16, hidden=16, dilations=[1]),
        lips=LipsSettings(components=4),
        speaker_from=["shape"],
    )
    TrainableNetwork(Description(settings, ["mean", "s1"], {"trained": ["encoder"]})).eval().save(folder / "model")
    read_trainable(folder / "model").save(folder / "int8_model", half=True, int8=True)
    SyncExpert(SyncExpertSettings(channels=8, layers=2, components=4, embedding=8)).save(folder / "sync")
    LipReader(["yes", "no"], ReaderSettings(channels=8, components=4)).save(folder / "reader")


def _speaker(path: Path) -> None:
    from phonolips.model.network import load_network
    from phonolips.model.speakers import LipSpeaker, save_speaker

    mean = load_network().lip_speaker(None)
    mixing = 0.01 * np.eye(12, dtype=np.float32)
    save_speaker(
        LipSpeaker("me", mean.embedding, mean.mean_lip, 1.1, {"made": "here"}, mixing, 0.01 * np.eye(40, 12)), path
    )


def _corpus(folder: Path, result) -> None:
    from phonolips.corpus.layout import FEATURE_ARRAYS, phone_times
    from phonolips.corpus.records import Dropped, Record, write_dropped, write_records
    from phonolips.corpus.store.store import Clip, Store, declare_store, write_shard
    from phonolips.phones.textgrid import write_textgrid

    corpus = folder / "corpus"
    records = [
        Record(
            f"s1/clip{i}", "s1", "train", "bin blue", f"{folder}/talk.wav", f"{folder}/film.mp4", (("bin", 0.1, 0.2),)
        )
        for i in range(4)
    ]
    write_records(records, corpus / "records.jsonl")
    write_dropped([Dropped("s1/x", "several faces: 2 in 29 of 29 frames")], corpus / "dropped.tsv")
    (corpus / "centres.json").write_text(json.dumps({"s1": [0.1, 0.9]}))
    frames = 8
    values = {
        "mel": np.zeros((4 * frames, 80)),
        "labels": np.zeros(4 * frames),
        "phones": np.array([[0, 0, 32]]),
        "phone_times": phone_times(result.alignment),
        "soft": np.zeros((0, 40)),
        "lips": result.lips[:frames],
        "detected": np.ones(frames, bool),
    }
    store = corpus / "features"
    declare_store(store, FEATURE_ARRAYS)
    for shard in range(2):
        clips = [
            Clip(
                f"s1/clip{2 * shard + i}",
                values,
                {"split": "train", "speaker": "s1", "fps": 25.0, "audio_seconds": 0.3, "notes": []},
            )
            for i in range(2)
        ]
        write_shard(store, shard, FEATURE_ARRAYS, clips, [Dropped(f"s1/bad{shard}", "no face")])
    Store(store)
    for record in records:
        write_textgrid(result.alignment, corpus / "alignments" / f"{record.id}.TextGrid")


def _lists(folder: Path) -> None:
    (folder / "list.txt").write_text("# recordings\ntalk.wav\n\ntalk.flac\n")
    (folder / "list.scp").write_text("utt1 talk.wav\nutt2 talk.flac\n")
    splits = folder / "splits"
    splits.mkdir()
    (splits / "unseen_speakers.txt").write_text("s3 # never seen\n")
    (splits / "seen_test.txt").write_text("s1/bbaf2n\ns1/bbaf3s\n")
    (splits / "seen_valid.txt").write_text("s1/bbaf4p\n")


def _media(folder: Path, result) -> None:
    import soundfile
    from PIL import Image

    from phonolips.media.audio import encode_aac
    from phonolips.media.video import write_video

    sound = result.waveform[:6400]
    for name in ("talk.wav", "talk.flac", "talk.ogg", "talk.mp3"):
        soundfile.write(folder / name, sound, 16_000)
    (folder / "talk.m4a").write_bytes(encode_aac(sound))
    pictures = [np.full((48, 64, 3), 20 * i, np.uint8) for i in range(10)]
    for name in ("film.mp4", "film.mkv", "film.webm", "film.mov"):
        write_video(folder / name, pictures, Fraction(25), waveform=sound)
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    for name in ("face.png", "face.jpg", "face.gif", "face.webp", "face.bmp", "face.tif"):
        picture.save(folder / name)
