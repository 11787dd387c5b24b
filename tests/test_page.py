"""The page of a run: its numbers, its sound, and what a real browser does with it."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import as_result

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.measures import opening
from phonolips.lips.points import IBUG20, to_ibug20
from phonolips.media.audio import AAC_BIT_RATE
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONES
from phonolips.phones.textgrid import write_textgrid
from phonolips.show import pictures
from phonolips.show.page import page
from phonolips.synth.folder import Layer, read_result
from phonolips.synth.result import Result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SPOKEN = (("sil", 0.4), ("M", 0.2), ("AA", 0.6), ("P", 0.2), ("IY", 0.4), ("sil", 0.2))  # 2 s


def mouth(openings: np.ndarray) -> np.ndarray:
    """Make lips (frames, 40, 2) of given inner-lip heights."""
    lips = np.zeros((len(openings), 40, 2), np.float32)
    for first, (wide, high) in ((0, (0.4, 0.12)), (20, (0.3, 0.0))):
        angles = np.pi + 2 * np.pi * np.arange(20) / 20
        lips[:, first : first + 20, 0] = wide * np.cos(angles)
        lips[:, first : first + 20, 1] = np.sin(angles) * (high + openings[:, None] / 2)
    return lips


@pytest.fixture
def run(tmp_path: Path) -> Result:
    """A run of 2 s at 50 frames a second with all that may stand beside it, open in AA and IY, shut in M and P."""
    edges = np.cumsum([0.0, *(length for _, length in SPOKEN)]).round(3).tolist()
    phones = tuple(
        Interval(label, start, end) for (label, _), start, end in zip(SPOKEN, edges[:-1], edges[1:], strict=True)
    )
    words = (
        Interval("", 0.0, 0.4),
        Interval("</script><b>ma", 0.4, 1.2),
        Interval("pea", 1.2, 1.8),
        Interval("", 1.8, 2.0),
    )
    alignment = Alignment(words, phones, 2.0, tuple(np.linspace(0.4, 1, len(phones)).tolist()))
    times = (np.arange(100) + 0.5) / 50
    openings = np.where((times > 0.6) & (times < 1.2), 0.25, np.where((times > 1.4) & (times < 1.8), 0.1, 0.0))
    posteriors = np.full((200, 40), 0.05 / 39, np.float32)
    posteriors[np.arange(200), alignment.labels(200)] = 0.95
    lip_parameters = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    sound = tmp_path / "speech.wav"
    write_tone(sound)
    layer = Layer(posteriors, lip_parameters, ("opening", "width", "height"))
    return as_result(tmp_path / "lips.npz", mouth(openings), 50.0, "mediapipe40", alignment, layer, sound)


def write_tone(path: Path) -> None:
    """Write 1.5 s at 16 kHz: silence, then from 1 s on a tone."""
    import soundfile

    times = np.arange(24_000) / 16_000
    soundfile.write(path, np.where(times >= 1, 0.5 * np.sin(2 * np.pi * 440 * times), 0), 16_000)


class Reader(HTMLParser):
    """Collects what a page holds: its tags with attributes, and the text of its data and title."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") or tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.texts[self._inside] = self.texts.get(self._inside, "") + data


def read_page(path: Path) -> tuple[Reader, dict[str, Any]]:
    reader = Reader(path.read_text(encoding="utf-8"))
    return reader, json.loads(reader.texts["data"])


def unpack(packed: dict[str, Any]) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(packed["int16"]), "<i2").astype(float) * packed["unit"]
    return values.reshape(packed["shape"])


