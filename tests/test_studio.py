"""The studio: its files, its server, and its engine in JavaScript beside Python."""

import base64
import csv
import gzip
import hashlib
import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PROJECT, needs, tool

import phonolips
from phonolips.errors import InputError
from phonolips.model.bundle import PACKAGED
from phonolips.model.network import load_network
from phonolips.phones.inventory import PHONES
from phonolips.show.studio.site import (
    CONTENT_POLICY,
    LISTING,
    LOOPBACK,
    StudioServer,
    packaged_models,
    site_files,
    with_policy,
    write_site,
)
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.tts.speak import speak_words
from phonolips.synth.folder import read_result
from phonolips.synth.result import Result

SITE = PROJECT / "phonolips" / "show" / "studio" / "site"
WASM = "vendor/ort-wasm-simd-threaded.wasm"
LEAST_NODE = 20
SECONDS = 240


def node() -> str:
    """Return Node's command, or skip."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("no node here")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < LEAST_NODE:
        pytest.skip(f"node {version.strip()} here; the studio's tests need {LEAST_NODE}")
    return found


# ---------------------------------------------------------------- files


def test_the_tables_are_those_of_python():
    made = tool("tools/release/write_studio_tables").text()
    assert (SITE / "engine" / "tables.js").read_text() == made, "run python tools/release/write_studio_tables.py"


def test_what_came_from_npm_is_as_it_was_fetched():
    listed = (SITE / "vendor" / "README.md").read_text().splitlines()
    rows = [row.split("|")[1:-1] for row in listed if row.startswith("| `")]
    assert len(rows) == 5
    for name, _, _, size, checksum in ([cell.strip().strip("`") for cell in row] for row in rows):
        content = (SITE / "vendor" / name).read_bytes()
        assert f"{len(content):,}" == size
        assert hashlib.sha256(content).hexdigest() == checksum


def test_the_dictionary_says_what_python_says():
    from phonolips.speech.text.usual_words import usual_pronunciation

    data = json.loads(gzip.decompress((SITE / "engine" / "data" / "dictionary.bin").read_bytes()))
    assert data["phones"] == list(PHONES)
    words, last = {}, ""
    for line in data["words"].split("\n"):
        written, said = line.split("\t")
        last = last[: ord(written[0]) - 97] + written[1:]
        words[last] = tuple(PHONES[ord(sign) - 48] for sign in said)
    assert len(words) > 120_000
    some = [*list(words)[::1000], "google", "lost", "didn't", "'bout"]
    assert data["senses"]["lead"][0][0] == "".join(chr(48 + PHONES.index(phone)) for phone in ("L", "IY", "D"))
    assert {word: words[word] for word in some} == {word: usual_pronunciation(word) for word in some}


def test_the_modules_import_what_is_there():
    served = set(site_files())
    for path in served:
        if not path.startswith("engine/") or not path.endswith(".js"):
            continue
        folder = Path(path).parent
        for line in site_files()[path].content().decode().splitlines():
            if " from '" in line and line.startswith(("import", "export", "}")):
                name = line.rpartition(" from '")[2].rstrip("';")
                assert name.startswith("."), f"{path} imports {name}"
                target = (SITE / folder / name).resolve().relative_to(SITE.resolve()).as_posix()
                assert target in served, f"{path} imports {name}"


# ---------------------------------------------------------------- the server


@pytest.fixture(scope="module")
def server() -> Iterator[StudioServer]:
    with StudioServer(0) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def fetch(server: StudioServer, path: str, *, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(LOOPBACK, server.server_port, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/engine/index.js", "text/javascript; charset=utf-8"),
        ("/engine/shape_lips.js", "text/javascript; charset=utf-8"),
        ("/vendor/ort-wasm-simd-threaded.mjs", "text/javascript; charset=utf-8"),
        (f"/{WASM}", "application/wasm"),
        (f"/{LISTING}", "application/json"),
        ("/models/default/model.safetensors", "application/octet-stream"),
    ],
)
def test_files_have_their_types_and_a_strict_policy(server, path, kind):
    answer = fetch(server, f"{path}?v=1")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy


def test_webassembly_travels_compressed_where_that_is_understood(server):
    packed = fetch(server, f"/{WASM}", Accept_Encoding="gzip, br")
    assert packed.headers["Content-Encoding"] == "gzip"
    plain = fetch(server, f"/{WASM}")
    assert plain.headers["Content-Encoding"] is None
    assert gzip.decompress(packed.body) == plain.body
    assert plain.body.startswith(b"\0asm")
    head = fetch(server, f"/{WASM}", method="HEAD")
    assert head.body == b""
    assert int(head.headers["Content-Length"]) == len(plain.body)


def test_a_file_that_a_browser_has_is_not_sent_again(server):
    tag = fetch(server, f"/{LISTING}").headers["ETag"]
    again = fetch(server, f"/{LISTING}", If_None_Match=tag)
    assert (again.status, again.body) == (304, b"")
    assert fetch(server, f"/{LISTING}", If_None_Match='"other"').status == 200


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/engine", "/site.py", "/models/sync/model.json", "/%2e%2e/x"])
def test_nothing_else_is_served(server, path):
    assert fetch(server, path).status == 404


def test_another_name_that_leads_here_is_refused(server):
    assert fetch(server, f"/{LISTING}", Host="evil.example").status == 403
    assert fetch(server, f"/{LISTING}", Host=f"localhost:{server.server_port}").status == 200
    assert fetch(server, f"/{LISTING}", method="POST").status == 501


def test_a_port_that_is_taken_is_named(server):
    with pytest.raises(InputError, match=f"port {server.server_port} cannot be used"):
        StudioServer(server.server_port)


def test_the_command_serves_until_it_is_interrupted(server):
    command = [sys.executable, "-m", "phonolips", "studio", "--no-browser", "--port"]
    with subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(re.search(rf"http://{re.escape(LOOPBACK)}:(\d+)/", line)[1])
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
        connection.request("GET", f"/{LISTING}")
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    taken = subprocess.run([*command, str(server.server_port)], capture_output=True, text=True, check=False, timeout=60)
    assert taken.returncode == 1
    assert "choose another --port" in taken.stderr
    assert taken.stderr.count("\n") == 1


def test_the_listing_has_all_models_with_their_sizes(server):
    listing = json.loads(fetch(server, f"/{LISTING}").body)
    assert [model["name"] for model in listing["models"]] == [folder.name for folder in packaged_models()]
    assert listing["models"][0]["name"] == "default"
    for model in listing["models"]:
        for file, size in model["files"].items():
            assert len(fetch(server, f"/models/{model['name']}/{file}").body) == size
    assert listing["files"][WASM] == len(fetch(server, f"/{WASM}").body)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="no model that the studio computes"):
        site_files(tmp_path)


def test_the_site_is_written_for_any_host(tmp_path):
    written = write_site(tmp_path / "site")
    assert {file.relative_to(tmp_path / "site").as_posix() for file in written} == set(site_files())
    assert (tmp_path / "site" / WASM).read_bytes().startswith(b"\0asm")
    assert not list((tmp_path / "site").rglob("*.gz"))
    with pytest.raises(InputError, match="is a file"):
        write_site(tmp_path / "site" / WASM)


def test_a_page_without_a_policy_gets_it():
    page = with_policy(b"<!doctype html><html><head><title>t</title></head></html>").decode()
    assert f'content="{CONTENT_POLICY}"' in page
    assert page.index("Content-Security-Policy") < page.index("<title>")
    assert with_policy(page.encode()).decode() == page


# ---------------------------------------------------------------- the engine


def test_the_engine_makes_what_python_makes():
    tests = sorted(map(str, (PROJECT / "tests" / "studio").glob("*.test.mjs")))
    done = subprocess.run([node(), "--test", *tests], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@needs("train")
@pytest.mark.parametrize(
    ("kind", "representation", "int8"),
    [("convolution", "pca", False), ("attention", "heatmap", False), ("recurrent", "displacement", True)],
)
def test_models_of_other_kinds_and_with_less_look_ahead(tmp_path, monkeypatch, kind, representation, int8):
    import torch

    from phonolips.model import settings as sizes
    from phonolips.model.network import Description
    from phonolips.training import modules
    from phonolips.training.networks.network import TrainableNetwork

    monkeypatch.setattr(modules, "LARGE_TENSOR", 1)
    torch.manual_seed(1)
    settings = sizes.NetworkSettings(
        sizes.AudioEncoderSettings(channels=16, coarse_channels=24, coarse_dilations=[1, 2], look_ahead=6),
        sizes.DurationSettings(channels=8, layers=2),
        sizes.LipParameterSettings(names=["opening", "width"], channels=12, layers=2, look_ahead=2),
        sizes.DecoderSettings(kind=kind, latent=8, speaker=6, channels=16, hidden=20, look_ahead=3),
        sizes.LipsSettings(representation=representation, components=7),
        voice_activity=sizes.VoiceActivitySettings(channels=8, dilations=[1, 2]),
    )
    trainable = TrainableNetwork(Description(settings, ["mean", "s1"])).eval().requires_grad_(False)
    trainable.speakers.embedding.weight.normal_()
    trainable.save(tmp_path / "model", int8=int8)
    sound = (0.1 * np.random.default_rng(1).standard_normal(40_000)).astype("<f4")
    (tmp_path / "sound.f32").write_bytes(sound.tobytes())
    script, model = PROJECT / "tests" / "studio" / "lips.mjs", tmp_path / "model"
    command = [node(), str(script), str(model), str(tmp_path / "sound.f32"), str(tmp_path / "lips.f32")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    network = load_network(model)
    wanted = phonolips.from_audio(sound, network=network, speaker="s1").lips
    delay = phonolips.Stream(network=network, speaker="s1").delay_seconds
    found = np.fromfile(tmp_path / "lips.f32", "<f4").reshape(wanted.shape)
    assert np.abs(found - wanted).max() < 1e-5 * max(1, np.abs(wanted).max())
    assert float(done.stdout) == pytest.approx(delay)


@pytest.mark.parametrize("name", ["low-delay", "low-delay-80"])
def test_live_lips_of_low_delay_are_those_of_python(tmp_path, name):
    sound = speak_words(text_to_phones("maybe five people move up")).waveform.astype(np.float32)
    (tmp_path / "sound.f32").write_bytes(sound.astype("<f4").tobytes())
    script = PROJECT / "tests" / "studio" / "lips.mjs"
    out = [str(tmp_path / file) for file in ("sound.f32", "lips.f32", "live.f32")]
    command = [node(), str(script), str(PACKAGED / name), *out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    stream = phonolips.Stream(network=load_network(name), speaker="s1")
    assert float(done.stdout) == pytest.approx(stream.delay_seconds)
    made = [stream.push(sound[first : first + 640]).lips for first in range(0, len(sound), 640)]
    wanted = np.concatenate([*made, stream.close().lips])
    found = np.fromfile(tmp_path / "live.f32", "<f4").reshape(wanted.shape)
    assert np.abs(found - wanted).max() < 1e-5


@pytest.fixture(scope="module")
def made() -> Result:
    return phonolips.from_text("Five people move up, maybe forty; we do.", speaker="s1", fps=30)


@pytest.fixture(scope="module")
def through_node(made, tmp_path_factory) -> tuple[Path, Path]:
    """A run of Python's zipped, and the folder of what the engine made of it."""
    folder = tmp_path_factory.mktemp("studio")
    waveform = np.round(0.1 * np.sin(np.arange(round(made.seconds * 16_000)) / 20) * 32768) / 32768
    result = phonolips.from_alignment(made.alignment, waveform=waveform.astype(np.float32), speaker="s1", fps=30)
    result.save(folder / "run", pictures=False, speech=True)
    packed = shutil.make_archive(str(folder / "run"), "zip", folder, "run")
    done = subprocess.run(
        [node(), str(PROJECT / "tests" / "studio" / "run.mjs"), packed, str(folder / "made"), "0"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "run", folder / "made"


@pytest.fixture(scope="module")
def exported(through_node, tmp_path_factory) -> Path:
    """All formats as Python writes them."""
    folder = tmp_path_factory.mktemp("exported")
    read_result(through_node[0]).export("all", folder)
    return folder


def test_a_run_goes_there_and_back(through_node, made, tmp_path):
    run, back = through_node
    with zipfile.ZipFile(back / "run.zip") as archive:
        archive.extractall(tmp_path)
    first, second = read_result(run), read_result(tmp_path)
    assert np.array_equal(first.lips, second.lips)
    assert np.array_equal(first.posteriors, second.posteriors)
    assert np.array_equal(first.lip_parameters, second.lip_parameters)
    assert first.alignment == second.alignment
    assert first.lip_parameter_names == second.lip_parameter_names
    assert (first.fps, first.speaker, first.timing) == (second.fps, second.speaker, second.timing)
    assert np.array_equal(first.waveform, second.waveform)
    made.save(tmp_path, pictures=False)  # a next run takes the place of what the studio listed
    assert not (tmp_path / "speech.wav").exists()


def numbers_in(value: Any) -> Any:
    """Split JSON into what is not a number, and its numbers."""
    found: list[float] = []

    def walk(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: walk(inner) for name, inner in part.items()}
        if isinstance(part, list):
            return [walk(inner) for inner in part]
        if isinstance(part, int | float) and not isinstance(part, bool):
            found.append(float(part))
            return None
        return part

    return walk(value), np.array(found)


@pytest.mark.parametrize(
    ("file", "off"),
    [
        ("rhubarb.json", 0),
        ("visemes-oculus.json", 0.0011),  # thousandths, of which one may go to another viseme
        ("visemes.json", 0.0011),
        ("arkit.json", 2e-4),  # least squares stop where a step is below 1e-5
        ("phones.json", 1.1e-5),
    ],
)
def test_json_exports_equal_those_of_python(through_node, exported, file, off):
    made = through_node[1]
    wanted, found = (json.loads((folder / file).read_text()) for folder in (exported, made))
    for named in (wanted, found):  # a page knows no path of its sound
        named.get("metadata", named).update(dict.fromkeys(("soundFile", "sound", "trackPath")))
    wanted_texts, wanted_numbers = numbers_in(wanted)
    texts, numbers = numbers_in(found)
    assert texts == wanted_texts
    assert np.abs(numbers - wanted_numbers).max() <= off


@pytest.mark.parametrize("file", ["rhubarb.tsv", "rhubarb.dat", "subtitles.srt", "words.srt"])
def test_text_exports_equal_those_of_python(through_node, exported, file):
    made = through_node[1]
    assert (made / file).read_text() == (exported / file).read_text()


@pytest.mark.parametrize(("file", "off"), [("arkit.csv", 2e-4), ("lips.csv", 1.1e-5)])
def test_tables_equal_those_of_python(through_node, exported, file, off):
    made = through_node[1]
    wanted, found = (list(csv.reader((folder / file).read_text().splitlines())) for folder in (exported, made))
    assert found[0] == wanted[0]
    assert len(found) == len(wanted)
    for row, wanted_row in zip(found[1:], wanted[1:], strict=True):
        for cell, wanted_cell in zip(row, wanted_row, strict=True):
            same = cell == wanted_cell
            assert same or abs(float(cell) - float(wanted_cell)) <= off


def test_the_textgrid_equals_that_of_python(through_node, exported):
    from praatio import textgrid

    made = through_node[1]
    wanted, found = (textgrid.openTextgrid(str(folder / "tiers.TextGrid"), True) for folder in (exported, made))
    assert found.tierNames == wanted.tierNames
    for name in wanted.tierNames:
        assert [tuple(entry) for entry in found.getTier(name).entries] == [
            tuple(entry) for entry in wanted.getTier(name).entries
        ]


def test_the_mesh_follows_the_lips_as_that_of_python_does(through_node, exported):
    made = through_node[1]
    wanted, found = (json.loads((folder / "lips.gltf").read_text()) for folder in (exported, made))
    extras, wanted_extras = found["asset"].pop("extras"), wanted["asset"].pop("extras")
    assert extras["rms_error"] == pytest.approx(wanted_extras["rms_error"], abs=2e-6)
    keys = ("count", "type", "componentType")
    accessors, wanted_accessors = (
        [[accessor[key] for key in keys] for accessor in document["accessors"]] for document in (found, wanted)
    )
    assert accessors == wanted_accessors
    still = len(wanted["accessors"]) - 2  # the animation's own are last; before them comes what does not move
    for document in (wanted, found):
        data = document["buffers"][0].pop("uri").partition(",")[2]
        document["bytes"] = np.frombuffer(base64.b64decode(data), np.uint8)

    def read(document: Any, index: int) -> np.ndarray:
        view = document["bufferViews"][index]
        part = document["bytes"][view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        return part.view(np.uint16 if document["accessors"][index]["componentType"] == 5123 else np.float32)

    for index in (*range(2, 3), *range(still - 6, still)):
        assert np.allclose(read(found, index), read(wanted, index), atol=1e-5)
