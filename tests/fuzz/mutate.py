"""How good inputs are damaged: bytes, texts, JSON values, arrays. Every function takes the generator that decides."""

import io
import json
import struct
import zipfile
import zlib
from random import Random
from typing import Any

import numpy as np

EXTREME_NUMBERS = [
    *("0", "-1", "-0.0", "1e9", "1e-9", "1e308", "1e309", "-1e309", "nan", "inf", "-inf", "NaN", "Infinity"),
    *(
        "9" * 30,
        "-" + "9" * 30,
        "9" * 5000,
        "1e999999999",
        "0x10",
        "1_000",
        "1,5",
        "٣",
        "²",
        "--1",
        "1e",
        "true",
        "null",
    ),
]
EXTREME_VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 3, 7, 0.5, 1e9, 10**9, 2**31, 2**63, 10**30, -(10**30), 1e308, float("nan"), float("inf")),
    *("", " ", "x", "nan", "1", "${oc.env:HOME}", "${oc.decode:1}", "${lips.epochs}", "a\nb", "a\x00b", "é" * 300, "../../x", "/etc/x"),
    *([], [[]], [None], [0], [10**9], ["a"], [[1, 2], [3]], {}, {"a": 1}, [1e9] * 50, "\ud800"),
]  # fmt: skip
ODD_TEXT = [
    *("\x00", "\ufeff", "\r\n", "\r", "\x85", "\u2028", "\x1b[31m", "\u202e", "\ud800", "\t", "\x0b", "\x0c", "\u0301" * 50),
    *("${oc.env:HOME}", "[" * 2000, "{" * 2000, "(" * 2000, '"', "'", "\\", "#", "!", "&a *a", "*a", "!!python/object/apply:os.getcwd []"),
    *("- " * 500, ": ", "a" * 100_000, "é" * 1000, "🙂" * 1000, "\n" * 1000, " " * 10_000, "%", "%s", "{0}", "~", "<xml>", "-->"),
]  # fmt: skip


def pick(rng: Random, values: Any) -> Any:
    """Draw one value of a sequence."""
    return values[rng.randrange(len(values))]


def place(rng: Random, size: int) -> int:
    """Draw a place in 0..size, more often near the two ends, where headers and tables lie."""
    if rng.random() < 0.4:
        return min(size, int(rng.expovariate(1 / 40)))
    if rng.random() < 0.3:
        return max(0, size - int(rng.expovariate(1 / 60)))
    return rng.randrange(size + 1)


# ---------------------------------------------------------------- bytes


