"""run.sh: its options, stages, done-markers and failures; and fetch.py against a server that misbehaves."""

import hashlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from phonolips.errors import CorpusError

PROJECT = Path(__file__).resolve().parents[1]
RUN = PROJECT / "recipes" / "grid" / "run.sh"
FAKE_PHONOLIPS = """#!/usr/bin/env bash
echo "$*" >> "$CALLS"
case "$*" in *"${FAIL_ON:-nothing}"*) exit 7 ;; esac
"""


class Recipe:
    """run.sh with a `phonolips` on PATH that only writes down how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "my grid"
        (self.data / "s1").mkdir(parents=True)
        (self.data / "s1" / "bbaf2n.mpg").write_bytes(b"video")
        self.exp = folder / "exp" / "first"
        tools = folder / "bin"
        tools.mkdir()
        (tools / "phonolips").write_text(FAKE_PHONOLIPS)
        (tools / "phonolips").chmod(0o755)
        (tools / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (tools / "python").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}

    def run(
        self, *options: str, fail_on: str = "nothing at all", script: Path = RUN
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", script, *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={**self.environment, "FAIL_ON": fail_on},
            timeout=60,
        )

    def run_here(self, *options: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        return self.run("--data", "my grid", "--exp", "first", "--exp-root", "exp", *options, **settings)

    def calls(self) -> list[str]:
        """Return the calls since the last time."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def done(self) -> list[str]:
        return sorted(path.name for path in (self.exp / ".done").glob("*"))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return Recipe(tmp_path)


def test_scripts_are_valid_and_short() -> None:
    for script in (RUN, PROJECT / "recipes" / "common" / "parse_options.sh"):
        assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
        assert len(script.read_text().splitlines()) < 150


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bogus", "1"], "unknown option --bogus"),
        (["--stag", "1"], "unknown option --stag"),
        (["--exp-roo=x"], "unknown option --exp-roo"),
        (["--PATH", "/tmp"], "unknown option --PATH"),
        (["--usage", "x"], "unknown option --usage"),
        (["--data"], "option --data needs a value"),
        (["--data", "--exp"], "option --data needs a value; found the option --exp"),
        (["--force", "yes"], "option --force is 'yes'; expected true or false"),
        (["--download="], "option --download is ''; expected true or false"),
        (["--stage", "two"], "option --stage is 'two'; expected a whole number"),
        (["--jobs=-1"], "option --jobs is '-1'; expected a whole number"),
        (["grid"], "unexpected argument 'grid'"),
        ([], "--data is missing"),
        (["--data", "x"], "--exp is missing"),
        (["--data", "x", "--exp", "a/b"], "expected a name without a slash"),
        (["--data", "x", "--exp", "a", "--stage", "3", "--stop-stage", "2"], "--stage 3 comes after --stop-stage 2"),
        (["--data", "x", "--exp", "a", "--stop-stage", "10"], "the last stage is 9"),
        (["--data", "x", "--exp", "a", "--config", "none.yaml"], "--config none.yaml: no such file"),
        (["--data", "x", "--exp", "a", "--alignments", "none"], "none: no such folder"),
        (["--data", "x", "--exp", "a", "--device", "gpu"], "expected cpu or cuda"),
        (["--data", "x", "--exp", "a", "--jobs", "0"], "expected at least 1"),
    ],
)
def test_mistakes_end_before_anything_is_done(recipe: Recipe, options: list[str], message: str) -> None:
    result = recipe.run(*options)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert recipe.calls() == []
    assert not (PROJECT / "exp" / "a").exists()


def test_help_names_every_option(recipe: Recipe) -> None:
    result = recipe.run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    for option in ("data", "exp", "exp-root", "stage", "stop-stage", "force", "config", "jobs", "alignments"):
        assert f"--{option} " in result.stdout
    assert recipe.run("--data", "x", "-h").returncode == 0


