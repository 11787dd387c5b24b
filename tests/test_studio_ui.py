"""The page of the studio: what its files hold, its modules under Node, and its flows in a browser."""

import json
import os
import re
import shutil
import subprocess
import threading
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import PROJECT
from test_studio import node

import phonolips
from phonolips.model.network import load_network
from phonolips.model.speakers import save_speaker
from phonolips.show.page.page import MOUTH
from phonolips.show.studio.site import StudioServer, site_files
from phonolips.synth.folder import read_result

SITE = PROJECT / "phonolips" / "show" / "studio" / "site"
TESTS = PROJECT / "tests" / "studio_ui"
INDEX = (SITE / "index.html").read_text(encoding="utf-8")
MODULES = {path.name: path.read_text(encoding="utf-8") for path in sorted((SITE / "ui").glob("*.js"))}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 240


def test_the_page_obeys_its_content_policy():
    assert not re.findall(r"<style|\sstyle=|\son\w+=|https?:", INDEX)
    assert re.findall(r"<script[^>]*>([^<]*)</script>", INDEX) == [""]
    for name, text in MODULES.items():
        assert not re.search(r"https?://|\beval\(|new Function|innerHTML", text), name


def test_all_words_and_elements_that_are_asked_for_are_there():
    known = set(re.findall(r"^  '?([\w.]+)'?: \[", MODULES["strings.js"], re.MULTILINE))
    asked = set(re.findall(r'data-(?:say|label|title)="([\w.]+)"', INDEX))
    for text in MODULES.values():
        asked |= set(re.findall(r"(?:\bwords\(|\btell\(|\bsay\([\w.]+, )'([\w.]+)'", text))
    assert asked <= known, asked - known
    ids = re.findall(r'\bid="(\w+)"', INDEX)
    assert len(ids) == len(set(ids))
    for name in ("app.js", "controls.js"):
        wanted = set(re.findall(r"(?:byId|on|press)\('(\w+)'", MODULES[name]))
        assert wanted <= set(ids), wanted - set(ids)


def test_every_control_has_a_name():
    for tag in re.findall(r"<(?:button|canvas|div|section|form)[^>]*(?:role=|id=\"(?:input|selection)\")[^>]*>", INDEX):
        if 'role="img"' in tag or 'role="application"' in tag or 'role="group"' in tag:
            assert "data-label=" in tag or 'id="mouth"' in tag, tag
    for tag in re.findall(r"<button[^>]*>(?=[^<])", INDEX):  # a sign alone says nothing
        assert "data-title=" in tag or "data-say=" in tag, tag
    for tag in re.findall(r"<(?:input|select|textarea)[^>]*>", INDEX):
        before = INDEX[: INDEX.index(tag)]
        assert before.rfind("<label") > before.rfind("</label>") or "hidden" in tag, tag


def test_modules_import_what_is_served():
    served = set(site_files())
    for name, text in MODULES.items():
        for wanted in re.findall(r" from '([^']+)'", text):
            target = os.path.normpath(f"ui/{wanted}")
            assert target in served, f"{name} imports {wanted}"


def test_the_mouth_is_painted_as_on_the_page_of_a_run():
    paint = MODULES["mouth.js"].split("export const PAINT = ")[1].split(";\n")[0]
    assert json.loads(paint) == json.loads(json.dumps(MOUTH))


def test_edits_state_hands_and_words():
    tests = sorted(map(str, TESTS.glob("*.test.mjs")))
    done = subprocess.run([node(), "--test", *tests], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_flows_in_a_browser(tmp_path):
    modules = os.environ.get("PHONOLIPS_PLAYWRIGHT")
    if not modules:
        pytest.skip("PHONOLIPS_PLAYWRIGHT names no node_modules with playwright-core")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("no Chromium here")
    clip = tmp_path / "clip.wav"
    with wave.open(str(clip), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((6000 * np.sin(np.arange(32_000) / 20)).astype("<i2").tobytes())
    phonolips.from_text("my boat", speaker="s1").save(tmp_path / "run", pictures=False)
    packed = shutil.make_archive(str(tmp_path / "run"), "zip", tmp_path, "run")
    save_speaker(replace(load_network().lip_speaker("s1"), name="ada"), tmp_path / "ada.json")
    with StudioServer(0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        done = subprocess.run(
            [node(), str(TESTS / "flows.mjs"), server.address, modules, browser, str(clip), packed, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        server.shutdown()
        thread.join()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    shutil.unpack_archive(tmp_path / "saved.zip", tmp_path / "saved")
    saved = read_result(tmp_path / "saved")
    assert saved.alignment is not None
    assert "UW" in [phone.label for phone in saved.alignment.phones]
    assert Path(tmp_path / "mouth.film").stat().st_size > 10_000