def mutate_bytes(rng: Random, data: bytes) -> bytes:
    """Damage a file once to three times."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = pick(rng, _BYTE_DAMAGES)(rng, bytes(data))
    return bytes(data)


def _cut(rng: Random, data: bytes) -> bytes:
    return data[: place(rng, len(data))]


def _cut_start(rng: Random, data: bytes) -> bytes:
    return data[place(rng, len(data)) :]


def _flip(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 30)) if changed else 0):
        changed[min(place(rng, len(changed)), len(changed) - 1)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _splice(rng: Random, data: bytes) -> bytes:
    start, size = place(rng, len(data)), rng.choice((1, 4, 64, 1000))
    piece, to = data[start : start + size], place(rng, len(data))
    return data[:to] + piece + data[to + rng.choice((0, size)) :]


def _remove(rng: Random, data: bytes) -> bytes:
    start = place(rng, len(data))
    return data[:start] + data[start + rng.choice((1, 3, 16, 500)) :]


def _noise(rng: Random, data: bytes) -> bytes:
    start, size = place(rng, len(data)), rng.choice((1, 8, 100))
    return data[:start] + rng.randbytes(size) + data[start + rng.choice((0, size)) :]


def _extreme_word(rng: Random, data: bytes) -> bytes:
    """Put an extreme integer where one may be."""
    start = place(rng, len(data))
    number = pick(rng, (0, 1, -1, 0x7F, 0x7FFF, 0x7FFFFFFF, 0x7FFFFFFFFFFFFFFF, 1_000_000_000, 3))
    form = pick(rng, ("<h", "<i", ">i", "<q", ">q"))
    bits = 8 * struct.calcsize(form)
    word = (number & (1 << bits) - 1).to_bytes(bits // 8, "little" if form[0] == "<" else "big")
    return data[:start] + word + data[start + len(word) :]


def _other_magic(rng: Random, data: bytes) -> bytes:
    magics = (
        *(b"", b"\0\0\0\0", b"PK\3\4", b"PK\5\6" + b"\0" * 18, b"\x89PNG\r\n\x1a\n", b"RIFF", b"\xff\xd8\xff\xe0", b"GIF89a", b"fLaC"),
        *(b"\x93NUMPY\1\0", b"\x1aE\xdf\xa3", b"#EXTM3U\n", b"<?xml", b"\x80\x04\x95", b"\xef\xbb\xbf", b"\xff\xfe", b"OggS"),
    )  # fmt: skip
    return pick(rng, magics) + data[rng.choice((0, 4, 8)) :]


def _nothing(rng: Random, data: bytes) -> bytes:
    return pick(rng, (b"", b"\0", b"\n", b" ", b"\0" * 1000, b"hello", b"\xff\xfe", b"[]", b"{}", b"null"))


_BYTE_DAMAGES = (_cut, _cut, _cut, _cut_start, _flip, _flip, _flip, _splice, _remove, _noise, _extreme_word, _extreme_word, _other_magic, _nothing)  # fmt: skip


# ---------------------------------------------------------------- texts


def mutate_text(rng: Random, text: str) -> bytes:
    """Damage a text once to three times; return it in some encoding."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        text = pick(rng, _TEXT_DAMAGES)(rng, text)
    encoding = rng.choices(("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"), (16, 1, 1, 1, 1))[0]
    data = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    if rng.random() < 0.1:
        data = data.replace(b"\n", b"\r\n")
    return mutate_bytes(rng, data) if rng.random() < 0.15 else data


def _spans(text: str) -> list[tuple[int, int]]:
    import re

    return [match.span() for match in re.finditer(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text)]


def _number(rng: Random, text: str) -> str:
    spans = _spans(text)
    if not spans:
        return text + pick(rng, EXTREME_NUMBERS)
    start, end = pick(rng, spans)
    return text[:start] + pick(rng, EXTREME_NUMBERS) + text[end:]


