"""Hide phones from the lips' training, let other phones stand in for them, and compare with the lips as tracked.

    recipes/grid/run.sh --data GRID --exp hide --alignments TEXTGRIDS --stop-stage 4
    python tools/studies/hide_phones.py prepare --data exp/hide/data --out HIDE/clips.npz
    python tools/studies/hide_phones.py train --clips HIDE/clips.npz --out HIDE --fold 0 [--device cuda]   (and 1, 2)
    python tools/studies/hide_phones.py evaluate --clips HIDE/clips.npz --models HIDE [--out FILE]
    python tools/studies/hide_phones.py neighbours --clips HIDE/clips.npz --models HIDE
    python tools/studies/hide_phones.py train --clips HIDE/clips.npz --out TIED --fold 0 --tied 0.3 --phones UW CH V AO
    python tools/studies/hide_phones.py evaluate --clips HIDE/clips.npz --models HIDE --tied TIED --folds 0 --phones ...

No corpus here shows what a sound that English lacks should look like. A phone that English has can be kept from
the training instead: what stands in for it, as for a foreign sound, is then compared with the truth.

*Hidden.* A model is trained for every hidden phone: bottleneck, lip parameters from phones, and lip decoder, with the
sizes and the losses of the package's, on aligned text. In the input, steps of the hidden phone are zero, as steps
outside of a clip are, so its embedding is never trained. No loss counts its frames, nor those of the phones beside it:
of each at least MARGIN_LEAST_STEPS and at most MARGIN_MOST_STEPS. All models are trained side by side on the same
batches. The clips are one speaker's, in FOLDS parts by their names; a model is scored on the part that it was not
trained on. Mean lip and PCA basis are those of all clips. Lips are the decoder's own: liveliness 0.

*Stand-ins.* They are made of phones that the training holds: GRID has no UH, SH, ZH, OY, ER, NG, and DH ten times.

    seen: the model that nothing is hidden from: the best that can be hoped for.
    mixture: of the phones whose articulatory features come nearest (`phones.sounds.sound_row`); a hidden diphthong
        becomes the mixtures of its two vowels, one after the other.
    nearest: the largest part of the mixture alone.
    by hand: one phone, as a person would write it into a table (BY_HAND).
    schwa, all phones: AH; every phone in equal parts.
    untrained: the hidden phone itself.
    tied: the same, in a model whose phones' weights are tied through articulatory features (`networks.tied_phones`):
        the hidden phone has no residual and inherits. It is trained as the others are.

*Measures*, of the frames whose middle lies in the phone, all clips together, with 95 % bootstrap intervals over clips:
error and bias (predicted less true) of opening and width, in thousandths of the distance between the eyes; Pearson's r
of the opening over these frames; and the squared error of all points, in multiples of the seen model's. Closures: of
the P, B and M in which the true lips close, those in which the predicted ones do. Prints a table of a row a phone and a
summary; the full one, a row a phone and stand-in, goes to --out. `neighbours` puts every other phone in the place of a
hidden one, on some clips, and names the nearest.
"""

import argparse
import math
import time
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.phones.inventory import BILABIALS, NUM_PHONES, PHONE_IDS, PHONES, SILENCE_ID

FRAMES, STEPS_PER_FRAME = 75, 4  # of a GRID clip; a shorter one is filled up with frames that do not count
FOLDS = 3
MARGIN_LEAST_STEPS, MARGIN_MOST_STEPS = 8, 20  # 80 and 200 ms: of the phone beside a hidden one, frames without a loss
HIDDEN = (
    "P", "B", "M", "F", "V", "W", "R", "L", "S", "T", "TH", "CH",
    "UW", "OW", "AO", "IY", "EY", "EH", "AY", "AH",
)  # fmt: skip
# One half, for choosing settings; the other half is for reporting.
TUNED = ("B", "F", "W", "L", "T", "TH", "AO", "IY", "AY", "AH")
# What is asked of `phones.sounds` in place of a hidden phone, in IPA; of a diphthong its two vowels.
SOUNDS: dict[str, tuple[str, ...]] = {
    "P": ("p",), "B": ("b",), "M": ("m",), "F": ("f",), "V": ("v",), "W": ("w",), "R": ("ɹ",), "L": ("l",), "S": ("s",),
    "T": ("t",), "TH": ("θ",), "CH": ("ʧ",), "UW": ("u",), "OW": ("o", "ʊ"), "AO": ("ɔ",), "IY": ("i",),
    "EY": ("e", "ɪ"), "EH": ("ɛ",), "AY": ("a", "ɪ"), "AH": ("ə",),
}  # fmt: skip
NEAREST_SHOWN = 6  # phones that `neighbours` names
LEAST_SHOWN = 0.01  # weight of a phone that the table names
LEAST_CLIPS = 30  # that hold a phone which may stand in for another
FULL = ""  # the model that nothing is hidden from
# What a person would write into a table of the nearest English phone, of those that GRID has.
BY_HAND = {
    "P": "B", "B": "P", "M": "B", "F": "V", "V": "F", "W": "UW", "R": "W", "L": "N", "S": "Z", "T": "D", "TH": "DH",
    "CH": "JH", "UW": "OW", "OW": "AO", "AO": "OW", "IY": "IH", "EY": "EH", "EH": "AE", "AY": "AE", "AH": "EH",
}  # fmt: skip


