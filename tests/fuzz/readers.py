"""What reads, and how its bad inputs are made: one `Kind` for each."""

import hashlib
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from fuzz import mutate
from fuzz.mutate import (
    EXTREME_NUMBERS,
    EXTREME_VALUES,
    json_bytes,
    mutate_array,
    mutate_bytes,
    mutate_npz,
    mutate_text,
    pick,
)

SHORT_TEXT = 300  # characters of a text that is also spoken with lips


class Kind(NamedTuple):
    """A reader under test.

    Args:
        make: (generator, seeds, a new folder) -> what `read` is given; may write into the folder. Makers of files leave
            them undamaged where the generator is None.
        read: reads it; whatever it returns is fine.
        share: how often it is drawn, beside the others.
    """

    make: Callable[[Random | None, Path, Path], Any]
    read: Callable[[Any], object]
    share: float = 1.0


KINDS: dict[str, Kind] = {}


def kind(name: str, make: Callable[[Random, Path, Path], Any], share: float = 1.0) -> Any:
    """Register the function as what reads the inputs that `make` makes."""

    def register(read: Callable[[Any], object]) -> Callable[[Any], object]:
        KINDS[name] = Kind(make, read, share)
        return read

    return register


def damaged(*names: str, how: Callable[[Random, bytes], bytes] = mutate_bytes) -> Any:
    """Return a `make` that damages one of these files of the seeds."""

    def make(rng: Random | None, seeds: Path, folder: Path) -> Path:
        name = names[0] if rng is None else pick(rng, names)
        out, data = folder / Path(name).name, (seeds / name).read_bytes()
        out.write_bytes(data if rng is None else how(rng, data))
        return out

    make.makes_files = True  # type: ignore[attr-defined]

    return make


def damaged_text(*names: str) -> Any:
    return damaged(*names, how=lambda rng, data: mutate_text(rng, data.decode()))


def damaged_json(*names: str) -> Any:
    return damaged(*names, how=lambda rng, data: json_bytes(rng, json.loads(data)))


def damaged_json_lines(*names: str) -> Any:
    def how(rng: Random, data: bytes) -> bytes:
        lines = data.splitlines()
        at = rng.randrange(len(lines))
        lines[at] = json_bytes(rng, json.loads(lines[at]))
        return b"\n".join(lines) + b"\n"

    return damaged(*names, how=how)


def folder_with_one_damaged(
    name: str,
    ways: dict[str, Callable[[Random, bytes], bytes]],
    sign: Callable[[Random, Path], None] | None = None,
) -> Any:
    """Return a `make` that copies a folder of the seeds and damages one file in it, or takes it away.

    `sign` may then make checksums right again, so that what lies behind them is tried, too.
    """

    def make(rng: Random | None, seeds: Path, folder: Path) -> Path:
        out = folder / Path(name).name
        shutil.copytree(seeds / name, out)
        if rng is None:
            return out
        files = sorted(path for path in out.rglob("*") if path.is_file())
        pattern = pick(rng, list(ways))
        chosen = [path for path in files if path.match(pattern)]
        path = pick(rng, chosen)
        fate = rng.random()
        if fate < 0.03:
            path.unlink()
        elif fate < 0.06:
            path.unlink()
            path.mkdir()
        else:
            path.write_bytes(ways[pattern](rng, path.read_bytes()))
            if sign is not None:
                sign(rng, out)
        return out

    make.makes_files = True  # type: ignore[attr-defined]
    return make


# ---------------------------------------------------------------- lips, posteriors, edits


@kind("lips.npz", damaged("result/lips.npz", how=mutate_npz), 2)
def _(path: Path) -> None:
    import phonolips

    phonolips.read(path).export("csv", path.parent)


@kind("posteriors.npz", damaged("result/posteriors.npz", how=mutate_npz), 2)
def _(path: Path) -> None:
    import phonolips
    from phonolips.synth.folder import read_posteriors

    layer = read_posteriors(path)
    phonolips.from_posteriors(layer.posteriors, lip_parameters=layer.lip_parameters)