def _lines(rng: Random, text: str) -> str:
    lines = text.split("\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(other, lines[at])
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines = lines[:at]
    return "\n".join(lines)


def _words(rng: Random, text: str) -> str:
    words = text.split(" ")
    at, other = rng.randrange(len(words)), rng.randrange(len(words))
    if rng.random() < 0.5:
        words[at], words[other] = words[other], words[at]
    else:
        del words[at]
    return " ".join(words)


def _insert(rng: Random, text: str) -> str:
    at = place(rng, len(text))
    return text[:at] + pick(rng, ODD_TEXT) + text[at + rng.choice((0, 1, 10)) :]


def _cut_text(rng: Random, text: str) -> str:
    return text[: place(rng, len(text))]


_TEXT_DAMAGES = (_number, _number, _number, _lines, _lines, _words, _insert, _insert, _cut_text)


# ---------------------------------------------------------------- JSON


def mutate_value(rng: Random, value: Any) -> Any:
    """Change one to three places of a JSON value."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = _mutate_node(rng, value)
    return value


def _mutate_node(rng: Random, value: Any) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.93:
        key = pick(rng, list(value))
        kind = rng.random()
        if kind < 0.08:
            del value[key]
        elif kind < 0.13:
            value[pick(rng, ("", "x", "${oc.env:HOME}", "a\nb", key.upper()))] = value.pop(key)
        elif kind < 0.16:
            value["more"] = pick(rng, EXTREME_VALUES)
        else:
            value[key] = _mutate_node(rng, value[key])
        return value
    if isinstance(value, list) and value and rng.random() < 0.75:
        at = rng.randrange(len(value))
        kind = rng.random()
        if kind < 0.15:
            del value[at]
        elif kind < 0.3:
            value.insert(at, value[at])
        elif kind < 0.35:
            return value * pick(rng, (0, 2, 100))
        else:
            value[at] = _mutate_node(rng, value[at])
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.5:
        return pick(rng, (value + 1, -value, value * 10**9, value * 1000, float(value), str(value), value / 2, 10**12))
    return pick(rng, EXTREME_VALUES)


def json_bytes(rng: Random, value: Any) -> bytes:
    """Write a changed value as JSON; one time in five damage the text instead."""
    if rng.random() < 0.2:
        return mutate_text(rng, json.dumps(value))
    return json.dumps(mutate_value(rng, value)).encode("utf-8", "surrogatepass")


# ---------------------------------------------------------------- arrays


def mutate_array(rng: Random, array: np.ndarray) -> np.ndarray:
    """Return an array of another kind, shape or content."""
    return pick(rng, _ARRAY_DAMAGES)(rng, np.array(array))


def _numeric(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind in "fiub" else np.zeros(3)


def _with_one(value: float) -> Any:
    def change(rng: Random, array: np.ndarray) -> np.ndarray:
        changed = _numeric(array).astype(np.float32)
        if changed.size:
            changed.reshape(-1)[rng.randrange(changed.size)] = value
        return changed

    return change


_ARRAY_DAMAGES = (
    lambda rng, a: _numeric(a).astype("U12"),
    lambda rng, a: _numeric(a).astype("S12"),
    lambda rng, a: _numeric(a).astype(np.complex64),
    lambda rng, a: _numeric(a).astype(np.int8),
    lambda rng, a: _numeric(a).astype(np.float16),
    lambda rng, a: _numeric(a).astype(">f8"),
    lambda rng, a: _numeric(a).astype(np.longdouble),
    lambda rng, a: _numeric(a) > 0,
    lambda rng, a: _numeric(a).astype("i8").astype("M8[s]"),
    lambda rng, a: np.zeros(a.shape, [("x", "f4"), ("y", "i4")]),
    lambda rng, a: np.zeros(a.shape, "V3"),
    lambda rng, a: np.asfortranarray(a),
    lambda rng, a: a.reshape(-1),
    lambda rng, a: a[None],
    lambda rng, a: a[..., None],
    lambda rng, a: a[:0] if a.ndim else a,
    lambda rng, a: a.T,
    lambda rng, a: a[: len(a) // 2] if a.ndim else a,
    lambda rng, a: a[..., :-1] if a.ndim else a,
    lambda rng, a: np.array(pick(rng, (0, -1, float("nan"), 1e9, 25, float("inf"), "text", b"bytes", True, 1j))),
    lambda rng, a: np.zeros(pick(rng, ((0,), (0, 40), (1, 1), (2, 40, 2, 1), (5, 0, 2), (1,) * 30)), np.float32),
    _with_one(float("nan")),
    _with_one(float("inf")),
    _with_one(-1.0),
    _with_one(1e30),
    lambda rng, a: -_numeric(a).astype(float),
    lambda rng, a: _numeric(a).astype(float) * 1e20,
)


def mutate_npz(rng: Random, data: bytes) -> bytes:
    """Damage an NPZ file: its bytes, one of its arrays, or the way it is packed."""
    if rng.random() < 0.4:
        return mutate_bytes(rng, data)
    with np.load(io.BytesIO(data)) as file:
        arrays = {name: file[name] for name in file.files}
    name = pick(rng, list(arrays))
    kind = rng.random()
    if kind < 0.65:
        arrays[name] = mutate_array(rng, arrays[name])
    elif kind < 0.75:
        arrays.pop(name)
    elif kind < 0.8:
        other = pick(rng, list(arrays))
        arrays[name], arrays[other] = arrays[other], arrays[name]
    else:
        return pick(rng, (_bomb, _huge_header, _twice, _objects, _odd_names, _odd_packing))(rng, arrays, name)
    if rng.random() < 0.1:
        arrays[pick(rng, ("file", "..", "../x", "a/b", "x" * 300, "\u202e"))] = np.zeros(3)
    return _pack(arrays)


def npy_bytes(array: np.ndarray) -> bytes:
    """Write one array as an NPY file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    return file.getvalue()


def _pack(arrays: dict[str, np.ndarray], raw: dict[str, bytes] | None = None) -> bytes:
    file = io.BytesIO()
    parts = {f"{name}.npy": npy_bytes(array) for name, array in arrays.items()} | (raw or {})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return file.getvalue()


def header_bytes(shape: str, descr: str = "'<f4'", order: str = "False") -> bytes:
    """Write the head of an NPY file that promises an array."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin-1")


def _huge_header(rng: Random, arrays: dict[str, np.ndarray], name: str) -> bytes:
    shapes = (
        "(1000000000, 40, 2)",
        "(10000000000000,)",
        "(-1,)",
        "(3,",
        "(1.5,)",
        "('a',)",
        "()",
        "(0, 99999999999)",
        "5",
        f"({'9' * 4000},)",
    )
    descr = pick(
        rng,
        (
            "'<f4'",
            "'<f8'",
            "'|O'",
            "'|S1000000000'",
            "'<U300000000'",
            "[('a', '<f4')]",
            "'f'",
            "None",
            "1",
            "'" + "9" * 100 + "'",
        ),
    )
    content = header_bytes(pick(rng, shapes), descr, pick(rng, ("False", "True", "1", "None"))) + b"\0" * 100
    return _pack({n: a for n, a in arrays.items() if n != name}, {f"{name}.npy": content})


BOMB_BYTES = 3 << 30  # of an array that is deflated to 3 MB


def _bomb(rng: Random, arrays: dict[str, np.ndarray], name: str) -> bytes:
    """Pack an array of 3 GiB of zeros, which really unpacks to them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(header_bytes(f"({BOMB_BYTES // 320}, 40, 2)")) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b"\0" * (1 << 22)) + packer.flush(zlib.Z_FULL_FLUSH)
    body = head + block * (BOMB_BYTES >> 22) + b"\x03\x00"
    told = pick(rng, (BOMB_BYTES + 128, 1000))  # the true size, or a lie
    member = f"{name}.npy".encode()
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0x21, 0, len(body), told, len(member), 0) + member
    rest = _pack({n: a for n, a in arrays.items() if n != name})
    with zipfile.ZipFile(io.BytesIO(rest)) as packed:
        start, count = packed.start_dir, len(packed.filelist)
    central = rest[start:]
    end = central.rindex(b"PK\5\6")
    entry = (
        struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0x21, 0, len(body), told, len(member), 0, 0, 0, 0, 0, start
        )
        + member
    )
    directory = central[:end] + entry
    tail = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, count + 1, count + 1, len(directory), start + len(local) + len(body), 0
    )
    return rest[:start] + local + body + directory + tail