class Clips(NamedTuple):
    """Clips of one speaker, in arrays of one length.

    ids: str (clips,). labels: int64 (clips, steps), silence where nothing is. coefficients: float32 (clips, frames,
    12). lip_parameters: float32 (clips, frames, 3). detected, shut: bool (clips, frames). lips: float16 (clips, frames,
    40, 2). mean, basis, scale: the lips' basis.
    """

    ids: np.ndarray
    labels: np.ndarray
    coefficients: np.ndarray
    lip_parameters: np.ndarray
    detected: np.ndarray
    shut: np.ndarray
    lips: np.ndarray
    mean: np.ndarray
    basis: np.ndarray
    scale: np.ndarray

    @property
    def folds(self) -> np.ndarray:
        """The part of each clip, int (clips,), by its name."""
        return np.array([zlib.crc32(str(name).encode()) % FOLDS for name in self.ids])


def read_prepared(path: Path) -> Clips:
    """Read what `prepare` wrote."""
    with np.load(path) as file:
        values = {name: file[name] for name in file.files}
    values["labels"] = values["labels"].astype(np.int64)
    values.setdefault("lips", np.zeros(0, np.float16))
    return Clips(**values)


def prepare(arguments: argparse.Namespace) -> None:
    """Put one speaker's clips of a prepared corpus into a file of a few megabytes, without the sound."""
    from phonolips.corpus.store.store import Store
    from phonolips.lips.measures import measure_lip_parameters, opening
    from phonolips.phones.inventory import IGNORED_ID
    from phonolips.training.lips_clips import SHUT_SHARE

    store = Store(arguments.data / "features")
    kept = [clip for clip in store if store.meta(clip)["speaker"] == arguments.speaker and store.rows(clip, "lips")]
    lips = np.zeros((len(kept), FRAMES, 40, 2), np.float32)
    detected = np.zeros((len(kept), FRAMES), bool)
    labels = np.full((len(kept), FRAMES * STEPS_PER_FRAME), SILENCE_ID, np.int64)
    for index, clip in enumerate(kept):
        found, frames = store.get(clip, "lips"), min(FRAMES, store.rows(clip, "lips"))
        lips[index, :frames], lips[index, frames:] = found[:frames], found[frames - 1]
        detected[index, :frames] = store.get(clip, "detected")[:frames]
        own = store.get(clip, "labels")[: frames * STEPS_PER_FRAME]
        labels[index, : len(own)] = np.where(own == IGNORED_ID, SILENCE_ID, own)
        detected[index, :frames] &= (own.reshape(frames, -1) != IGNORED_ID).all(1)
    mean = lips[detected].mean(0)
    deviation = (lips - mean).reshape(len(kept), FRAMES, -1)
    _, values, vectors = np.linalg.svd(np.cov(deviation[detected].T))
    basis, scale = vectors[:12], np.sqrt(values[0])
    names = ("opening", "width", "height")
    parameters = measure_lip_parameters(lips, names) - measure_lip_parameters(mean, names)
    parameters /= parameters[detected].std(0)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        arguments.out,
        ids=np.array(kept),
        labels=labels.astype(np.int8),
        coefficients=(deviation @ basis.T / scale).astype(np.float32),
        lip_parameters=parameters.astype(np.float32),
        detected=detected,
        shut=(opening(lips) < SHUT_SHARE * float(opening(mean))) & detected,
        lips=lips.astype(np.float16),
        mean=mean,
        basis=basis.reshape(12, 40, 2).astype(np.float32),
        scale=np.float32(scale),
    )
    counts = {phone: int((labels == PHONE_IDS[phone]).any(1).sum()) for phone in PHONES}
    share = values[:12].sum() / values.sum()
    print(f"{len(kept)} clips; 12 components keep {share:.4f} of the variance; clips with each phone: {counts}")


# ---------------------------------------------------------------- training


