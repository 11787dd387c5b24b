"""Ask how much the IPA chart should say of people whom the training never saw: opening and width, beside the decoder.

    python tools/studies/chart.py --videos ADDRESSES --tracks FOLDER --data exp/default/data

ADDRESSES and FOLDER are those of tools/studies/unseen_phones.py, --data is the GRID recipe's corpus after stage 4. Lips
are made from sound in the mean speaker's style, of everybody but s1, as decoded: no liveliness, gains of 1, natural
rest. Prints tables as Markdown: correlations and sizes (standard deviations, of the truth's).
"""

import argparse
import warnings
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from unseen_phones import read_clip

from phonolips.corpus.store.store import Store
from phonolips.errors import PhonolipsWarning
from phonolips.lips.measures import opening, width
from phonolips.model.network import Network, load_network
from phonolips.model.personal import sounding_phones
from phonolips.model.stream import decode_lips, encode_mel
from phonolips.phones.chart import chart_shapes

SHIPPED = (0.5, 0.8)  # LipsFitSettings.phone_opening and phone_width
SHARES = ((0.0, 0.0), (0.25, 0.4), (0.5, 0.0), (0.0, 0.8), SHIPPED, (0.75, 1.2), (1.0, 1.6))
DECODED = (1.0, 0.75, 0.5, 0.25, 0.0)  # of the decoder's movement, beside the shipped shares
PEOPLE, EVERY = ("s4", "s26", "s30", "s31", "s33"), 2  # of GRID's other speakers, every second clip


class Clip(NamedTuple):
    """Lips float32 (frames, 40, 2) and which of them count, and the encoder's output for the sound."""

    person: str
    lips: np.ndarray
    detected: np.ndarray
    posteriors: np.ndarray
    lip_parameters: np.ndarray


def read_clips(videos: Path, tracks: Path, data: Path, network: Network) -> list[Clip]:
    """Read people in films, together, and GRID's other speakers, apart."""
    tracks.mkdir(parents=True, exist_ok=True)
    clips = []
    for path in sorted(videos.glob("*.mp4")):
        film = read_clip(path, tracks, None, network)
        frames = min(len(film.lips), len(film.lip_parameters))
        everything = np.ones(frames, bool)
        clips.append(
            Clip("films", film.lips[:frames], everything, film.posteriors[: 4 * frames], film.lip_parameters[:frames])
        )
    store = Store(data / "features")
    codes, names = store.column("speaker")
    for person in PEOPLE:
        for position in np.flatnonzero(codes == names.index(person))[::EVERY].tolist():
            encoded = encode_mel(network, store.get(position, "mel"))
            lips, detected = store.get(position, "lips"), store.get(position, "detected")
            clips.append(Clip(person, lips, detected, encoded.posteriors, encoded.lip_parameters))
    return clips


def score(clips: list[Clip], network: Network, opening_share: float, width_share: float, decoded: float) -> list[str]:
    """Return one row: of each person the correlation and size of opening and width, weighted by frames."""
    chart = chart_shapes().astype(np.float64)
    shipped = np.linalg.lstsq(chart, network.phone_offsets.astype(np.float64), rcond=None)[0]  # (2, outputs)
    shares = np.array([opening_share, width_share]) / SHIPPED
    table = (chart @ (shares[:, None] * shipped)).astype(np.float32)
    plain = replace(network.lip_speaker(None), phone_offsets=None)
    found: dict[str, list[tuple[float, ...]]] = {}
    for clip in clips:
        mean = clip.lips[clip.detected].mean(0)
        made = np.concatenate(
            list(decode_lips(network, clip.posteriors, clip.lip_parameters, replace(plain, mean_lip=mean)))
        )
        shapes = network.outputs_to_lips(sounding_phones(clip.posteriors) @ table, np.zeros_like(mean))
        made = (mean + decoded * (made - mean) + shapes)[clip.detected]
        true = clip.lips[clip.detected]
        row = [float(len(true))]
        for measure in (opening, width):
            row += [
                float(np.corrcoef(measure(made), measure(true))[0, 1]),
                float(measure(made).std() / measure(true).std()),
            ]
        found.setdefault(clip.person, []).append(tuple(row))
    cells = []
    for rows in found.values():
        weights = [row[0] for row in rows]
        r_opening, size_opening, r_width, size_width = (
            np.average([row[k] for row in rows], weights=weights) for k in range(1, 5)
        )
        cells.append(f"{r_opening:.3f}, {r_width:.3f} ({size_opening:.2f}, {size_width:.2f})")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore", PhonolipsWarning)
    network = load_network(given.model)
    if not network.phone_offsets.any():
        parser.error(f"{given.model}: has no phone offsets; train its lips with phone_opening and phone_width")
    clips = read_clips(given.videos, given.tracks, given.data, network)
    print(f"\n| chart's opening | chart's width | decoder | films | {' | '.join(PEOPLE)} |")
    print("|---" * (4 + len(PEOPLE)) + "|")
    rows = [(*shares, 1.0) for shares in SHARES] + [(*SHIPPED, decoded) for decoded in DECODED[1:]]
    for opening_share, width_share, decoded in rows:
        cells = score(clips, network, opening_share, width_share, decoded)
        print(f"| {opening_share} | {width_share} | {decoded} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