def _twice(rng: Random, arrays: dict[str, np.ndarray], name: str) -> bytes:
    """Pack two arrays of one name."""
    import warnings

    file = io.BytesIO(_pack(arrays))
    with warnings.catch_warnings(), zipfile.ZipFile(file, "a") as packed:
        warnings.simplefilter("ignore")
        packed.writestr(pick(rng, (f"{name}.npy", name)), npy_bytes(mutate_array(rng, arrays[name])))
    return file.getvalue()


def _objects(rng: Random, arrays: dict[str, np.ndarray], name: str) -> bytes:
    return _pack({**arrays, name: np.array([{"a": 1}, None], dtype=object)})


def _odd_names(rng: Random, arrays: dict[str, np.ndarray], name: str) -> bytes:
    raw = {pick(rng, (name, "../x.npy", "/x.npy", "x/", "a.txt", f"{name}.npy.npy", "x" * 60_000)): rng.randbytes(50)}
    return _pack({n: a for n, a in arrays.items() if rng.random() < 0.9}, raw)


def _odd_packing(rng: Random, arrays: dict[str, np.ndarray], name: str) -> bytes:
    """Change what the zip file says of a member: how it is packed, encrypted, when, how large."""
    data = bytearray(_pack(arrays))
    starts = [at for at in range(len(data) - 4) if data[at : at + 4] in (b"PK\1\2", b"PK\3\4")]
    at = pick(rng, starts)
    shift = 2 if data[at : at + 4] == b"PK\1\2" else 0
    field = pick(rng, ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)))
    where = at + field[0] + shift
    data[where : where + field[1]] = pick(
        rng, (b"\xff" * field[1], b"\0" * field[1], b"\1" + b"\0" * (field[1] - 1), rng.randbytes(field[1]))
    )
    return bytes(data)