def near_phone(labels: np.ndarray, phone: int) -> np.ndarray:
    """Mark the frames of a phone and of its neighbours: int (clips, steps) -> bool (clips, frames)."""
    near = np.zeros(labels.shape, bool)
    for clip, row in enumerate(labels):
        edges = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist(), len(row)]
        for place in range(len(edges) - 1):
            start, end = edges[place], edges[place + 1]
            if row[start] != phone:
                continue
            before = start - edges[place - 1] if place else 0
            after = edges[place + 2] - end if place + 2 < len(edges) else 0
            first = start - int(np.clip(before, MARGIN_LEAST_STEPS, MARGIN_MOST_STEPS))
            last = end + int(np.clip(after, MARGIN_LEAST_STEPS, MARGIN_MOST_STEPS))
            near[clip, max(0, first) : last] = True
    marked: np.ndarray = near.reshape(len(labels), -1, STEPS_PER_FRAME).any(2)
    return marked


@cache
def lips_class() -> Any:
    """Define the module that is trained: bottleneck, lip parameters from phones, decoder; the package's sizes."""
    from torch import nn

    from phonolips.model.settings import NetworkSettings
    from phonolips.training.networks.bottleneck import PhoneBottleneck
    from phonolips.training.networks.decoder import LipDecoder
    from phonolips.training.networks.lip_parameters import LipParameterHead
    from phonolips.training.networks.speakers import SpeakerTable
    from phonolips.training.networks.tied_phones import tie_phones

    class Lips(nn.Module):
        """What is trained; phones are tied where `trained` says which of them have a residual."""

        def __init__(self, trained: Any = None, dropout: float = 0.0) -> None:
            super().__init__()
            settings = NetworkSettings()
            self.bottleneck = PhoneBottleneck(settings.decoder.latent)
            self.speakers = SpeakerTable(1, settings.decoder.speaker)
            self.lip_parameters = LipParameterHead(NUM_PHONES, STEPS_PER_FRAME, settings.lip_parameters)
            self.decoder = LipDecoder(settings.decoder, settings.lips, len(settings.lip_parameters.names))
            if trained is not None:
                tie_phones(self.bottleneck, self.lip_parameters, trained, dropout)

        def forward(self, posteriors: Any, mask: Any) -> Any:
            """Map posteriors (batch, steps, phones) to contexts and lip parameters at frames."""
            parameters = self.lip_parameters(posteriors) * mask[..., None]
            speaker = self.speakers.embedding.weight.expand(len(posteriors), -1)
            return self.decoder.context(self.bottleneck(posteriors), speaker, parameters), parameters

    return Lips


def decode_side_by_side(context: Any, parameters: Mapping[str, Any]) -> Any:
    """Decode as `LipDecoder` does, several models at once: (models, batch, frames, channels) -> (..., 12)."""
    import torch

    weight_in, bias_in = parameters["decoder.cell.weight_ih_l0"], parameters["decoder.cell.bias_ih_l0"]
    weight_h, bias_h = parameters["decoder.cell.weight_hh_l0"], parameters["decoder.cell.bias_hh_l0"]
    first, first_bias = parameters["decoder.head.layers.0.weight"], parameters["decoder.head.layers.0.bias"]
    second, second_bias = parameters["decoder.head.layers.2.weight"], parameters["decoder.head.layers.2.bias"]
    models, batch, frames, channels = context.shape
    units = weight_h.shape[-1]
    flat = context.reshape(models, batch * frames, channels)
    gates = torch.baddbmm(bias_in[:, None], flat, weight_in[..., :channels].transpose(1, 2))
    gates = gates.reshape(models, batch, frames, -1).unbind(2)
    heads = torch.baddbmm(first_bias[:, None], flat, first[..., units:].transpose(1, 2))
    heads = heads.reshape(models, batch, frames, -1).unbind(2)
    fed_back, recurrent = weight_in[..., channels:].transpose(1, 2), weight_h.transpose(1, 2)
    to_head, to_output = first[..., :units].transpose(1, 2), second.transpose(1, 2)
    hidden = context.new_zeros(models, batch, units)
    last = context.new_zeros(models, batch, second.shape[1])
    made = []
    for index in range(frames):
        from_input = torch.baddbmm(gates[index], last, fed_back)
        from_hidden = torch.baddbmm(bias_h[:, None], hidden, recurrent)
        reset, update = torch.sigmoid(from_input[..., : 2 * units] + from_hidden[..., : 2 * units]).chunk(2, -1)
        new = torch.tanh(from_input[..., 2 * units :] + reset * from_hidden[..., 2 * units :])
        hidden = new + update * (hidden - new)
        last = torch.baddbmm(
            second_bias[:, None],
            torch.nn.functional.gelu(torch.baddbmm(heads[index], hidden, to_head)),
            to_output,
        )
        made.append(last)
    return torch.stack(made, 2)


