"""Draw why the encoder is not trained by CTC alone: one utterance's posteriors, ours above, plain CTC's below.

    python tools/studies/ctc_peaks.py --data PREPARED --work FOLDER [--model FOLDER] [--out docs/plain_ctc.png]

A copy of our encoder goes on learning from the same clips by CTC alone, its blank competing in the softmax (some
minutes of one core; a finished training in --work is not repeated); prints how peaky either are on unseen LibriSpeech
speakers.
"""

import argparse
import io
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from phonolips.corpus.layout import alignment_path
from phonolips.corpus.records import Record, read_records
from phonolips.corpus.store.store import Store
from phonolips.errors import CorpusError
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.stages import STRIDE
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID
from phonolips.phones.textgrid import read_textgrid
from phonolips.show.plots import posteriorgram
from phonolips.training.networks.encoder import AudioEncoder
from phonolips.training.networks.network import read_trainable
from phonolips.training.settings import EncoderFitSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAINING = EncoderFitSettings(
    epochs=1, epoch_batches=150, batch=16, learning_rate=1e-3, frame_weight=0.0, ctc_weight=1.0, noise_share=0.0,
    masked_share=0.0, reverb_share=0.0, speed_range=0.0, tract_range=0.0,
)  # fmt: skip
SHOWN_SECONDS = (3.0, 5.0)  # the first utterance of such a length is drawn
DPI = 110
COLOURS = 128  # of the picture's palette


def train_plain_ctc(ours: AudioEncoder, store: Store, work: Path) -> AudioEncoder:
    """Train a copy of the encoder further, by CTC alone, or take the finished one in `work`."""
    from phonolips.training.encoder import train_encoder

    torch.manual_seed(TRAINING.seed)
    encoder = AudioEncoder(ours.settings)
    encoder.load_state_dict(ours.state_dict())
    train_encoder(SimpleNamespace(audio_encoder=encoder), store, TRAINING, work, device="cpu")  # type: ignore[arg-type]
    return encoder.eval()


@torch.inference_mode()
def from_sound(encoder: AudioEncoder, mel: np.ndarray, *, with_blank: bool) -> np.ndarray:
    """Encode log-mel (steps, mels); return (steps, phones), or with the blank in the softmax (steps, phones + 1)."""
    padded = torch.from_numpy(np.pad(mel.astype(np.float32), ((0, -len(mel) % STRIDE), (0, 0)), "edge"))[None]
    if not with_blank:
        return encoder.posteriors(padded)[0, : len(mel)].numpy()
    return torch.cat(encoder(padded), -1).softmax(-1)[0, : len(mel)].numpy()


def peakiness(posteriors: list[np.ndarray], labels: list[np.ndarray]) -> dict[str, float]:
    """Measure over the steps of speech: blank above a half, true phone above a half, mean entropy in nats."""
    encoded = np.concatenate([p[label > SILENCE_ID] for p, label in zip(posteriors, labels, strict=True)])
    said = np.concatenate([label[label > SILENCE_ID] for label in labels])
    blank = encoded[:, NUM_PHONES:].sum(1)
    return {
        "blank": float((blank > 0.5).mean()),
        "right": float((encoded[np.arange(len(said)), said] > 0.5).mean()),
        "entropy": float(-(encoded * np.log(np.maximum(encoded, 1e-12))).sum(1).mean()),
    }


def caption(name: str, figures: dict[str, float]) -> str:
    """Put the figures into words."""
    return (
        f"{name}. Of the steps of speech, {figures['blank']:.0%} give the blank more than a half, "
        f"{figures['right']:.0%} the true phone; mean entropy {figures['entropy']:.2f} nats"
    )


def to_image(figure: "Figure") -> Image.Image:
    """Render a figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return Image.open(buffer).convert("RGB")


def stack(pictures: list[Image.Image]) -> Image.Image:
    """Put pictures below each other, in few colours, so that the file stays small."""
    wide = max(picture.width for picture in pictures)
    whole = Image.new("RGB", (wide, sum(picture.height for picture in pictures)), "white")
    top = 0
    for picture in pictures:
        whole.paste(picture, (0, top))
        top += picture.height
    return whole.quantize(COLOURS)


def main() -> None:
    """Train, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus with LibriSpeech")
    parser.add_argument("--work", type=Path, required=True, help="where the small training's checkpoints go")
    parser.add_argument("--model", type=Path, help="our model folder; default: the one in the package")
    parser.add_argument("--out", type=Path, default=Path("docs/plain_ctc.png"), help="the picture")
    parser.add_argument("--utterances", type=int, default=40, help="from which the figures are measured")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    ours = read_trainable(arguments.model or PACKAGED_MODEL).audio_encoder
    store = Store(arguments.data / "features")
    tests = [r for r in read_records(arguments.data / "records.jsonl", ["test_unseen"]) if not r.video]
    tests = [record for record in tests if record.id in store]
    low, high = SHOWN_SECONDS
    shown: Record | None = next((r for r in tests if low <= store.rows(r.id, "mel") / 100 <= high), None)
    if shown is None:
        raise CorpusError(f"{arguments.data}: no unseen LibriSpeech utterance of {low} to {high} s is prepared")
    plain = train_plain_ctc(ours, store, arguments.work)
    chosen = [tests[i] for i in np.random.default_rng(0).permutation(len(tests))[: arguments.utterances]]
    labels = [store.get(record.id, "labels").astype(np.int64) for record in chosen]
    alignment = read_textgrid(alignment_path(arguments.data, shown.id))
    pictures = []
    for name, encoder, with_blank in (
        ("Ours", ours, False),
        ("Plain CTC (pale: the blank has it)", plain, True),
    ):
        figures = peakiness(
            [from_sound(encoder, store.get(r.id, "mel"), with_blank=with_blank) for r in chosen], labels
        )
        print(caption(name, figures))
        encoded = from_sound(encoder, store.get(shown.id, "mel"), with_blank=with_blank)[:, :NUM_PHONES]
        figure = posteriorgram(
            encoded,
            phones=alignment.phones,
            words=alignment.speech_words(),
            title=caption(name, figures),
        )
        pictures.append(to_image(figure))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    stack(pictures).save(arguments.out, optimize=True)
    print(f"{arguments.out}: {shown.id}, {arguments.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