def test_the_numbers_of_a_page_are_those_of_the_run(run: Result, tmp_path: Path) -> None:
    reader, data = read_page(page.write_page(run, tmp_path / "new" / "page.html"))
    assert np.abs(unpack(data["lips"]) - run.lips).max() <= 0.5001 * data["lips"]["unit"]
    assert data["lips"]["unit"] == page.LIP_UNIT
    assert run.posteriors is not None
    assert run.lip_parameters is not None
    assert run.alignment is not None
    assert np.abs(unpack(data["lip_parameters"]) - run.lip_parameters).max() <= 0.5001 * data["lip_parameters"]["unit"]
    posteriors = np.frombuffer(base64.b64decode(data["posteriors"]["uint8"]), np.uint8).reshape(200, 40) / 255
    assert np.abs(posteriors - run.posteriors).max() <= 0.5001 / 255
    assert data["phoneNames"] == list(PHONES)
    assert [row[:3] for row in data["phones"]] == [list(interval) for interval in run.alignment.phones]
    assert [row[0] for row in data["words"]] == ["</script><b>ma", "pea"]
    assert [names for _, names in data["posteriors"]["groups"]] == [["sil"], ["M", "P"], ["AA"], ["IY"]]
    assert reader.texts["h1"] == "</script><b>ma pea"
    assert (data["seconds"], data["fps"]) == (2.0, 50.0)