def train(arguments: argparse.Namespace) -> None:
    """Train a model for every hidden phone and one for none, side by side, on the clips of the other folds."""
    import torch

    from phonolips.lips.measures import opening
    from phonolips.phones.posteriors import labels_to_posteriors
    from phonolips.training.lips_batches import move_edges
    from phonolips.training.settings import LipsFitSettings

    settings, device = LipsFitSettings(epochs=arguments.epochs), torch.device(arguments.device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    clips, hidden = read_prepared(arguments.clips), [FULL, *arguments.phones]
    mine = np.flatnonzero(clips.folds != arguments.fold)
    none = np.zeros_like(clips.detected)
    near = np.stack([near_phone(clips.labels, PHONE_IDS[phone]) if phone else none for phone in hidden])
    kept_columns = torch.ones(len(hidden), 1, 1, NUM_PHONES, device=device)
    for row, phone in enumerate(hidden):
        if phone:
            kept_columns[row, ..., PHONE_IDS[phone]] = 0
    torch.manual_seed(settings.seed + arguments.fold)
    tied = arguments.tied is not None
    trained = [torch.tensor([other != phone for other in PHONES]) if tied else None for phone in hidden]
    modules = [lips_class()(one, arguments.tied or 0.0).to(device) for one in trained]
    stacked, buffers = torch.func.stack_module_state(modules)
    parameters = {name: value.detach() for name, value in stacked.items()}
    template = lips_class()(trained[0], arguments.tied or 0.0).to("meta").train()
    averaged = {name: value.clone() for name, value in parameters.items()}
    for value in parameters.values():
        value.requires_grad_()
    optimizer = torch.optim.AdamW(parameters.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    one = torch.vmap(
        lambda own, held, posteriors, mask: torch.func.functional_call(template, (own, held), (posteriors, mask)),
        in_dims=(0, 0, 0, None),
        randomness="different",
    )
    direction = torch.from_numpy(opening(clips.basis)).to(device)
    rng = np.random.default_rng((settings.seed, arguments.fold))
    updates = settings.epochs * (len(mine) // settings.batch)
    update, started, summed = 0, time.perf_counter(), torch.zeros(len(hidden), device=device)
    for epoch in range(settings.epochs):
        order = rng.permutation(mine)
        summed.zero_()
        for first in range(0, len(order) - settings.batch + 1, settings.batch):
            chosen = order[first : first + settings.batch]
            labels = np.full((len(chosen), FRAMES * STEPS_PER_FRAME), SILENCE_ID, np.int64)
            real = np.zeros((len(chosen), FRAMES), bool)
            places = np.zeros((len(chosen), FRAMES), np.int64)
            for index, clip in enumerate(chosen):
                frames = int(rng.integers(settings.least_frames, FRAMES + 1))
                start = int(rng.integers(0, FRAMES - frames + 1))
                steps = slice(STEPS_PER_FRAME * start, STEPS_PER_FRAME * (start + frames))
                labels[index, : STEPS_PER_FRAME * frames] = move_edges(
                    clips.labels[clip, steps], settings.edge_jitter_steps, rng
                )
                real[index, :frames] = True
                places[index, :frames] = np.arange(start, start + frames)
            taken = (chosen[:, None], places)
            mask = torch.from_numpy(real).to(device)
            posteriors = labels_to_posteriors(labels.ravel()).reshape(len(chosen), -1, NUM_PHONES)
            posteriors *= np.repeat(real, STEPS_PER_FRAME, 1)[..., None]
            given = torch.from_numpy(posteriors).to(device)[None] * kept_columns
            counts = (clips.detected[taken] & real)[None] & ~near[:, taken[0], taken[1]]
            weight = torch.from_numpy(counts).to(device).float()
            shut = torch.from_numpy(clips.shut[taken]).to(device) * weight
            truth = torch.from_numpy(clips.coefficients[taken]).to(device)
            true_parameters = torch.from_numpy(clips.lip_parameters[taken]).to(device)
            context, predicted = one(parameters, buffers, given, mask)
            made = decode_side_by_side(context, parameters)
            counted = weight.sum((1, 2))
            both = weight[..., 1:] * weight[..., :-1]
            position = ((made - truth).square().sum(-1) * weight).sum((1, 2)) / counted
            velocity = (made.diff(dim=2) - truth.diff(dim=1)).square().sum(-1)
            moving = (velocity * both).sum((1, 2)) / both.sum((1, 2))
            closing = (((made - truth) @ direction).square() * shut).sum((1, 2)) / counted
            missed = ((predicted - true_parameters).square().mean(-1) * weight).sum((1, 2)) / counted
            loss = (
                position
                + settings.velocity_weight * moving
                + settings.closure_weight * closing
                + settings.lip_parameter_weight * missed
            )
            optimizer.zero_grad(set_to_none=True)
            loss.sum().backward()
            _clip_gradients(parameters, settings.max_grad_norm)
            optimizer.param_groups[0]["lr"] = _learning_rate(update, updates, settings)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(list(averaged.values()), list(parameters.values()), 1 - settings.average)
            summed += loss.detach()
            update += 1
            if arguments.most_updates and update >= arguments.most_updates:
                break
        done = time.perf_counter() - started
        mean = summed / max(1, len(order) // settings.batch)
        told = f"loss {mean[0]:.3f} (all phones), {mean[1:].mean():.3f} (one hidden)"
        print(f"epoch {epoch + 1}, {done:.0f} s: {told}", flush=True)
        if arguments.most_updates and update >= arguments.most_updates:
            break
    arguments.out.mkdir(parents=True, exist_ok=True)
    for row, phone in enumerate(hidden):
        values = {name: value.half().cpu().numpy() for name, value in folded(modules[row], averaged, row).items()}
        groups = arguments.out / f"fold{arguments.fold}-{row % arguments.files}.npz"
        _append(groups, {f"{phone or 'full'}/{name}": value for name, value in values.items()})


def folded(module: Any, averaged: Mapping[str, Any], row: int) -> Mapping[str, Any]:
    """Return the plain weights of the model in one row of stacked ones."""
    from phonolips.training.networks.tied_phones import untie_phones

    module.load_state_dict({name: value[row] for name, value in averaged.items()}, strict=False)
    untie_phones(module.bottleneck, module.lip_parameters)
    values: Mapping[str, Any] = module.state_dict()
    return values


def _append(path: Path, values: dict[str, np.ndarray]) -> None:
    if path.is_file():
        with np.load(path) as file:
            values = {name: file[name] for name in file.files} | values
    np.savez(path, **values)


def _clip_gradients(parameters: Mapping[str, Any], most: float) -> None:
    """Scale the gradient of each model by itself to a norm of at most `most`."""
    import torch

    gradients = [value.grad for value in parameters.values() if value.grad is not None]
    norms = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0).sqrt()
    factors = (most / (norms + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient *= factors.reshape(-1, *[1] * (gradient.ndim - 1))


def _learning_rate(update: int, updates: int, settings: Any) -> float:
    """Compute the rate of one update as the package's trainings do: a linear warm-up, then half a cosine."""
    warmup = max(1, round(updates * settings.warmup_share))
    if update < warmup:
        return float(settings.learning_rate * (update + 1) / warmup)
    done = min((update - warmup) / max(1, updates - warmup), 1.0)
    return float(settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))))


# ---------------------------------------------------------------- evaluation


@cache
def read_model(folder: Path, fold: int, phone: str) -> Any:
    """Read one trained model."""
    import torch

    for path in sorted(folder.glob(f"fold{fold}-*.npz")):
        with np.load(path) as file:
            prefix = f"{phone or 'full'}/"
            values = {
                name.removeprefix(prefix): torch.from_numpy(file[name].astype(np.float32))
                for name in file.files
                if name.startswith(prefix)
            }
        if values:
            model = lips_class()()
            model.load_state_dict(values, strict=False)
            return model.eval()
    raise SystemExit(f"{folder}: no model of fold {fold} with {phone or 'nothing'} hidden; run train first")


def decode(model: Any, posteriors: np.ndarray) -> np.ndarray:
    """Decode posteriors (clips, steps, phones) to coefficients (clips, frames, 12)."""
    import torch

    with torch.inference_mode():
        mask = torch.ones(len(posteriors), posteriors.shape[1] // STEPS_PER_FRAME, dtype=torch.bool)
        context, _ = model(torch.from_numpy(posteriors.astype(np.float32)), mask)
        made, _ = model.decoder(context, model.decoder.start(len(posteriors)))
    coefficients: np.ndarray = made.numpy()
    return coefficients


def posteriors_with(labels: np.ndarray, phone: int, rows: np.ndarray | None) -> np.ndarray:
    """Spread labels (clips, steps), with rows of weights (parts, phones) in place of one phone; None leaves it.

    Several rows share the time of each interval of the phone evenly.
    """
    from phonolips.phones.decode import label_runs

    posteriors = np.zeros((*labels.shape, NUM_PHONES), np.float32)
    np.put_along_axis(posteriors, labels[..., None], 1.0, -1)
    for clip, clip_labels in enumerate(labels if rows is not None else ()):
        for label, start, end in label_runs(clip_labels):
            if label == phone and rows is not None:
                parts = len(rows) * np.arange(end - start) // (end - start)
                posteriors[clip, start:end] = rows[parts]
    return posteriors


class Scored(NamedTuple):
    """One stand-in for one phone: per clip, sums over the phone's frames, float64 (clips,), and all these frames.

    frames: how many. opening, width: sums of absolute errors. opening_bias, width_bias: sums of errors. squared: sum of
    the points' squared errors. closures, hits: of P, B, M. predicted, true: openings, float (all frames,).
    """

    frames: np.ndarray
    opening: np.ndarray
    opening_bias: np.ndarray
    width: np.ndarray
    width_bias: np.ndarray
    squared: np.ndarray
    closures: np.ndarray
    hits: np.ndarray
    predicted: np.ndarray
    true: np.ndarray


def score(clips: Clips, chosen: np.ndarray, phone: str, made: np.ndarray, closed: float) -> Scored:
    """Compare lips (chosen clips, frames, 40, 2) with the truth, on one phone's frames."""
    from phonolips.lips.measures import opening, width
    from phonolips.phones.decode import label_runs

    truth, labels, number = clips.lips[chosen].astype(np.float32), clips.labels[chosen], PHONE_IDS[phone]
    here = (labels[:, STEPS_PER_FRAME // 2 :: STEPS_PER_FRAME] == number) & clips.detected[chosen]
    openings, true_openings = opening(made), opening(truth)
    open_error, wide_error = openings - true_openings, width(made) - width(truth)
    closures, hits = np.zeros(len(chosen)), np.zeros(len(chosen))
    for clip, row in enumerate(labels):
        for label, start, end in label_runs(row):
            window = slice(max(0, start // STEPS_PER_FRAME - 1), -(-end // STEPS_PER_FRAME) + 1)
            if label == number and phone in BILABIALS and true_openings[clip, window].min() < closed:
                closures[clip] += 1
                hits[clip] += openings[clip, window].min() < closed
    return Scored(
        here.sum(1).astype(np.float64),
        (np.abs(open_error) * here).sum(1),
        (open_error * here).sum(1),
        (np.abs(wide_error) * here).sum(1),
        (wide_error * here).sum(1),
        (np.square(made - truth).mean((2, 3)) * here).sum(1),
        closures,
        hits,
        openings[here],
        true_openings[here],
    )


def pooled(scored: Scored, measure: str, thousands: float = 1000) -> str:
    """Write a measure's mean over frames, with its interval over clips."""
    from phonolips.evaluation.metrics import bootstrap_interval

    values, frames = getattr(scored, measure), scored.frames
    low, high = bootstrap_interval(thousands * values, weights=frames)
    return f"{thousands * values.sum() / frames.sum():.1f} [{low:.1f}, {high:.1f}]"


def multiple_of(scored: Scored, seen: Scored) -> tuple[float, float, float]:
    """Compute the squared error in multiples of the seen model's, and its interval over clips."""
    from phonolips.evaluation.metrics import bootstrap_interval

    low, high = bootstrap_interval(scored.squared, weights=seen.squared)
    return float(scored.squared.sum() / seen.squared.sum()), low, high


def mixture(phone: str, known: list[str]) -> np.ndarray:
    """Mix a phone from others by articulatory features: float32 (parts, phones), two parts for a diphthong."""
    from phonolips.phones.sounds import sound_row

    left_out = [other for other in PHONES[1:] if other not in known]
    return np.stack([sound_row(sound, left_out) for sound in SOUNDS[phone]])


def stand_ins(phone: str, known: list[str], *, tied: bool = False) -> dict[str, np.ndarray | None]:
    """List what stands in for a phone: weights (parts, phones), or None for the phone itself, as in `seen`."""
    single = np.eye(NUM_PHONES, dtype=np.float32)
    mixed = mixture(phone, known)
    every = single[[PHONE_IDS[other] for other in known]].mean(0, keepdims=True)
    return {
        "seen": None,
        "mixture": mixed,
        "nearest": single[mixed.argmax(1)],
        "by hand": single[[PHONE_IDS[BY_HAND[phone]]]],
        "schwa": single[[PHONE_IDS["AH"]]],
        "all phones": every,
        "untrained": None,
    } | ({"tied": None, "tied, seen": None} if tied else {})


def evaluate(arguments: argparse.Namespace) -> None:
    """Score every stand-in for every hidden phone, and print the tables."""
    from phonolips.evaluation.metrics import opening_thresholds
    from phonolips.lips.measures import opening
    from phonolips.storage import write_text

    clips = read_prepared(arguments.clips)
    closed = opening_thresholds(opening(clips.lips.astype(np.float32))[clips.detected]).closed
    present = (clips.labels[..., None] == np.arange(NUM_PHONES)).any(1).sum(0) >= LEAST_CLIPS
    lines = [
        "| hidden | clips | frames | stand-in | opening, error | bias | width, error | bias | opening, r | closures "
        "| squared error, multiple of seen |",
        "|---" * 11 + "|",
    ]
    short = [
        "| hidden | clips | mixture | by hand | opening error (bias): seen | mixture | by hand | untrained "
        "| squared error, multiple of seen: mixture | by hand | all phones | untrained |",
        "|---" * 12 + "|",
    ]
    multiples: dict[str, dict[str, float]] = {}
    for phone in arguments.phones:
        known = [other for other in PHONES[1:] if present[PHONE_IDS[other]] and other != phone]
        given = stand_ins(phone, known, tied=arguments.tied is not None)
        found: dict[str, list[Scored]] = {name: [] for name in given}
        for fold in arguments.folds:
            chosen = np.flatnonzero((clips.folds == fold) & (clips.labels == PHONE_IDS[phone]).any(1))
            for name, rows in given.items():
                posteriors = posteriors_with(clips.labels[chosen], PHONE_IDS[phone], rows)
                folder = arguments.tied if name.startswith("tied") else arguments.models
                made = decode(read_model(folder, fold, FULL if name.endswith("seen") else phone), posteriors)
                lips = clips.mean + np.tensordot(made * clips.scale, clips.basis, 1)
                found[name].append(score(clips, chosen, phone, lips, closed))
        scored = {name: Scored(*map(np.concatenate, zip(*parts, strict=True))) for name, parts in found.items()}
        multiples[phone] = {}
        for name, one in scored.items():
            times, low, high = multiple_of(one, scored["seen"])
            multiples[phone][name] = times
            r = np.corrcoef(one.predicted, one.true)[0, 1]
            shut = f"{one.hits.sum():.0f} of {one.closures.sum():.0f}" if phone in BILABIALS else ""
            cells = [pooled(one, measure) for measure in ("opening", "opening_bias", "width", "width_bias")]
            left = "1" if name == "seen" else f"{times:.2f} [{low:.2f}, {high:.2f}]"
            head = f"| {phone} | {len(one.frames)} | {one.frames.sum():.0f} | {described(name, given[name])} |"
            lines.append(f"{head} {' | '.join(cells)} | {r:.2f} | {shut} | {left} |")
        short.append(short_row(phone, given, scored))
    table = "\n".join([*short, "", *summary(multiples), ""])
    if arguments.out:
        write_text(arguments.out, "\n".join([*lines, "", table]))
    print(table)


def neighbours(arguments: argparse.Namespace) -> None:
    """Put every other phone in the place of each hidden one, and print the nearest by squared error."""
    clips = read_prepared(arguments.clips)
    present = np.flatnonzero((clips.labels[..., None] == np.arange(NUM_PHONES)).any(1).sum(0) >= LEAST_CLIPS)
    single = np.eye(NUM_PHONES, dtype=np.float32)
    print("| hidden | nearest, with the squared error in multiples of seen |\n|---|---|")
    for phone in arguments.phones:
        sums: dict[str, float] = {}
        for fold in range(FOLDS):
            holding = np.flatnonzero((clips.folds == fold) & (clips.labels == PHONE_IDS[phone]).any(1))
            chosen = holding[:: max(1, len(holding) // arguments.most_clips)]
            for place in (None, *(int(place) for place in present if place != PHONE_IDS[phone])):
                model = read_model(arguments.models, fold, FULL if place is None else phone)
                rows = None if place is None else single[[place]]
                made = decode(model, posteriors_with(clips.labels[chosen], PHONE_IDS[phone], rows))
                lips = clips.mean + np.tensordot(made * clips.scale, clips.basis, 1)
                name = "seen" if place is None else PHONES[place]
                sums[name] = sums.get(name, 0.0) + float(score(clips, chosen, phone, lips, 0.0).squared.sum())
        nearest = sorted((name for name in sums if name != "seen"), key=lambda name: sums[name])[:NEAREST_SHOWN]
        named = ", ".join(f"{name} {sums[name] / sums['seen']:.2f}" for name in nearest)
        print(f"| {phone} | {named} |", flush=True)


def short_row(phone: str, given: dict[str, np.ndarray | None], scored: dict[str, Scored]) -> str:
    """Write one phone's row of the short table."""
    cells = [phone, str(len(scored["seen"].frames))]
    cells += [described(name, given[name]).split(": ")[1] for name in ("mixture", "by hand")]
    for name in ("seen", "mixture", "by hand", "untrained"):
        one = scored[name]
        error, bias = (1000 * values.sum() / one.frames.sum() for values in (one.opening, one.opening_bias))
        cells.append(f"{error:.0f} ({bias:+.0f})")
    for name in ("mixture", "by hand", "all phones", "untrained"):
        times, low, high = multiple_of(scored[name], scored["seen"])
        cells.append(f"{times:.2f} [{low:.2f}, {high:.2f}]" if name in ("mixture", "by hand") else f"{times:.2f}")
    return f"| {' | '.join(cells)} |"


def described(name: str, rows: np.ndarray | None) -> str:
    """Name a stand-in with its phones and their weights in percent; then, after a dash, those of its second part."""
    if rows is None or name in ("schwa", "all phones"):
        return name
    parts = []
    for row in rows:
        phones = [(PHONES[place], row[place]) for place in np.argsort(-row)[:4] if row[place] >= LEAST_SHOWN]
        one = len(phones) == 1
        parts.append(" ".join(phone if one else f"{phone} {100 * weight:.0f}" for phone, weight in phones))
    return f"{name}: {' - '.join(parts)}"


def summary(multiples: dict[str, dict[str, float]]) -> list[str]:
    """Write a table of each stand-in's squared error, in multiples of the seen model's, over the phones of a half."""
    names = [name for name in next(iter(multiples.values())) if name != "seen"]
    halves = {
        "one half": [phone for phone in multiples if phone in TUNED],
        "the other half": [phone for phone in multiples if phone not in TUNED],
        "all": list(multiples),
    }
    lines = [
        f"| squared error, geometric mean (median) | phones | {' | '.join(names)} |",
        "|---" * (2 + len(names)) + "|",
    ]
    for title, phones in halves.items():
        values = {name: [multiples[phone][name] for phone in phones] for name in names}
        cells = [f"{np.exp(np.mean(np.log(row))):.2f} ({np.median(row):.2f})" for row in values.values() if row]
        lines += [f"| {title} | {' '.join(phones)} | {' | '.join(cells)} |"] if phones else []
    return lines


def main() -> None:
    """Read the options and do one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True)
    step = steps.add_parser("prepare", help="put one speaker's clips into a file")
    step.add_argument("--data", type=Path, required=True, help="a prepared corpus, the GRID recipe's after stage 4")
    step.add_argument("--speaker", default="s1")
    step.add_argument("--out", type=Path, required=True)
    step.set_defaults(run=prepare)
    step = steps.add_parser("train", help="train the models of one fold")
    step.add_argument("--clips", type=Path, required=True)
    step.add_argument("--out", type=Path, required=True)
    step.add_argument("--fold", type=int, required=True, choices=range(FOLDS))
    step.add_argument("--device", default="cpu")
    step.add_argument("--epochs", type=int, default=24)
    step.add_argument("--phones", nargs="+", default=list(HIDDEN), choices=HIDDEN)
    step.add_argument("--files", type=int, default=4, help="that the models of a fold are shared out to")
    step.add_argument("--most-updates", type=int, default=0, help="end after so many, to try it out")
    step.add_argument("--tied", type=float, metavar="DROPOUT", help="tie phones, with this dropout of the residuals")
    step.set_defaults(run=train)
    step = steps.add_parser("evaluate", help="score what stands in for the hidden phones")
    step.add_argument("--clips", type=Path, required=True)
    step.add_argument("--models", type=Path, required=True)
    step.add_argument("--phones", nargs="+", default=list(HIDDEN), choices=HIDDEN)
    step.add_argument("--out", type=Path, help="Markdown file for the full table")
    step.add_argument("--tied", type=Path, help="the models that were trained with --tied")
    step.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)), choices=range(FOLDS))
    step.set_defaults(run=evaluate)
    step = steps.add_parser("neighbours", help="put every other phone in the place of a hidden one")
    step.add_argument("--clips", type=Path, required=True)
    step.add_argument("--models", type=Path, required=True)
    step.add_argument("--phones", nargs="+", default=list(HIDDEN), choices=HIDDEN)
    step.add_argument("--most-clips", type=int, default=20, help="of each fold, about")
    step.set_defaults(run=neighbours)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
