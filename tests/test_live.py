"""Live lips: frames, and who gets them."""

import io
import json

import numpy as np
import pytest

from phonolips.errors import InputError
from phonolips.lips.measures import opening, width
from phonolips.live.frame import LiveFrame
from phonolips.live.lines import Lines, current_phone, header
from phonolips.live.sinks import open_sink, parse_address
from phonolips.model.network import load_network
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import PHONE_IDS


@pytest.fixture(scope="module")
def speaker():
    return load_network().lip_speaker(None)


def a_frame(speaker, index=0, phone="AA", steps=4) -> LiveFrame:
    """A frame of the mean mouth, of which each is a little wider than the one before."""
    posteriors = np.full((steps, 40), 0.2 / 39, np.float32)
    posteriors[:, PHONE_IDS[phone]] = 0.8
    lips = (speaker.mean_lip * (1 + index / 100)).astype(np.float32)
    phones = (Interval(phone, index / 25, (index + 1) / 25),)
    return LiveFrame(index, (index + 0.5) / 25, lips, 25.0, phones, posteriors, np.zeros(3, np.float32))


def test_lines_are_a_header_and_a_line_for_each_frame(speaker):
    file = io.StringIO()
    sink = Lines(file, header(speaker, 25.0, 0.2), owned=False)
    for index in range(3):
        sink.send(a_frame(speaker, index, "UW"))
    sink.close()
    first, *frames = map(json.loads, file.getvalue().splitlines())
    assert {key: first[key] for key in ("format", "version", "fps", "speaker", "lip_layout", "delay_seconds")} == {
        "format": "phonolips-live", "version": 1, "fps": 25.0, "speaker": "mean", "lip_layout": "mediapipe40",
        "delay_seconds": 0.2,
    }  # fmt: skip
    assert [frame["frame"] for frame in frames] == [0, 1, 2]
    one = a_frame(speaker, 1)
    np.testing.assert_allclose(frames[1]["lips"], one.lips, atol=6e-6)
    assert frames[1]["opening"] == pytest.approx(opening(one.lips), abs=6e-6)
    assert frames[1]["width"] == pytest.approx(width(one.lips), abs=6e-6)
    assert frames[1]["phones"] == [{"phone": "UW", "start": 0.04, "end": 0.08}]
    assert frames[1]["phone"] == first["phone_names"][int(np.argmax(frames[1]["posteriors"][0]))] == "UW"
    assert max(frames[1]["visemes"], key=frames[1]["visemes"].get) == "ou"
    assert sum(frames[1]["visemes"].values()) == pytest.approx(1, abs=1e-3)


def test_a_frame_without_a_step_has_no_phone(speaker):
    file = io.StringIO()
    Lines(file, {}, owned=False).send(a_frame(speaker, steps=0))
    found = json.loads(file.getvalue().splitlines()[1])
    assert found["phone"] is found["visemes"] is None
    assert found["posteriors"] == []
    assert current_phone(a_frame(speaker, phone="IY")) == "IY"


def test_a_sink_is_opened_by_its_kind_and_address(tmp_path, speaker):
    sink = open_sink(f"json:{tmp_path / 'a:b.jsonl'}", speaker=speaker, fps=30.0, delay_seconds=0.1, host="::1")
    sink.send(a_frame(speaker))
    sink.close()
    assert [json.loads(line).get("fps") for line in (tmp_path / "a:b.jsonl").read_text().splitlines()] == [30.0, None]


def test_a_kind_that_is_not_there_is_refused_with_the_nearest(speaker):
    with pytest.raises(InputError, match=r"`to` 'jsn:x'; expected one of .*; did you mean json\?"):
        open_sink("jsn:x", speaker=speaker, fps=25.0)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("", ("127.0.0.1", 9000)),
        ("8000", ("127.0.0.1", 8000)),
        (":8000", ("127.0.0.1", 8000)),
        ("box", ("box", 9000)),
        ("10.0.0.2:8000", ("10.0.0.2", 8000)),
        ("[::1]", ("::1", 9000)),
        ("[::1]:8000", ("::1", 8000)),
    ],
)
def test_an_address_is_read(address, found):
    assert parse_address(address, 9000) == found
    assert parse_address(address, 9000, "0.0.0.0") == (found[0].replace("127.0.0.1", "0.0.0.0"), found[1])


@pytest.mark.parametrize("address", ["box:0", "box:65536", "box:x", "0", "99999"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InputError, match=r"address '.*'; expected HOST:PORT, such as 127.0.0.1:9000"):
        parse_address(address, 9000)
