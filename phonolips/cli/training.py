"""The commands for corpora, training and evaluation."""

from pathlib import Path
from typing import Annotated

import typer

from phonolips.cli.options import Device, Jobs, LexiconFiles, Model, Out, Provider, Threads, print_files
from phonolips.errors import InputError, did_you_mean
from phonolips.extras import need

MOST_NAMED = 40  # clips left out that are named on the terminal; the files name all


def prepare(
    out: Annotated[Path, typer.Option(help="The prepared corpus: records, lips, alignments, features.")],
    step: Annotated[
        str, typer.Option(help="records, lips, align, features, or all of them in this order; or fold.")
    ] = "all",
    data: Annotated[
        Path | None,
        typer.Option(
            help="GRID: <speaker>/<name>.mpg or .mp4 with <name>.align. LRW: lipread_mp4/WORD/train/WORD_00001.mp4. "
            "videos: a folder of videos for each person, or videos of a person each. For fold: a prepared corpus."
        ),
    ] = None,
    corpus: Annotated[str, typer.Option(help="Which corpus --data is: grid, lrw, videos.")] = "grid",
    splits: Annotated[
        Path | None, typer.Option(help="Folder with the lists of test clips of GRID (recipes/grid/splits).")
    ] = None,
    words: Annotated[Path | None, typer.Option(help="Of LRW, only the words in this file, one a line.")] = None,
    most_clips: Annotated[
        int, typer.Option(min=0, help="Of LRW, at most so many for each word and split; 0 = all.")
    ] = 0,
    test_people: Annotated[
        str | None,
        typer.Option(help="Of videos, how many people are held out, or a file with one a line. [default: a tenth]"),
    ] = None,
    fold: Annotated[
        str | None,
        typer.Option(help="K/N: of step fold, which part of the people is held out, of how many."),
    ] = None,
    grid: Annotated[Path | None, typer.Option(help="GRID, to learn from beside LRW or videos.")] = None,
    librispeech: Annotated[Path | None, typer.Option(help="LibriSpeech, as more speech for the encoder.")] = None,
    alignments: Annotated[Path | None, typer.Option(help="Ready TextGrids: <speaker>/<name>.TextGrid.")] = None,
    librispeech_alignments: Annotated[
        Path | None, typer.Option(help="Ready TextGrids: <subset>/<speaker>/<utterance>.TextGrid.")
    ] = None,
    aligner: Annotated[str, typer.Option(help="For clips without a ready TextGrid: auto, mfa, sphinx, ctc.")] = "auto",
    lexicon: LexiconFiles = None,
    encoder: Annotated[
        Path | None,
        typer.Option(help="Model whose encoder labels what no transcript covers. [default: the one in the package]"),
    ] = None,
    sync: Annotated[
        bool, typer.Option(help="Move lips in time to where the sync expert, if sure, finds them in sync (features).")
    ] = False,
    jobs: Jobs = 1,
    backend: Annotated[
        str,
        typer.Option(
            help="Who works: local, dask (a cluster here), dask:tcp://HOST:PORT or dask:PATH/scheduler.json (a running "
            "scheduler), dask:slurm."
        ),
    ] = "local",
    retry: Annotated[bool, typer.Option(help="Try the clips again that failed in this step.")] = False,
) -> None:
    """Prepare a corpus for training. Goes on where a killed run stopped."""
    from phonolips.corpus import prepare as steps
    from phonolips.corpus.grid import read_list
    from phonolips.corpus.records import Dropped, count_by_reason
    from phonolips.corpus.store.store import forget_failures
    from phonolips.workers.backend import open_backend

    known, fold_step = ("records", "lips", "align", "features"), "fold"
    steps_known = (*known, "all", fold_step)
    if step not in steps_known:
        raise InputError(f"--step {step}; expected one of {', '.join(steps_known)}{did_you_mean(step, steps_known)}")
    if step == fold_step:
        typer.echo(f"{_make_fold(data, out, fold)} clips are held out")
        return
    chosen = known if step == "all" else (step,)
    if "lips" in chosen:
        need("face", "tracking lips")
    if "records" in chosen and data is None:
        raise InputError("--step records needs --data, the folder with the corpus")
    dropped: list[Dropped] = []
    for name in ("lips", "features"):
        if retry and name in chosen:
            forget_failures(out / name)
    with open_backend(backend, jobs, folder=out) as workers:
        if "records" in chosen and data is not None:
            count, dropped = steps.make_records(
                out,
                data,
                corpus=corpus,
                splits=splits,
                grid=grid,
                librispeech=librispeech,
                words=sorted(read_list(words)) if words else None,
                most_clips=most_clips,
                test_people=_test_people(test_people),
                encoder=encoder,
                backend=workers,
            )
            typer.echo(f"{count} clips")
        if "lips" in chosen:
            dropped += steps.track_lips(out, backend=workers)
        if "align" in chosen:
            dropped += steps.align_clips(
                out,
                alignments=alignments,
                librispeech_alignments=librispeech_alignments,
                aligner=aligner,
                encoder=encoder,
                jobs=jobs,
                backend=workers,
                lexicon=lexicon,
            )
        if "features" in chosen:
            dropped += steps.make_features(out, encoder=encoder, sync=sync, backend=workers)
    for item in dropped[:MOST_NAMED]:
        typer.echo(f"left out {item.id}: {item.reason}", err=True)
    if len(dropped) > MOST_NAMED:
        typer.echo(f"left out {len(dropped) - MOST_NAMED} more; see {out}/dropped*.tsv", err=True)
    for reason, number in count_by_reason(dropped):
        typer.echo(f"left out, {reason}: {number}", err=True)