@kind("edit.npz", damaged("edit.npz", how=mutate_npz), 0.5)
def _(path: Path) -> None:
    from phonolips.storage import FORMATS, read_arrays, readable

    read_arrays(path, "edit", readable("edit"), required=("kept", "source_frames", "seams"))
    assert FORMATS


RESULT_WAYS = {
    "*.npz": mutate_npz,
    "*.TextGrid": lambda rng, data: mutate_text(rng, data.decode()),
    "*.wav": mutate_bytes,
}


@kind("result folder", folder_with_one_damaged("result", RESULT_WAYS))
def _(path: Path) -> None:
    import phonolips

    result = phonolips.read(path)
    result.export("arkit,rhubarb-json", path.parent / "out")
    result.read_sound()


# ---------------------------------------------------------------- models


def mutate_safetensors(rng: Random, data: bytes) -> bytes:
    """Damage a safetensors file: its bytes, its JSON header, or the numbers."""
    way = rng.random()
    if way < 0.4:
        return mutate_bytes(rng, data)
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), bytearray(data[8 + size :])
    if way < 0.85:
        name = pick(rng, list(header))
        action = rng.random()
        if action < 0.15:
            header.pop(name)
        elif action < 0.3:
            header[pick(rng, ("x", "", name.upper()))] = header.pop(name)
        elif action < 0.5 and header[name].get("shape"):
            shape = header[name]["shape"]
            shape[rng.randrange(len(shape))] = pick(rng, (0, 1, -1, 10**9, 10**30, 2**63, "3", None, 1.5))
        elif action < 0.7:
            header[name]["dtype"] = pick(rng, ("F16", "BF16", "F64", "I64", "BOOL", "U8", "F8_E4M3", "x", None, 3))
        else:
            header = mutate.mutate_value(rng, header)
    else:
        start = 4 * rng.randrange(max(1, len(body) // 4))
        body[start : start + 4] = np.float32(pick(rng, (np.nan, np.inf, 1e38, -1e38))).tobytes()
    text = json.dumps(header).encode("utf-8", "replace")
    return len(text).to_bytes(8, "little") + text + bytes(body)


MODEL_WAYS = {"*.json": lambda rng, data: json_bytes(rng, json.loads(data)), "*.safetensors": mutate_safetensors}
GRAPH_WAYS = MODEL_WAYS | {"*.onnx": mutate_bytes}
SIGNED = 0.8  # share of damaged models whose checksums are right


def sign_model(rng: Random, folder: Path) -> None:
    """Write the checksums of a model's files as they are now, mostly."""
    from phonolips.model.bundle import CHECKSUMS, SETTINGS, settings_checksum

    try:
        description = json.loads((folder / "model.json").read_bytes())
        sums = {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in description[CHECKSUMS]
            if name != SETTINGS
        }
        signed = description | {CHECKSUMS: sums | {SETTINGS: settings_checksum(description)}}
    except (ValueError, TypeError, KeyError, OSError, RecursionError):
        return
    if rng.random() < SIGNED:
        (folder / "model.json").write_text(json.dumps(signed))


@kind("model", folder_with_one_damaged("model", GRAPH_WAYS, sign_model), 3)
def _(path: Path) -> None:
    import phonolips
    from phonolips.model.network import read_network

    network = read_network(path, provider=pick(Random(path.parent.name), ("cpu", "numpy")))
    phonolips.from_phones("B IH N", network=network, speaker=network.description.speakers[-1])
    phonolips.from_audio(np.zeros(8000, np.float32), network=network)


@kind("int8 model", folder_with_one_damaged("int8_model", GRAPH_WAYS, sign_model))
def _(path: Path) -> None:
    import phonolips
    from phonolips.model.network import read_network

    network = read_network(path, provider=pick(Random(path.parent.name), ("cpu", "numpy")))
    phonolips.from_audio(np.zeros(8000, np.float32), network=network)


@kind("sync expert", folder_with_one_damaged("sync", GRAPH_WAYS, sign_model))
def _(path: Path) -> None:
    from phonolips.model.sync import load_sync_expert, offset

    expert = load_sync_expert(path)
    offset(np.zeros((50, 40, 2)), np.zeros((200, 80)), expert=expert)


@kind("lip reader", folder_with_one_damaged("reader", MODEL_WAYS))
def _(path: Path) -> None:
    from phonolips.training.reader_network import load_reader

    load_reader(path).read(np.zeros((29, 40, 2)))


@kind("speaker.json", damaged_json("speaker.json"), 2)
def _(path: Path) -> None:
    import phonolips
    from phonolips.model.speakers import read_speaker

    phonolips.from_phones("B IH N", speaker=read_speaker(path))


# ---------------------------------------------------------------- corpora


@kind("records.jsonl", damaged_json_lines("corpus/records.jsonl"))
def _(path: Path) -> None:
    from phonolips.corpus.records import count_records, read_records

    read_records(path)
    count_records(path)


@kind("dropped.tsv", damaged_text("corpus/dropped.tsv"), 0.3)
def _(path: Path) -> None:
    from phonolips.corpus.records import count_by_reason, read_dropped

    count_by_reason(read_dropped(path))


def mutate_npy(rng: Random, data: bytes) -> bytes:
    """Damage an NPY file: its bytes, or what its head promises."""
    import io

    if rng.random() < 0.6:
        return mutate_bytes(rng, data)
    if rng.random() < 0.3:
        return (
            mutate.header_bytes(pick(rng, ("(4,)", "(1000000000000,)", "(-4,)")), pick(rng, ("'|O'", "'<i8'", "'<f4'")))
            + data[128:]
        )
    return mutate.npy_bytes(mutate_array(rng, np.load(io.BytesIO(data))))


STORE_WAYS = {
    "store.json": MODEL_WAYS["*.json"],
    "*.safetensors": mutate_safetensors,
    "*.npy": mutate_npy,
    "texts.json": MODEL_WAYS["*.json"],
}


def read_store(folder: Path | str, **options: Any) -> None:
    from phonolips.corpus.store.store import Store

    store = Store(folder, **options)
    for clip in list(store):
        store.meta(clip)
        for name in store.arrays:
            store.get(clip, name)
            store.rows(clip, name)
    for name in ("split", "speaker"):
        store.column(name)
    store.where(split="train", speaker="s1")
    store.failed()


@kind("store", folder_with_one_damaged("corpus/features", STORE_WAYS), 2)
def _(path: Path) -> None:
    read_store(path)


@kind("store at an address", folder_with_one_damaged("corpus/features", STORE_WAYS))
def _(path: Path) -> None:
    read_store(f"file://{path}", cache=path.parent / "cache")


CORPUS_WAYS = {
    "records.jsonl": lambda rng, data: b"\n".join(
        [json_bytes(rng, json.loads(data.splitlines()[0])), *data.splitlines()[1:]]
    ),
    "dropped.tsv": lambda rng, data: mutate_text(rng, data.decode()),
    "*.TextGrid": lambda rng, data: mutate_text(rng, data.decode()),
    "*.safetensors": mutate_safetensors,
}


@kind("check-data", folder_with_one_damaged("corpus", CORPUS_WAYS), 0.5)
def _(path: Path) -> None:
    from phonolips.corpus.check import check_corpus

    check_corpus(path)


@kind("splits", damaged_text("splits/seen_test.txt", "splits/unseen_speakers.txt"), 0.5)
def _(path: Path) -> None:
    from phonolips.corpus.grid import Splits, read_list, split_of

    names = read_list(path)
    split_of("s1/bbaf2n", Splits(names, names, names))


@kind("grid .align", damaged_text("clip.align"), 0.5)
def _(path: Path) -> None:
    from phonolips.corpus.grid import read_align

    read_align(path, clip_seconds=3.0)


# ---------------------------------------------------------------- settings and lists


@kind("settings.yaml", damaged_text("config.yaml"), 1.5)
def _(path: Path) -> None:
    from phonolips.training.settings import Recipe, load_settings

    load_settings(Recipe, config=path)


def make_overrides(rng: Random, seeds: Path, folder: Path) -> list[str]:
    names = (
        "lips.epochs",
        "network.decoder.dilations",
        "encoder.start",
        "network.lips",
        "network",
        "lips",
        "",
        ".",
        "a.b.c",
        "lips..epochs",
        "lips.epochs.x",
        "network.lip_parameters.names",
        "gestures",
        "network.gestures",
    )
    values = (
        *EXTREME_NUMBERS,
        *(str(v) for v in EXTREME_VALUES),
        "[1,2",
        "{a: 1}",
        "{",
        "${lips.epochs}",
        "*a",
        "&a 1",
        "!!python/name:os.system",
        "'",
        "|",
    )
    words = [
        f"{pick(rng, names)}{pick(rng, ('=', '=', '=', '=', '', '==', ' = '))}{pick(rng, values)}"
        for _ in range(rng.choice((1, 1, 2)))
    ]
    return [word.replace("\ud800", "") for word in words]


@kind("settings words", make_overrides)
def _(words: list[str]) -> None:
    from phonolips.training.settings import Recipe, load_settings

    load_settings(Recipe, overrides=words)


@kind("viseme set", damaged_text("visemes.yaml"))
def _(path: Path) -> None:
    from phonolips.export.visemes import read_viseme_set

    read_viseme_set(path)


def make_list(rng: Random, seeds: Path, folder: Path) -> Path:
    for name in ("talk.wav", "talk.flac"):
        shutil.copy(seeds / name, folder / name)
    return (
        damaged_text("list.txt", "list.scp")(rng, seeds, folder)
        if rng.random() < 0.7
        else damaged("list.txt", "talk.wav", "face.png")(rng, seeds, folder)
    )


@kind("list of recordings", make_list)
def _(path: Path) -> None:
    from phonolips.synth.batch import find_items

    find_items(path, path.parent / "out")


def make_manifest(rng: Random, seeds: Path, folder: Path) -> Path:
    shutil.copy(seeds / "talk.wav", folder / "talk.wav")
    (folder / "list.txt").write_text("talk.wav\n")
    row = {
        "audio": "talk.wav",
        "folder": "talk",
        "status": "done",
        "seconds": 0.4,
        "frames": 10,
        "files": ["lips.npz"],
        "fingerprint": [1, 2],
        "options": {"speaker": None},
        "format": 2,
    }
    (folder / "out").mkdir()
    (folder / "out" / "manifest.jsonl").write_bytes(json_bytes(rng, row) + b"\n")
    return folder / "list.txt"


@kind("manifest.jsonl", make_manifest, 0.7)
def _(path: Path) -> None:
    from phonolips.synth.batch import synthesise_all
    from phonolips.synth.options import Options

    synthesise_all(path, path.parent / "out", options=Options(pictures=False))


# ---------------------------------------------------------------- alignments and media


@kind("TextGrid", damaged_text("result/phones.TextGrid"), 1.5)
def _(path: Path) -> None:
    import phonolips

    phonolips.from_alignment(path)


def make_alignment(rng: Random | None, seeds: Path, folder: Path) -> Path:
    """Damage an alignment of another kind of file; of two in three its text, of one its bytes."""
    names = sorted(path.name for path in (seeds / "grids").iterdir())
    name = names[0] if rng is None else pick(rng, names)
    out, data = folder / name, (seeds / "grids" / name).read_bytes()
    if rng is not None:
        binary = b"ooBinaryFile" in data or rng.random() < 0.33
        data = mutate_bytes(rng, data) if binary else mutate_text(rng, data.decode())
        if name.endswith(".json") and rng.random() < 0.5:
            data = json_bytes(rng, json.loads((seeds / "grids" / name).read_bytes()))
    out.write_bytes(data)
    return out


make_alignment.makes_files = True  # type: ignore[attr-defined]


@kind("alignment file", make_alignment, 2)
def _(path: Path) -> None:
    import phonolips

    phonolips.from_alignment(path)


@kind("sound", damaged("talk.wav", "talk.flac", "talk.ogg", "talk.mp3", "talk.m4a", "film.mp4", "film.mkv"), 2)
def _(path: Path) -> None:
    from phonolips.media.audio import read

    read(path)


@kind("film", damaged("film.mp4", "film.mkv", "film.webm", "film.mov", "face.gif"), 2)
def _(path: Path) -> None:
    from phonolips.media.video import probe, read_frames

    probe(path)
    for _ in read_frames(path):
        pass


@kind("picture", damaged("face.png", "face.jpg", "face.gif", "face.webp", "face.bmp", "face.tif"))
def _(path: Path) -> None:
    from phonolips.face.photo import read_photo

    read_photo(path)


# ---------------------------------------------------------------- texts and phones

LANGUAGES = (
    "en-us",
    "en-us",
    "en-us",
    "en-gb",
    "de",
    "fr-fr",
    "ja",
    "cmn",
    "ar",
    "hi",
    "he",
    "xx",
    "",
    "en-us\x00",
    "../en",
    "EN_us",
)
SCRIPTS = (
    (0x20, 0x7F),
    (0xA0, 0x250),
    (0x300, 0x370),
    (0x370, 0x500),
    (0x590, 0x700),
    (0x900, 0x980),
    (0x2000, 0x2100),
    (0x3040, 0x3100),
    (0x4E00, 0x5000),
    (0xAC00, 0xAD00),
    (0xD800, 0xE000),
    (0x1F300, 0x1F700),
    (0xE0000, 0xE0080),
    (1, 0x20),
)
PIECES = ("$", "1/0", "99/99/9999", "31.02.2023", "1" * 40, "1e999", "3.14", "12:75", "U.S.A.", "a.a.a.a.a", "-" * 50, "'" * 50, "." * 50, "Dr.", "№5", "10^9", "£1.999", "1,2,3", "½", "MMXXIV", "x²", "@", "&", "http://a.b/c?d=e", "<b>", "${x}", "\x01", "\x00", "'em", "--", "'s", "1st", "1990s", "007", "0.0.0.0")  # fmt: skip


def make_text(rng: Random, seeds: Path, folder: Path) -> dict[str, str]:
    kind_of = rng.randrange(8)
    if kind_of == 0:
        low, high = pick(rng, SCRIPTS)
        text = "".join(chr(rng.randrange(low, high)) for _ in range(rng.choice((1, 5, 40, 400))))
    elif kind_of == 1:
        text = " ".join(pick(rng, PIECES) for _ in range(rng.choice((1, 3, 20))))
    elif kind_of == 2:
        text = "".join(pick(rng, PIECES) for _ in range(rng.choice((2, 5, 50))))
    elif kind_of == 3:
        text = pick(rng, ("a", "ab", "é", "1", "z'", "x-", "ß", "λ", "क", "あ", "I", "B.", "a\u0301")) * rng.choice(
            (101, 1000, 100_000)
        )
    elif kind_of == 4:
        text = pick(
            rng,
            (
                "word ",
                "a, ",
                "1 ",
                "$1 ",
                "Dr. ",
                "one-two ",
                "x\n\n",
                "12:30 ",
                "zzxxq ",
                "1/2 ",
                "U.S. ",
                "- ",
                "'",
                "a.b@c.de ",
            ),
        ) * rng.choice((100, 5_000))
    elif kind_of == 5:
        words = [
            "bin",
            "blue",
            "at",
            "f",
            "two",
            "now",
            "please",
            "12",
            "$5",
            "Mr.",
            "Smith's",
            "co-op",
            "naïve",
            "zyxgrb",
        ]
        text = " ".join(pick(rng, words) for _ in range(20))
        text = mutate_text(rng, text).decode("utf-8", "surrogateescape")
    elif kind_of == 6:
        text = "".join(
            chr(pick(rng, (rng.randrange(0x20, 0x250), rng.randrange(0x250, 0x2000), rng.randrange(0x2000, 0x30000))))
            for _ in range(rng.choice((3, 30, 300)))
        )
    else:
        length = rng.choice((1, 30, 60, 99, 100))
        text = "".join(rng.choice("bcdfghjklmnpqrstvwxyzaeiou'-") for _ in range(length))
    return {"text": text, "language": pick(rng, LANGUAGES)}


@kind("text", make_text, 3)
def _(given: dict[str, str]) -> None:
    import phonolips
    from phonolips.speech.text.g2p import text_to_phones

    if len(given["text"].encode("utf-8", "replace")) <= SHORT_TEXT:
        phonolips.from_text(**given)
    else:
        text_to_phones(given["text"], language=given["language"])


@kind("text spoken", make_text, 0.7)
def _(given: dict[str, str]) -> None:
    from phonolips.synth.verbs import from_speech

    from_speech(given["text"][:SHORT_TEXT], language=given["language"])


@kind("text aligned", make_text, 0.7)
def _(given: dict[str, str]) -> None:
    from phonolips.speech.align.align import align

    sound = 0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    align(sound, given["text"], aligner="sphinx", language=given["language"])


MARKED_UP = (
    '<speak version="1.1" xml:lang="en-US"><p><s>One <break time="300ms"/> two</s></p> <prosody rate="slow">six <emphasis '
    'level="strong">ten</emphasis></prosody> <phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme> <say-as '
    'interpret-as="date" format="dmy">1/2/2024</say-as> <sub alias="a b">c</sub> <lang xml:lang="de">Tag</lang> &amp; $5</speak>',
    "1\n00:00:01,000 --> 00:00:02,000\n- Hello [music]\n- JOHN: {\\an8}<i>you</i>\n\n2\n00:00:02,500 --> 00:00:03,000\n2024 ♪\n",
    "WEBVTT\n\nNOTE no\n\nname\n00:01.000 --> 00:02.000 align:start\n<v Bob>Hi <c.x>there</c> <00:01.500>you</v>\n",
    "<!DOCTYPE html><html><body><p>One &lt; <b>two</b><br><script>x<y</script><img alt='a cat'></p></body></html>",
    "---\na: b\n---\n# Title\n\n- *one*\n- **two** [link](http://x.y)\n\n```\ncode\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> q[^1]\n",
    "INT. HOUSE - DAY\n\nJOHN (O.S.)\n(softly)\nHi there. [laughs] Alice: *sighs* Yes.\n\nHe goes.\n\nCUT TO:\n",
)


def make_marked_up(rng: Random, seeds: Path, folder: Path) -> dict[str, str]:
    """Make a text with mark-up, damaged or of parts of several, to be taken for one of the formats."""
    from phonolips.speech.text.markup.read import TEXT_FORMATS

    text = pick(rng, MARKED_UP)
    way = rng.randrange(4)
    if way == 0:
        text = mutate_text(rng, text).decode("utf-8", "replace")
    elif way == 1:
        cut = rng.randrange(len(text))
        text = text[:cut] + pick(rng, MARKED_UP)[rng.randrange(40) :]
    elif way == 2:
        start = rng.randrange(len(text))
        text = text[:start] + text[start : start + rng.randrange(1, 40)] * rng.choice((2, 50, 2_000)) + text[start:]
    return {
        "text": text[:100_000],
        "language": pick(rng, ("en-us", "en-gb", "de")),
        "text_format": pick(rng, TEXT_FORMATS),
    }


@kind("mark-up", make_marked_up, 2)
def _(given: dict[str, str]) -> None:
    from phonolips.speech.text.explain import explain_text

    explain_text(**given).write("table")


@kind("mark-up spoken", make_marked_up, 0.7)
def _(given: dict[str, str]) -> None:
    from phonolips.synth.verbs import from_speech

    from_speech(given.pop("text")[:SHORT_TEXT], **given)


LEXICON = ";;; words\nbin\tB IH1 N\nblue 0.7 B L UW1\nNew York\tN UW1 Y AO1 R K\nC++  S IY1\nfour(2)\tf ɔː\n"


def make_lexicon(rng: Random, seeds: Path, folder: Path) -> Path:
    path = folder / "my.dict"
    path.write_bytes(mutate_text(rng, LEXICON))
    return path


@kind("lexicon", make_lexicon)
def _(path: Path) -> None:
    from phonolips.speech.text.g2p import text_to_phones

    text_to_phones("bin blue in New York's C++ four", lexicon=path)


def make_spoken_phones(rng: Random, seeds: Path, folder: Path) -> tuple[str, ...]:
    known = ("B", "AY", "UW", "S", "N", "sil")[: rng.choice((1, 3, 5, 6))]
    return tuple(pick(rng, known) for _ in range(rng.choice((3, 90, 150, 220, 400))))


@kind("phones spoken", make_spoken_phones, 0.5)
def _(phones: tuple[str, ...]) -> None:
    from phonolips.speech.tts.speak import speak_words
    from phonolips.speech.words import phones_to_words

    speak_words(phones_to_words(phones))


def make_phones(rng: Random, seeds: Path, folder: Path) -> Any:
    pieces = [
        "B",
        "IH1",
        "N",
        "sil",
        "UW",
        "AH0",
        "spn",
        "B0",
        "AH9",
        "b",
        "ih",
        ",",
        "|",
        "/",
        "_",
        "<eps>",
        "\x00",
        "é",
        "1",
        "",
        "\ud800",
        "AA" * 50,
        "\u202e",
    ]
    chosen = [pick(rng, pieces) for _ in range(rng.choice((0, 1, 3, 10, 200)))]
    if rng.random() < 0.1:
        return pick(
            rng, (None, 3, [1, 2], [None], b"B IH", {"B": 1}, ["B", ["IH"]], np.array(["B", "IH"]), np.zeros(3))
        )
    return (
        chosen
        if rng.random() < 0.2
        else pick(rng, (" ", "", "  ", "\n", "\x00")).join(chosen) * rng.choice((1, 1, 1, 500))
    )


@kind("phones", make_phones)
def _(phones: Any) -> None:
    import phonolips

    phonolips.from_phones(phones)


# ---------------------------------------------------------------- arrays and other arguments in Python


def odd_argument(rng: Random, good: Any) -> Any:
    """Return another value for an argument: a changed array, or something else altogether."""
    if isinstance(good, np.ndarray) and rng.random() < 0.75:
        return mutate_array(rng, good)
    others = [
        *EXTREME_VALUES,
        b"x",
        1j,
        object(),
        np.float32("nan"),
        np.zeros(0),
        np.zeros((3, 3)),
        "a" * 1000,
        Path("/nowhere"),
        range(3),
        np.array("x"),
        [[0.0] * 40] * 3,
    ]
    return pick(rng, others)


def make_call(rng: Random, seeds: Path, folder: Path) -> tuple[str, dict[str, Any]]:
    good: dict[str, dict[str, Any]] = {
        "from_posteriors": {"posteriors": np.full((40, 40), 1 / 40, np.float32), "lip_parameters": np.zeros((10, 3), np.float32), "waveform": np.zeros(6400, np.float32)},
        "from_audio": {"audio": np.zeros(6400, np.float32), "sample_rate": 16_000},
        "from_text": {"text": "bin blue", "rate": 1.0, "durations": None, "language": "en-us"},
        "from_phones": {"phones": "B IH N", "rate": 1.0, "durations": None},
        "from_alignment": {"alignment": str(seeds / "result" / "phones.TextGrid"), "waveform": np.zeros(6400, np.float32)},
        "from_speech": {"words": "bin", "backend": "espeak", "voice": None, "rate": 1.0},
    }  # fmt: skip
    shared = {
        "speaker": "s1",
        "fps": 25.0,
        "mean_lip": np.zeros((40, 2), np.float32),
        "liveliness": 0.3,
        "emphasis": {},
        "shut_in_silence": False,
        "rest": "shut",
        "articulation": 1.2,
    }
    name = pick(rng, list(good))
    arguments = dict(good[name])
    own = rng.random() < 0.7
    changed = pick(rng, list(good[name] if own else shared))
    arguments[changed] = odd_argument(rng, (good[name] if own else shared)[changed])
    return name, arguments


@kind("arguments", make_call, 3)
def _(call: tuple[str, dict[str, Any]]) -> None:
    from phonolips.synth import verbs

    name, arguments = call
    result = getattr(verbs, name)(**arguments)
    assert np.isfinite(result.lips).all()


# ---------------------------------------------------------------- command lines


def flag_value(rng: Random, seeds: Path) -> str:
    """Draw the value of an option, one that is seldom right."""
    files = (
        "result",
        "result/lips.npz",
        "result/posteriors.npz",
        "result/phones.TextGrid",
        "speaker.json",
        "talk.wav",
        "film.mp4",
        "face.png",
        "model",
        "list.txt",
        "config.yaml",
        "corpus",
        "none",
        "",
    )
    plain = ("", " ", "-", "--", ".", "/", "/dev/null", "/dev/full", "/proc/self/mem", "~", "a" * 300, "x/" * 100, "0", "1", "-1", "1e9", "nan", "inf", "1/0", "30000/1001", "25", "bin", "blue=2", "=", "=1", "blue=nan", "blue=", "1-", "-1-2", "2-1", "1e9x1e9", "0x0", "640x480", "s1", "mean", "warm,skin=#zzz", "warm,skin", "all", "all,all", "arkit,", ",", "none", "en-us", "de", "é", "\u202ex", "${oc.env:HOME}", "a\nb", "B IH N", "bin blue")  # fmt: skip
    return str(seeds / pick(rng, files)) if rng.random() < 0.35 else pick(rng, plain)


COMMANDS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "synth": (["--text", "bin blue", "--out", "OUT", "--no-pictures"], ("--text", "--audio", "--phones", "--posteriors", "--textgrid", "--speaker", "--fps", "--rate", "--durations", "--emphasis", "--liveliness", "--voice", "--synthesiser", "--export", "--language", "--model", "--jobs", "--out")),
    "export": (["SEEDS/result", "--to", "arkit", "--out", "OUT"], ("--to", "--out", "--fps", "--viseme-set", "--targets")),
    "render": (["SEEDS/result", "--out", "OUT.png", "--pictures", "1"], ("--size", "--fps", "--palette", "--caption", "--seconds", "--pictures", "--sound", "--out")),
    "plot": (["SEEDS/result", "--out", "OUT.png"], ("--kind", "--with", "--out")),
    "align": (["SEEDS/talk.wav", "--text", "bin", "--out", "OUT.TextGrid"], ("--text", "--out", "--aligner", "--language")),
    "track": (["SEEDS/none.mp4", "--out", "OUT.npz"], ("--layout", "--out")),
    "check-data": (["SEEDS/none"], ()),
    "info": ([], ("--model",)),
    "train": (["lips", "--data", "SEEDS/corpus", "--out", "OUT", "--config", "SEEDS/none.yaml"], ("--data", "--config")),
}  # fmt: skip


def make_command(rng: Random, seeds: Path, folder: Path) -> list[str]:
    name = rng.choices(list(COMMANDS), [6, 3, 3, 2, 2, 1, 1, 1, 1])[0]
    words, options = COMMANDS[name]
    words = [word.replace("SEEDS", str(seeds)).replace("OUT", str(folder / "out")) for word in words]
    for _ in range(rng.choice((1, 1, 2))):
        way = rng.random()
        if options and way < 0.8:
            option, value = pick(rng, options), flag_value(rng, seeds)
            if option == "--out" and value.startswith("/"):
                value = str(folder / "made")
            if option in words:
                words[words.index(option) + 1] = value
            else:
                words += [option, value]
        elif way < 0.9 and words:
            words[rng.randrange(len(words))] = flag_value(rng, seeds).lstrip("/") or "x"
        else:
            words.insert(rng.randrange(len(words) + 1), pick(rng, ("--nonsense", "--", "-x", "more", "--help")))
    os.chdir(folder)
    return [name, *(word.replace("\x00", "") for word in words)]


class Ended(Exception):
    """How a command ended: its exit code, and what it said on standard error."""


@kind("command line", make_command, 5)
def _(words: list[str]) -> None:
    import io

    from phonolips import cli

    sys.argv = ["phonolips", *words]
    said, sys.stderr, real = io.StringIO(), None, sys.stderr
    sys.stderr = said
    code = 0
    try:
        with warnings.catch_warnings():
            cli.main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        sys.stderr = real
    if code:
        raise Ended(code, said.getvalue())
