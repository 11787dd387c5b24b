"""`phonolips live` as a user meets it: what it prints, how it ends, and one line for whatever is wrong."""

import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import phonolips
from phonolips.live.frame import LiveFrame
from phonolips.live.meter import BAR_CELLS, WIDEST, Meter
from phonolips.live.run import DEFAULT_MODEL
from phonolips.live.statistics import Statistics
from phonolips.model.network import load_network

COMMAND = [sys.executable, "-m", "phonolips", "live"]


def samples(seconds: float) -> bytes:
    """Return noise that comes and goes, as 16-bit samples at 16 kHz."""
    rng, ticks = np.random.default_rng(0), np.arange(round(seconds * 16_000)) / 16_000
    return (3000 * rng.normal(0, 1, len(ticks)) * (np.sin(9 * ticks) > 0)).astype("<i2").tobytes()


def lines_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_raw_samples_become_lines_of_the_same_lips(tmp_path):
    data, stats = samples(1.7), tmp_path / "stats.json"
    words = [*COMMAND, "--from", "-", "--stats", stats, "--fps", "30"]
    done = subprocess.run(words, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    head, *frames = lines_of(done.stdout.decode())
    assert (head["fps"], head["speaker"]) == (30, "mean")
    stream = phonolips.Stream(fps=30, network=load_network(DEFAULT_MODEL))
    assert head["delay_seconds"] == pytest.approx(stream.delay_seconds, abs=1e-5)
    sound = np.frombuffer(data, "<i2").astype(np.float32) / 32768
    whole = [stream.push(sound), stream.close()]
    np.testing.assert_allclose(
        [frame["lips"] for frame in frames], np.concatenate([part.lips for part in whole]), atol=1e-5
    )
    assert [each["phone"] for frame in frames for each in frame["phones"]] == [
        phone.label for part in whole for phone in part.phones
    ]
    found = json.loads(stats.read_text())
    assert found["frames"] == found["sinks"]["json"]["sent"] == len(frames) == 51
    assert found["sound_seconds"] == 1.7
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("1.7 s of sound, 51 frames, 0 dropped, delay p50 ")


def test_a_file_goes_to_several_sinks(tmp_path, command):
    import soundfile

    sound, out = tmp_path / "a.wav", tmp_path / "out.jsonl"
    soundfile.write(sound, np.frombuffer(samples(1.0), "<i2"), 16_000)
    code, printed, err = command(
        *("live", "--from", sound, "--no-paced", "--to", f"json:{out}", "--to", "json", "--seconds", 0.4)
    )
    assert code == 0, err
    assert out.read_text() == printed
    assert len(printed.splitlines()) == 11


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(tmp_path, number):
    out, stats = tmp_path / "out.jsonl", tmp_path / "stats.json"
    words = [*COMMAND, "--from", "-", "--to", f"json:{out}", "--stats", stats]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(samples(4.0))
        process.stdin.flush()
        late = time.monotonic() + 60
        while not (out.is_file() and out.read_bytes().count(b"\n") > 5) and time.monotonic() < late:
            time.sleep(0.05)
        process.send_signal(number)
        error = process.stderr.read().decode()
        assert process.wait(10) == 0, error
    frames, found = lines_of(out.read_text())[1:], json.loads(stats.read_text())
    # those that were waiting for the sound that follows are made, too; some of it may not have left the pipe
    assert 20 < len(frames) == found["frames"] == math.ceil(found["sound_seconds"] * 25 - 1e-6) <= 100
    (line,) = error.splitlines()
    assert f" s of sound, {len(frames)} frames, 0 dropped" in line


def test_it_ends_when_nobody_reads_any_more():
    words = f"{' '.join(COMMAND)} --from - | head -n 2"
    with subprocess.Popen(
        ["bash", "-o", "pipefail", "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            for _ in range(200):
                process.stdin.write(samples(1.0))
        except BrokenPipeError:
            pass
        assert process.wait(30) == 141
        assert len(process.stdout.read().splitlines()) == 2
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--from", "none.wav"], "none.wav: no such file; give a sound or video file"),
        (["--from", "-", "--to", "jsno"], "--to 'jsno'; expected one of json, "),
        (["--from", "a.wav", "--rate", 8000], "--rate goes with --from mic or -, not with a.wav; leave it out"),
        (["--from", "-", "--device", 3], "--device goes with --from mic, not with -; leave it out"),
        (["--from", "-", "--no-paced"], "--paced goes with --from a file, not with -; leave it out"),
        (["--from", "-", "--sample-format", "u8"], "--sample-format 'u8'; expected s16le or f32le"),
        (["--from", "-", "--seconds", 0], "--seconds 0"),
        (["--from", "-", "--fps", 0], "--fps "),
        (["--from", "-", "--rest", "open"], "--rest is 'open'; expected shut or natural"),
        (["--from", "-", "--model", "none"], "none: no such model folder"),
        (["--from", "-", "--stats", "none/a.json"], "--stats none/a.json: there is no folder none; make it first"),
        (["--from", "-", "--to", "json:none/a.jsonl"], "none/a.jsonl: No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_one_line(command, tmp_path, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "isatty", lambda number: False)
    monkeypatch.setattr("phonolips.live.sources.os.fstat", lambda number: os.stat(tmp_path / "pipe"))
    Path("pipe").touch()
    code, out, err = command("live", *words)
    assert code == 1
    assert not out
    (only,) = err.splitlines()
    assert line in only


@pytest.mark.parametrize("words", [["--devices"], ["--from", "mic"], ["--from", "-", "--to", "websocket"]])
def test_a_missing_package_is_one_line(command, monkeypatch, tmp_path, words):
    import importlib.util

    find = importlib.util.find_spec
    hidden = ("sounddevice", "websockets")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in hidden else find(name))
    with (tmp_path / "pipe").open("wb+") as file:
        monkeypatch.setattr("phonolips.live.run.PipeSource", lambda **_: file)
        code, out, err = command("live", *words)
    assert code == 1
    (line,) = err.splitlines()
    assert line.endswith("needs sounddevice; install it with: pip install 'phonolips[live]'")


def test_the_name_of_a_packaged_model_is_enough_unless_a_folder_is_called_so(tmp_path, monkeypatch):
    from phonolips.model.bundle import PACKAGED, find_model

    monkeypatch.chdir(tmp_path)
    assert find_model(None) is None
    assert find_model("default") == PACKAGED / "default"
    assert find_model("./default") == Path("default") == Path("./default")
    assert find_model("sync/x") == Path("sync/x")
    assert find_model("none") == Path("none")
    Path("default").mkdir()
    assert find_model("default") == Path("default")


def frame_of(mean_lip, time, scale=1.0, phone=None):
    """A frame of a mouth that is `scale` times as tall."""
    posteriors = np.zeros((0, 40), np.float32) if phone is None else np.eye(40, dtype=np.float32)[[phone] * 4]
    lips = (mean_lip * [1, scale]).astype(np.float32)
    return LiveFrame(int(25 * time), time, lips, 25.0, (), posteriors, np.zeros(3, np.float32))


class Terminal(io.StringIO):
    encoding = "utf-8"


def test_the_meter_shows_opening_phone_delay_and_losses():
    from phonolips.lips.measures import opening
    from phonolips.phones.inventory import PHONE_IDS

    mean_lip = load_network().lip_speaker(None).mean_lip
    statistics, terminal = Statistics(), Terminal()
    sink = statistics.sink("meter")
    meter = Meter(terminal, statistics)
    half = WIDEST / 2 / float(opening(mean_lip))
    meter.send(frame_of(mean_lip, 0.02, half, PHONE_IDS["AA"]))
    sink.delay.add(0.1504)
    sink.dropped = 2
    statistics.skipped_blocks, statistics.skipped_seconds = 3, 0.03
    meter.send(frame_of(mean_lip, 0.06, 0))  # too soon to be drawn
    meter.send(frame_of(mean_lip, 0.14, 0))
    meter.close()
    first, second = terminal.getvalue().removesuffix("\n").split("\r")[1:]
    assert first.startswith(f"     0.0 s  |{'█' * (BAR_CELLS // 2)}{' ' * (BAR_CELLS // 2)}|  AA ")
    assert second == f"     0.1 s  |{' ' * BAR_CELLS}|  AA   delay 151 ms, p99 151  dropped 2  skipped 0.0 s\x1b[K"


def test_the_meter_is_drawn_in_ascii_where_nothing_else_is_there():
    mean_lip = load_network().lip_speaker(None).mean_lip
    plain = Terminal()
    plain.encoding = "ascii"
    Meter(plain).send(frame_of(mean_lip, 0.02, 100))
    assert plain.getvalue() == f"\r     0.0 s  |{'#' * BAR_CELLS}|  sil\x1b[K"
    assert plain.getvalue().isascii()