def _make_fold(data: Path | None, out: Path, fold: str | None) -> int:
    """Make a fold; return how many clips are held out."""
    from phonolips.corpus.folds import make_fold

    number, _, folds = (fold or "").partition("/")
    if data is None or not (number.isdecimal() and folds.isdecimal() and 1 <= int(number) <= int(folds)):
        raise InputError(
            f"--step fold needs --data, a prepared corpus, and --fold K/N such as 1/5; found --fold {fold}"
        )
    return make_fold(data, out, int(number) - 1, int(folds))


def _test_people(wanted: str | None) -> "int | frozenset[str] | None":
    """Read who is held out: a number, or the names in a file."""
    from phonolips.corpus.grid import read_list

    if wanted is None or wanted.isdecimal():
        return None if wanted is None else int(wanted)
    if not Path(wanted).is_file():
        raise InputError(f"--test-people {wanted}; expected a number, or a file with a person a line")
    return read_list(Path(wanted))


def train(
    part: Annotated[
        str, typer.Argument(help="encoder, durations, lips, activity, all of these four, sync, or listener.")
    ],
    data: Annotated[str, typer.Option(help="A prepared corpus, or its address, such as s3://bucket/corpus.")],
    out: Annotated[Path, typer.Option(help="Gets network/ (the model) or sync_expert/, checkpoints and histories.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings such as lips.epochs=3, stronger than --config.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file with settings (see recipes/grid/conf).")] = None,
    device: Device = "auto",
) -> None:
    """Train the encoder, durations, lips, voice activity, the sync expert, or a listener, which teaches encoders.

    Goes on where a killed run stopped.
    """
    need("train", "training")
    from phonolips.training.ranks import is_main
    from phonolips.training.train import train as run_training

    folder = run_training(part, data=data, out=out, config=config, overrides=overrides or (), device=device)
    if is_main():
        print_files([folder])


def evaluate(
    data: Annotated[Path, typer.Option(help="A prepared corpus; for join, a folder with a folder for each fold.")],
    out: Annotated[Path, typer.Option(help="Folder for tables and pictures.")],
    model: Model = None,
    step: Annotated[
        str, typer.Option(help="synthesise, score, plots, or all of them in this order; or join, for folds.")
    ] = "all",
    references: Annotated[bool, typer.Option(help="Also score the simple reference methods.")] = True,
    beside: Annotated[
        str | None, typer.Option(help="A model folder to score in the same tables; default = the one in the package.")
    ] = None,
    gru: Annotated[bool, typer.Option(help="Also train and score a plain GRU (minutes).")] = False,
    provider: Provider = "auto",
    threads: Threads = 1,
) -> None:
    """Synthesise the test clips from sound, from text with true and with predicted durations, and score them.

    Writes lips.csv and encoder.csv (a row a clip), results.md (tables with 95 % intervals) and pictures. Step join
    makes one table of the folds DATA/*/results.
    """
    need("train", "evaluation")
    from phonolips.evaluation.evaluate import evaluate as run_evaluation
    from phonolips.evaluation.people import join_folds
    from phonolips.model.network import load_network

    if step == "join":
        folders = sorted(path for path in data.glob("*/results") if path.is_dir() and path != out)
        if not folders:
            raise InputError(f"--data {data}: no fold in it; expected folders such as {data / '1' / 'results'}")
        typer.echo(join_folds(folders, out))
        return
    options = {"provider": provider, "threads": threads}
    network = load_network(model, **options)  # type: ignore[arg-type]
    other = beside and load_network(None if beside == "default" else Path(beside), **options)  # type: ignore[arg-type]
    typer.echo(
        run_evaluation(
            data=data, out=out, network=network, step=step, references=references, beside=other or None, gru=gru
        )
    )


def upgrade_model(
    folder: Annotated[Path, typer.Argument(help="Model folder, or sync expert, made by an earlier version.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write. [default: in its place]")] = None,
) -> None:
    """Make a model of an earlier version one of today's: the same weights, with graphs for ONNX Runtime."""
    need("train", "upgrading a model")
    from phonolips.training.upgrade import upgrade_model as upgrade

    print_files([upgrade(folder, out)])


def check_data(
    data: Annotated[Path, typer.Argument(help="A prepared corpus.")],
) -> None:
    """Print counts, hours, fps, face misses, sound/picture differences, mismatches and clips out of sync."""
    from phonolips.corpus.check import check_corpus

    typer.echo(check_corpus(data))


def gallery(
    data: Annotated[Path, typer.Option(help="A prepared corpus.")],
    out: Out,
    speaker: Annotated[str | None, typer.Option(help="A speaker of the corpus. [default: all together]")] = None,
    samples: Annotated[int, typer.Option(min=1, help="How many samples of each phone, at most.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the draw.")] = 1,
    phone: Annotated[list[str] | None, typer.Option(help="Draw a page of this phone too; may be repeated.")] = None,
) -> None:
    """Draw what the lips do in every phone: contours, opening and width of many samples, and their means.

    Writes gallery_contours.png, gallery_opening.png, gallery_width.png, gallery.csv (a row a phone), and
    gallery_PHONE.png for every --phone, from the training clips.
    """
    from phonolips.evaluation.gallery import draw_gallery

    print_files(draw_gallery(data=data, out=out, speaker=speaker, samples=samples, seed=seed, phones=phone or ()))