def test_nothing_in_a_page_points_elsewhere(run: Result, tmp_path: Path) -> None:
    reader, _ = read_page(page.write_page(run, tmp_path / "page.html"))
    links = [value for _, attributes in reader.tags for name, value in attributes.items() if name in ("src", "href")]
    assert links == ["data:,"]
    policy = next(a["content"] for t, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    buttons = [attributes for tag, attributes in reader.tags if tag == "button"]
    assert len(buttons) == 9
    assert [tag for tag, _ in reader.tags].count("script") == 2


def test_the_sound_of_a_page_is_in_step_and_as_long_as_the_lips(run: Result, tmp_path: Path) -> None:
    from phonolips.media.audio import read

    _, data = read_page(page.write_page(run, tmp_path / "page.html"))
    sound = base64.b64decode(data["sound"]["base64"])
    (tmp_path / "sound.m4a").write_bytes(sound)
    decoded = read(tmp_path / "sound.m4a")
    assert abs(len(decoded) - 32_000) <= 1024
    assert abs(int(np.argmax(np.abs(decoded) > 0.1)) / 16_000 - 1.0) < 0.012
    assert np.abs(decoded[25_000:]).max() < 0.01
    wave = np.frombuffer(base64.b64decode(data["wave"]["int8"]), np.int8).reshape(-1, 2)
    assert len(wave) == 800
    assert np.argmax(wave[:, 1] > 20) == 400
    assert len(sound) < 2 * AAC_BIT_RATE / 8 + 4000


def test_a_page_of_lips_alone_and_in_the_other_layout(run: Result, tmp_path: Path) -> None:
    bare = as_result(tmp_path / "a" / "lips.npz", to_ibug20(run.lips), 50.0, "ibug20", None, None, None)
    reader, data = read_page(page.write_page(bare, tmp_path / "page.htm"))
    assert reader.texts["h1"] == "a"
    assert data["posteriors"] is data["lip_parameters"] is data["sound"] is data["wave"] is None
    assert data["words"] == data["phones"] == []
    upper, lower = data["innerMiddle"]
    lips = unpack(data["lips"])
    assert np.allclose(lips[:, upper, 1] - lips[:, lower, 1], opening(bare.lips), atol=2e-4)
    assert tuple(data["innerMiddle"]) == IBUG20.inner_middle


def test_the_painters_have_one_source(run: Result, tmp_path: Path) -> None:
    """The page's script holds no colour of its own, and its teeth end where the painter of films has them end."""
    from phonolips.show.view import fit_view

    script = (Path(page.__file__).parent / "page.js").read_text(encoding="utf-8")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(\d", script) == []
    _, data = read_page(page.write_page(run, tmp_path / "page.html"))
    assert data["teeth"] == fit_view(run.lips).teeth
    assert set(re.findall(r"\bpaint\.(\w+)", script)) == set(data["mouth"])


def test_a_minute_stays_small_and_hours_are_warned_of(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    posteriors = generator.dirichlet(np.full(40, 0.1), 6000).astype(np.float32)
    long = as_result(
        tmp_path / "lips.npz",
        mouth(generator.uniform(0, 0.2, 3600)),
        60.0,
        "mediapipe40",
        None,
        Layer(posteriors),
        None,
    )
    assert page.write_page(long, tmp_path / "page.html").stat().st_size < 1_600_000
    hours = as_result(tmp_path / "lips.npz", mouth(np.zeros(130_000)), 25.0, "mediapipe40", None, None, None)
    with pytest.warns(PhonolipsWarning, match=r"87 minutes holds \d+ MB"):
        page.write_page(hours, tmp_path / "page.html")


def test_bad_input_is_one_line_and_leaves_no_file(run: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"page.png: a page's name ends in \.html"):
        page.write_page(run, tmp_path / "page.png")
    run.lips[3] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        page.write_page(run, tmp_path / "page.html")
    assert list(tmp_path.glob("*page*")) == []


def test_draw_makes_every_kind(run: Result, tmp_path: Path) -> None:
    other = as_result(tmp_path / "o" / "lips.npz", run.lips[:60:2], 25.0, "mediapipe40", run.alignment, None, None)
    for kind in pictures.KINDS:
        with_other = other if kind in ("lips", "compare") else None
        target = pictures.draw(run, kind, with_other, tmp_path / f"{kind}.png")
        assert target.stat().st_size > 10_000
    (tmp_path / "filmstrip.png").unlink()
    assert pictures.draw(run, "filmstrip") == tmp_path / "filmstrip.png"
    assert (tmp_path / "filmstrip.png").is_file()


@pytest.mark.parametrize(
    ("kind", "other", "message"),
    [
        ("bars", False, "kind 'bars'; expected one of posteriorgram, lips, filmstrip, compare"),
        ("compare", False, "needs another result"),
        ("filmstrip", True, "another result goes with lips or compare"),
        ("posteriorgram", False, "no posteriors.npz beside it"),
        ("filmstrip", False, "its phones are not known"),
    ],
)
def test_draw_says_what_is_missing(kind: str, other: bool, message: str, run: Result, tmp_path: Path) -> None:
    bare = as_result(tmp_path / "lips.npz", run.lips, 50.0, "mediapipe40", None, None, None)
    with pytest.raises(InputError, match=message):
        pictures.draw(bare, kind, run if other else None, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


def test_importing_is_cheap() -> None:
    code = "import sys, phonolips.show.page.page; assert not {'matplotlib', 'av', 'torch', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_synthesised_run_read_back_from_disk(tmp_path: Path, run: Result) -> None:
    np.savez_compressed(tmp_path / "lips.npz", lips=run.lips, fps=50.0)
    assert run.alignment is not None
    write_textgrid(run.alignment, tmp_path / "phones.TextGrid")
    _, data = read_page(page.write_page(read_result(tmp_path), tmp_path / "page.html"))
    assert data["sound"]["type"] == "audio/mp4"
    assert len(data["phones"]) == len(SPOKEN)
    assert data["posteriors"] is None


# ---- in a browser ----------------------------------------------------------------------------------------------------


class Browser:
    """Chromium without a window, spoken to over a pipe (the DevTools protocol), so that mouse and keys are real."""

    def __init__(self, profile: Path, width: int = 1280, height: int = 900) -> None:
        assert CHROMIUM is not None
        command_in, self._send = os.pipe()
        self._receive, answer_out = os.pipe()
        # The protocol lives on descriptors 3 and 4; both are moved out of the way first, lest one overwrite the other.
        connect = (
            "import os, sys; pipes = [os.dup(int(number)) for number in sys.argv[1:3]]; "
            "os.dup2(pipes[0], 3); os.dup2(pipes[1], 4); "
            "os.set_inheritable(3, True); os.set_inheritable(4, True); os.execv(sys.argv[3], sys.argv[3:])"
        )
        flags = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio", "--no-first-run",
            "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", "--remote-debugging-pipe",
            f"--window-size={width},{height}",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-Sc", connect, str(command_in), str(answer_out), CHROMIUM, *flags, "about:blank"],
            pass_fds=(command_in, answer_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_in)
        os.close(answer_out)
        self._rest, self._count = b"", 0
        self.troubles: list[str] = []
        self._session: str | None = None
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(item["targetId"] for item in targets if item["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._receive, 1 << 20)
            if not piece:
                raise RuntimeError("the browser is gone")
            self._rest += piece
        message, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        name, values = found.get("method"), found.get("params", {})
        if name == "Runtime.exceptionThrown" or (
            name == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning", "assert")
        ):
            self.troubles.append(str(values))
        elif name == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.troubles.append(values["entry"]["text"])
        elif name == "Network.requestWillBeSent" and values["request"]["url"].startswith(("http", "ws")):
            self.troubles.append(f"asked the network for {values['request']['url']}")
        return found

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": values}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._send, data) :]
        while (answer := self._read()).get("id") != self._count:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def evaluate(self, code: str) -> Any:
        """Result JavaScript in the page, wait for promises, and return its value."""
        found = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, path: Path) -> None:
        self.troubles.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.evaluate(
            "new Promise(done => { const wait = () => window.phonolips && document.readyState === 'complete'"
            " ? requestAnimationFrame(() => done()) : setTimeout(wait, 20); wait(); })"
        )

    def wait(self, seconds: float) -> None:
        self.evaluate(f"new Promise(done => setTimeout(done, {1000 * seconds}))")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", buttons=int(kind == "mousePressed"), clickCount=1)

    def press(self, selector: str) -> None:
        """Click on the middle of an element."""
        place = f"(b => [b.x + b.width / 2, b.y + b.height / 2])(document.querySelector({selector!r}).getBoundingClientRect())"
        self.click(*self.evaluate(place))

    def key(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {}
        codes = {"ArrowRight": 39, "ArrowLeft": 37, "Home": 36, " ": 32}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes[key], **text)

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def place_of(self, seconds: float, lane: str) -> tuple[float, float]:
        """Find the pixel of a time in a lane."""
        x, y = self.evaluate(
            "(() => { const box = document.getElementById('timeline').getBoundingClientRect();"
            f"const lane = phonolips.lanes().find(l => l.name === '{lane}');"
            f"return [box.x + phonolips.toX({seconds}), box.y + lane.top + lane.height / 2]; }})()"
        )
        return x, y

    def dark_pixels(self) -> int:
        """Count the pixels of the mouth's inside on the canvas."""
        found: int = self.evaluate(
            "(() => { const c = document.getElementById('mouth'), copy = new OffscreenCanvas(c.width, c.height);"
            "const paper = copy.getContext('2d', {willReadFrequently: true}); paper.drawImage(c, 0, 0);"
            "const d = paper.getImageData(0, 0, c.width, c.height).data; let n = 0;"
            "for (let i = 0; i < d.length; i += 4) n += d[i] < 90 && d[i + 1] < 50; return n; })()"
        )
        return found

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._send)
        os.close(self._receive)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests here; they skip where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH (on Debian: apt-get install chromium)")
    window = Browser(tmp_path_factory.mktemp("profile"))
    yield window
    window.close()


def state(browser: Browser) -> SimpleNamespace:
    values = "({time: phonolips.time, playing: phonolips.playing, frame: phonolips.frame, opening: phonolips.opening, "
    values += "view: phonolips.view, sound: phonolips.hasSound, phone: document.getElementById('phone').textContent, "
    values += "head: parseFloat(document.getElementById('head').style.left)})"
    return SimpleNamespace(**browser.evaluate(values))


def test_clicks_keys_and_drags_move_the_play_head_and_the_mouth(browser: Browser, run: Result, tmp_path: Path) -> None:
    browser.open(page.write_page(run, tmp_path / "page.html"))
    assert browser.evaluate("document.getElementById('facts').textContent").startswith("2.00 s · 100 frames at 50")
    browser.click(*browser.place_of(0.5, "phones"))
    shut, shut_pixels = state(browser), browser.dark_pixels()
    browser.click(*browser.place_of(0.9, "posteriors"))
    wide, wide_pixels = state(browser), browser.dark_pixels()
    assert (shut.phone, wide.phone) == ("M", "AA")
    assert abs(shut.time - 0.5) < 0.01
    assert abs(wide.time - 0.9) < 0.01
    assert wide.head > shut.head
    assert (round(shut.opening, 3), round(wide.opening, 3)) == (0.0, 0.25)
    assert wide_pixels > 3 * shut_pixels
    browser.key("ArrowRight")
    assert state(browser).frame == wide.frame + 1
    browser.key("ArrowLeft")
    browser.key("ArrowLeft")
    stepped = state(browser)
    assert stepped.frame == wide.frame - 1
    assert stepped.time == pytest.approx((stepped.frame + 0.5) / 50)
    start, end = browser.place_of(0.9, "opening"), browser.place_of(1.6, "opening")
    browser.mouse("mousePressed", *start, button="left", buttons=1, clickCount=1)
    browser.mouse("mouseMoved", *end, button="left", buttons=1)
    browser.mouse("mouseReleased", *end, button="left", clickCount=1)
    assert abs(state(browser).time - 1.6) < 0.01
    assert state(browser).phone == "IY"
    browser.mouse("mouseMoved", *browser.place_of(0.9, "posteriors"))
    tip = browser.evaluate("document.getElementById('tip').textContent")
    assert "phone AA (600 ms" in tip
    assert "posterior of" in tip
    assert browser.troubles == []


@pytest.mark.parametrize("with_sound", [True, False])
def test_playing_follows_the_sound_or_the_clock(
    browser: Browser, run: Result, tmp_path: Path, with_sound: bool
) -> None:
    if not with_sound:
        run = as_result(
            run.path,
            run.lips,
            run.fps,
            run.layout,
            run.alignment,
            Layer(run.posteriors, run.lip_parameters, run.lip_parameter_names),
            None,
        )
    browser.open(page.write_page(run, tmp_path / "page.html"))
    browser.press('.speed[data-speed="0.5"]')
    browser.key(" ")
    browser.wait(1.2)
    half = state(browser)
    assert half.playing
    assert half.sound == with_sound
    assert 0.3 < half.time < 0.75
    if with_sound:
        assert abs(half.time - browser.evaluate("phonolips.audio().currentTime")) < 0.1
    browser.key(" ")
    assert not state(browser).playing
    browser.press('.speed[data-speed="1"]')
    browser.click(*browser.place_of(1.7, "phones"))
    browser.press("#play")
    browser.wait(1.0)
    ended = state(browser)
    assert not ended.playing
    assert ended.time == pytest.approx(2.0, abs=0.02)
    assert browser.troubles == []


def test_the_browser_decodes_the_sound_in_step(browser: Browser, run: Result, tmp_path: Path) -> None:
    browser.open(page.write_page(run, tmp_path / "page.html"))
    length, onset = browser.evaluate(
        "(async () => { const text = JSON.parse(document.getElementById('data').textContent).sound.base64;"
        "const raw = Uint8Array.from(atob(text), c => c.charCodeAt(0));"
        "const sound = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(raw.buffer);"
        "const at = sound.getChannelData(0).findIndex(v => Math.abs(v) > 0.1);"
        "return [sound.duration, at / sound.sampleRate]; })()"
    )
    assert onset == pytest.approx(1.0, abs=0.025)
    assert length == pytest.approx(2.0, abs=0.05)
    assert browser.evaluate("phonolips.audio().duration") == pytest.approx(2.0, abs=0.05)


def test_zoom_and_scroll(browser: Browser, run: Result, tmp_path: Path) -> None:
    browser.open(page.write_page(run, tmp_path / "page.html"))
    place = browser.place_of(1.0, "opening")
    browser.mouse("mouseWheel", *place, deltaX=0, deltaY=-100, modifiers=2)
    browser.wait(0.1)
    start, end = state(browser).view
    assert 0 < start < 1.0 < end < 2.0
    browser.press("#in")
    closer = state(browser).view
    assert closer[1] - closer[0] < end - start
    browser.mouse("mouseWheel", *place, deltaX=60, deltaY=0)
    browser.wait(0.1)
    assert state(browser).view[0] > closer[0]
    browser.press("#fit")
    assert state(browser).view == [0, 2]
    assert browser.troubles == []


def test_a_page_of_lips_alone_works(browser: Browser, run: Result, tmp_path: Path) -> None:
    bare = as_result(run.path, to_ibug20(run.lips), 50.0, "ibug20", None, None, None)
    browser.open(page.write_page(bare, tmp_path / "page.html"))
    browser.click(*browser.place_of(0.9, "opening"))
    assert round(state(browser).opening, 3) == 0.25
    assert browser.troubles == []