def test_whole_run_calls_the_command_line(recipe: Recipe) -> None:
    for folder in ("mfa", "libri", "libri mfa"):
        (recipe.folder / folder).mkdir()
    (recipe.folder / "x.yaml").touch()
    result = recipe.run_here(
        "--jobs=3", "--alignments", "mfa", "--librispeech", "libri", "--librispeech-alignments=libri mfa",
        "--config", "x.yaml", "--device", "cpu", "--", "lips.epochs=3", "encoder.epochs=1",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    data, model = "exp/first/data", "exp/first/model"
    training = f"--data {data} --out {model} --config x.yaml --device cpu lips.epochs=3 encoder.epochs=1"
    evaluation = f"evaluate --data {data} --model {model}/network --out exp/first/results --step"
    splits, workers = RUN.parent / "splits", "--jobs 3 --backend local"
    assert recipe.calls() == [
        "info",
        f"prepare --step records --out {data} --data my grid --splits {splits} --librispeech libri --corpus grid",
        f"prepare --step lips --out {data} {workers}",
        f"prepare --step align --out {data} {workers} --alignments mfa --librispeech-alignments libri mfa",
        f"prepare --step features --out {data} {workers} --sync",
        f"check-data {data}",
        f"train encoder {training}",
        f"train durations {training}",
        f"train lips {training}",
        f"train activity {training}",
        f"{evaluation} synthesise",
        f"{evaluation} score",
        f"{evaluation} plots",
    ]
    assert recipe.done() == list("0123456789")
    assert "my grid: 1 clips (s1 1), 0 alignments" in result.stdout
    pattern = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(grid/run\.sh\) stage 2: track"
    assert any(re.match(pattern, line) for line in result.stdout.splitlines())


@pytest.mark.parametrize("option", ["--ears", "--encoder"])
def test_the_old_name_of_an_option_warns(recipe: Recipe, option: str) -> None:
    (recipe.folder / "model").mkdir()
    script = PROJECT / "recipes" / "lrw" / "run.sh"
    options = [option, "model", "--stage", "3", "--stop-stage", "3"]
    result = recipe.run_here(*options, script=script)
    assert result.returncode == 0, result.stderr
    assert [call.partition("--backend local ")[2] for call in recipe.calls()] == ["--encoder model"]
    warning = "run.sh: --ears is called --encoder now; the next release drops the old name\n"
    assert result.stderr == (warning if option == "--ears" else "")
    assert "unknown option --ears" in recipe.run_here(*options[:2]).stderr or option == "--encoder"


def test_done_stages_are_skipped_and_missing_markers_redone(recipe: Recipe) -> None:
    assert recipe.run_here("--stage", "1", "--stop-stage", "3").returncode == 0
    assert [call.split(" --out")[0].split(" --corpus")[0] for call in recipe.calls()] == [
        "prepare --step records",
        "prepare --step lips",
        "prepare --step align",
    ]
    assert recipe.done() == ["1", "2", "3"]
    (recipe.exp / ".done" / "2").unlink()
    result = recipe.run_here("--stage", "1", "--stop-stage", "3")
    assert "stage 1: done already" in result.stdout
    assert [call.split()[2] for call in recipe.calls()] == ["lips"]
    assert recipe.run_here("--stage", "2", "--stop-stage", "3", "--force", "true").returncode == 0
    assert [call.split()[2] for call in recipe.calls()] == ["lips", "align"]


def test_failing_stage_stops_the_run(recipe: Recipe) -> None:
    result = recipe.run_here("--stage", "5", fail_on="train durations")
    assert result.returncode == 7
    assert [call.split()[1] for call in recipe.calls()] == ["encoder", "durations"]
    assert recipe.done() == ["5"]
    assert "stage 6 failed with exit code 7" in result.stderr
    result = recipe.run_here("--stage", "5")
    assert result.returncode == 0
    assert [call.split()[1] for call in recipe.calls()][:2] == ["durations", "lips"]


def test_forced_stage_that_fails_loses_its_marker(recipe: Recipe) -> None:
    assert recipe.run_here("--stage", "4", "--stop-stage", "4").returncode == 0
    assert recipe.run_here("--stage", "4", "--stop-stage", "4", "--force", "true", fail_on="check-data").returncode == 7
    assert recipe.done() == []


def test_missing_data_stops_at_stage_0(recipe: Recipe) -> None:
    result = recipe.run("--data", "nothing here", "--exp", "first", "--exp-root", "exp")
    assert result.returncode == 1
    assert "fetch.py: nothing here: no GRID clips here; fetch s1.zip" in result.stderr
    assert recipe.calls() == ["info"]


class Server(ThreadingHTTPServer):
    """A stand-in for Zenodo: three archives, of which it cuts the first answers short."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts = 0  # answers still to be cut in the middle
        self.ranges = True  # whether Range is understood
        self.requests: list[tuple[str, str | None]] = []
        self.wrong_checksum = False
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.strip("/")
        if name == "record":
            checksum = "0" * 32 if self.server.wrong_checksum else None
            files = [
                {
                    "key": key,
                    "size": len(body),
                    "checksum": f"md5:{checksum or hashlib.md5(body).hexdigest()}",
                    "links": {"self": f"{self.server.address}/{key}"},
                }
                for key, body in self.server.files.items()
            ]
            return self.answer(200, json.dumps({"files": files}).encode())
        self.server.requests.append((name, self.headers.get("Range")))
        if name not in self.server.files:
            return self.send_error(404)
        body, start = self.server.files[name], 0
        if self.server.ranges and self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        return self.answer(206 if start else 200, body[start:], start)

    def answer(self, status: int, body: bytes, start: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{start + len(body)}")
        self.end_headers()
        if self.server.cuts and not self.path.endswith("record"):
            self.server.cuts -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def archive(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, os.urandom(3000))
    return buffer.getvalue()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        running.files = {
            "s1.zip": archive(["s1/bbaf2n.mpg", "s1/bbaf3s.mpg"]),
            "alignments.zip": archive(["alignments/s1/bbaf2n.align"]),
        }
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def fetch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch", RUN.parent / "fetch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_download_unpacks_and_leaves_what_is_there(fetch: ModuleType, server: Server, tmp_path: Path) -> None:
    record = f"{server.address}/record"
    options = ["--data", str(tmp_path), "--download", "--speakers", "s1", "--record", record]
    assert fetch.main(options) == 0
    assert fetch.check(tmp_path) == f"{tmp_path}: 2 clips (s1 2), 1 alignments"
    assert list((tmp_path / ".download").iterdir()) == []
    server.requests.clear()
    assert fetch.main(options) == 0
    assert server.requests == []


def test_download_goes_on_after_cuts(fetch: ModuleType, server: Server, tmp_path: Path) -> None:
    server.cuts = 2
    fetch.download(tmp_path, ["s1"], record=f"{server.address}/record")
    size = len(server.files["s1.zip"])
    assert server.requests[:3] == [
        ("s1.zip", None),
        ("s1.zip", f"bytes={size // 2}-"),
        ("s1.zip", f"bytes={size // 2 + (size - size // 2) // 2}-"),
    ]
    assert (tmp_path / "s1" / "bbaf2n.mpg").stat().st_size == 3000


def test_download_goes_on_in_the_next_run(fetch: ModuleType, server: Server, tmp_path: Path) -> None:
    body = server.files["s1.zip"]
    target = tmp_path / "s1.zip"
    settings = {"size": len(body), "md5": hashlib.md5(body).hexdigest()}
    server.cuts = fetch.ATTEMPTS
    with pytest.raises(CorpusError, match=r"of \d+ bytes fetched .* run the command again to go on"):
        fetch.fetch_file(f"{server.address}/s1.zip", target, **settings)
    assert not target.exists()
    fetch.fetch_file(f"{server.address}/s1.zip", target, **settings)
    assert target.read_bytes() == body
    assert server.requests[-1][1] is not None


def test_server_without_ranges_starts_anew(fetch: ModuleType, server: Server, tmp_path: Path) -> None:
    server.cuts, server.ranges = 1, False
    fetch.download(tmp_path, ["s1"], record=f"{server.address}/record")
    assert (tmp_path / "s1" / "bbaf3s.mpg").stat().st_size == 3000


def test_wrong_checksum_is_refused(
    fetch: ModuleType, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.wrong_checksum = True
    options = ["--data", str(tmp_path), "--download", "--speakers", "s1", "--record", f"{server.address}/record"]
    assert fetch.main(options) == 1
    message = capsys.readouterr().err
    assert "wrong checksum" in message
    assert message.count("\n") == 1
    assert not (tmp_path / "s1").exists()
    assert list((tmp_path / ".download").iterdir()) == []


def test_faulty_archives_leave_nothing_half_unpacked(fetch: ModuleType, server: Server, tmp_path: Path) -> None:
    server.files["s1.zip"] = b"not a zip" * 50
    with pytest.raises(CorpusError, match="not a zip file"):
        fetch.download(tmp_path / "a", ["s1"], record=f"{server.address}/record")
    with pytest.raises(CorpusError, match="holds no folder 's1'; found other"):
        fetch.unpack(_write(tmp_path / "b.zip", archive(["other/x.mpg"])), tmp_path / "s1")
    assert not (tmp_path / "s1").exists()
    assert not (tmp_path / "b.unpacking").exists()


def _write(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def test_unreachable_or_foreign_record(fetch: ModuleType, server: Server, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"cannot be reached .*zenodo\.org/records/3625687"):
        fetch.download(tmp_path, ["s1"], record="http://127.0.0.1:9/record")
    with pytest.raises(CorpusError, match=r"has no s2\.zip"):
        fetch.download(tmp_path, ["s2"], record=f"{server.address}/record")
    server.files["s1.zip"] = b"{}"
    with pytest.raises(CorpusError, match="not the list of files"):
        fetch.read_file_list(f"{server.address}/s1.zip")
    with pytest.raises(CorpusError, match="the server answers 404"):
        fetch.fetch_file(f"{server.address}/none.zip", tmp_path / "none.zip", size=9, md5="")
