"""The engine of live lips: from blocks of sound to frames at sinks, and what happens when something is late or gone."""

import os
import threading
import time

import numpy as np
import pytest

import phonolips
from phonolips.errors import InputError
from phonolips.live import engine as engine_module
from phonolips.live.delivery import MOST_WAITING_SECONDS, Delivery
from phonolips.live.engine import Engine
from phonolips.live.passage import Passage, SoundClock
from phonolips.live.sources import Block, FileSource, PipeSource, SourceGoneError
from phonolips.live.statistics import Durations, Statistics
from phonolips.phones.intervals import Interval
from phonolips.synth.stream import Frames


def some_sound(seconds: float, rate: int = 16_000, seed: int = 0) -> np.ndarray:
    """Noise that comes and goes, with a tone in it: it moves the mouth."""
    rng, ticks = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    sound = rng.normal(0, 0.1, len(ticks)) * (np.sin(9 * ticks) > 0) + 0.1 * np.sin(900 * ticks)
    return sound.astype(np.float32)


def cut(sound: np.ndarray, rate: int, first_arrival: float = 0.0, seconds: float = 0.01) -> list[Block]:
    """Cut a sound into blocks that arrive when they end."""
    size = round(seconds * rate)
    return [
        Block(sound[at : at + size], rate, first_arrival + min(at + size, len(sound)) / rate)
        for at in range(0, len(sound), size)
    ]


class Given:
    """A source that gives lists of blocks; between two of them it goes away."""

    def __init__(self, *passages: list[Block], can_wait: bool = True) -> None:
        self._passages, self.can_wait = list(passages), can_wait
        self.is_exhausted = threading.Event()

    def blocks(self):
        yield from self._passages.pop(0)
        self.is_exhausted.set()
        if self._passages:
            raise SourceGoneError("the microphone gives no sound any more")

    def overflows(self) -> int:
        return 0


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.frames, self.is_closed = [], False

    def send(self, frame) -> None:
        self.frames.append(frame)

    def close(self) -> None:
        self.is_closed = True


class QuickStream:
    """A stream without a network: a frame of one phone for each 40 ms, `delay_seconds` later."""

    fps, delay_seconds = 25.0, 0.0

    def __init__(self, rate: int = 16_000) -> None:
        self._size, self._samples, self._made = rate // 25, 0, 0

    def push(self, samples: np.ndarray) -> Frames:
        self._samples += len(samples)
        count = self._samples // self._size - self._made
        first, self._made = self._made, self._made + count
        phones = tuple(Interval("AA", i / 25, (i + 1) / 25) for i in range(first, first + count))
        return Frames(
            (np.arange(first, first + count) + 0.5) / 25,
            np.zeros((count, 40, 2), np.float32),
            np.full((4 * count, 40), 1 / 40, np.float32),
            np.zeros((count, 3), np.float32),
            phones,
        )

    def close(self) -> Frames:
        return self.push(np.zeros(-self._samples % self._size, np.float32))


def run(source, make_stream=QuickStream, sinks=None, **options):
    """Run an engine to its end; return the sinks and the statistics."""
    sinks = sinks or [Kept()]
    statistics = Statistics()
    fps = make_stream(16_000).fps
    engine = Engine(
        make_stream, [Delivery(f"sink {i}", sink, fps, statistics) for i, sink in enumerate(sinks)], statistics
    )
    engine.run(source, **options)
    return sinks, statistics


@pytest.mark.parametrize(("fps", "rate"), [(25, 16_000), (30, 48_000), (60, 16_000), (24, 44_100)])
def test_frames_are_those_of_the_stream_and_nothing_of_it_is_lost(fps, rate):
    sound = some_sound(3.03, rate)

    def make(sample_rate):
        return phonolips.Stream(sample_rate=sample_rate, fps=fps, voice_activity=False)

    (sink,), statistics = run(Given(cut(sound, rate)), make)
    stream = make(rate)
    whole = [stream.push(sound), stream.close()]
    lips, times, posteriors, lip_parameters = (
        np.concatenate([getattr(part, name) for part in whole])
        for name in ("lips", "times", "posteriors", "lip_parameters")
    )
    frames = sink.frames
    np.testing.assert_allclose([frame.lips for frame in frames], lips, atol=1e-6)
    np.testing.assert_allclose([frame.time for frame in frames], times, atol=1e-9)
    assert [frame.index for frame in frames] == list(range(len(lips)))
    np.testing.assert_allclose(np.concatenate([frame.posteriors for frame in frames]), posteriors, atol=1e-5)
    np.testing.assert_allclose(frames[-1].lip_parameters, lip_parameters[-1], atol=1e-5)
    phones = [phone for frame in frames for phone in frame.phones]
    assert [phone.label for phone in phones] == [phone.label for part in whole for phone in part.phones]
    assert len({phone.label for phone in phones}) > 1
    for frame in frames[:-1]:
        assert all(phone.end <= frame.time + 0.5 / fps + 1e-5 for phone in frame.phones)
        assert all(phone.end > frame.time - 0.5 / fps - 0.04 for phone in frame.phones)
    assert sink.is_closed
    assert statistics.frames == len(lips)
    assert statistics.dropped == 0


def test_skipped_sound_has_its_place_on_the_clock():
    sound = some_sound(4.0)
    kept = np.concatenate([sound[:24_000], sound[40_000:]])
    stream = phonolips.Stream(voice_activity=False)
    whole = np.concatenate([stream.push(kept).lips, stream.close().lips])
    passage = Passage(phonolips.Stream(voice_activity=False), 16_000)
    made = passage.push([(sound[:24_000], 1.5)])
    passage.skip(1.0)
    made += passage.push([(sound[40_000:], 4.0)]) + passage.close()
    frames = [each.frame for each in made]
    np.testing.assert_allclose([frame.lips for frame in frames], whole, atol=1e-6)
    before = (24_000 // 640) + 1  # the frame in which the cut lies begins before it
    assert [frame.index for frame in frames[: before - 1]] == list(range(37))
    np.testing.assert_allclose(frames[-1].time, 4.0 - 0.02 - 0.02, atol=0.021)
    np.testing.assert_allclose(np.diff([frame.time for frame in frames]).max(), 1.04)
    assert (np.diff([frame.index for frame in frames]) > 0).all()
    assert passage.clock.seconds == 4.0
    assert {each.arrived for each in made[:37]} == {1.5}
    assert made[-1].arrived == 4.0
    phones = [phone for frame in frames for phone in frame.phones]
    assert [phone.end for phone in phones[:-1]] == pytest.approx([phone.start for phone in phones[1:]], abs=1.0001)
    assert 3.96 <= phones[-1].end <= 4.05


def test_an_end_lies_before_what_is_skipped_and_a_beginning_after_it():
    clock = SoundClock(10.0)
    clock.push(1.0, 5.0)
    clock.skip(2.0)
    clock.push(1.0, 8.0)
    assert clock.place(1.0, is_end=True) == 11.0
    assert clock.place(1.0) == 13.0
    assert clock.place(0.5) == 10.5
    assert clock.place(1.5, is_end=True) == 13.5
    assert [clock.arrival(seconds) for seconds in (0.5, 1.0, 1.01, 2.0, 3.0)] == [5.0, 5.0, 8.0, 8.0, 8.0]


def test_an_hour_of_skips_leaves_nothing_behind():
    clock = SoundClock(0.0)
    for second in range(3600):
        clock.push(1.0, float(second))
        clock.skip(0.5)
        clock.arrival(second + 1.0)
    assert clock.seconds == 5400
    assert clock.place(3599.5) == pytest.approx(3599.5 + 3599 * 0.5)
    assert len(clock._skips) < 200
    assert len(clock._arrivals) <= 1


def test_overload_skips_whole_blocks_and_catches_up():
    source = Given(cut(some_sound(4.0), 16_000), can_wait=False)

    def late(rate):
        if threading.current_thread() is threading.main_thread() and made.append(rate) is None and len(made) > 1:
            source.is_exhausted.wait(5)
        return QuickStream(rate)

    made = []
    (sink,), statistics = run(source, late)
    # up to a second that the first take got before the others came is not skipped, nor is the last second
    assert 2.0 <= statistics.skipped_seconds <= 3.0
    assert statistics.skipped_seconds == pytest.approx(statistics.skipped_blocks * 0.01)
    assert statistics.sound_seconds == pytest.approx(4.0)
    assert statistics.frames == pytest.approx((4.0 - statistics.skipped_seconds) * 25, abs=1)
    assert sink.frames[-1].time == pytest.approx(3.98, abs=0.021)
    assert (np.diff([frame.index for frame in sink.frames]) > 0).all()


def test_sound_that_can_wait_is_never_skipped():
    source = Given(cut(some_sound(4.0), 16_000))

    class Slow(Kept):
        def send(self, frame):
            time.sleep(0.001)
            super().send(frame)

    (sink,), statistics = run(source, sinks=[Slow()])
    assert [frame.index for frame in sink.frames] == list(range(100))
    assert statistics.skipped_blocks == statistics.dropped == 0


def test_a_sink_that_hangs_holds_up_nobody(monkeypatch):
    monkeypatch.setattr("phonolips.live.delivery.PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(engine_module, "PATIENCE_SECONDS", 0.1)
    release = threading.Event()

    class Hanging(Kept):
        def send(self, frame):
            release.wait(20)
            super().send(frame)

    hanging, other = Hanging(), Kept()
    began = time.monotonic()
    _, statistics = run(Given(cut(some_sound(10.0), 16_000)), sinks=[hanging, other])
    assert time.monotonic() - began < 5
    assert [frame.index for frame in other.frames] == list(range(250))
    stuck = statistics.sinks["sink 0"]
    assert (stuck.sent, stuck.dropped) == (0, 249)  # one is on its way still
    assert statistics.sinks["sink 1"].dropped == 0
    release.set()


def test_a_slow_sink_gets_the_newest_frames():
    statistics, gate = Statistics(), threading.Semaphore(0)

    class Gated(Kept):
        def send(self, frame):
            gate.acquire()
            super().send(frame)

    sink = Gated()
    delivery = Delivery("gated", sink, 25.0, statistics)
    frames = [each.frame for each in Passage(QuickStream(), 16_000).push([(some_sound(2.0), 2.0)])]
    delivery.put(frames[0], 0.0)
    while delivery._waiting:
        time.sleep(0.001)  # until the thread holds it
    for frame in frames[1:]:
        delivery.put(frame, 0.0)
    gate.release(50)
    delivery.close(20)
    room = round(MOST_WAITING_SECONDS * 25)
    assert [frame.index for frame in sink.frames] == [0, *range(50 - room, 50)]
    assert statistics.sinks["gated"].dropped == 49 - room


def test_what_a_sink_cannot_send_is_counted_and_the_next_is_tried():
    class Refused(Kept):
        def send(self, frame):
            if frame.index % 2:
                raise OSError(101, "Network is unreachable")
            super().send(frame)

    (sink,), statistics = run(Given(cut(some_sound(0.4), 16_000)), sinks=[Refused()])
    assert [frame.index for frame in sink.frames] == [0, 2, 4, 6, 8]
    found = statistics.sinks["sink 0"]
    assert (found.sent, found.dropped, found.last_error) == (5, 5, "Network is unreachable")


@pytest.mark.parametrize("error", [InputError("the program refuses us"), BrokenPipeError(32, "Broken pipe")])
def test_a_sink_that_gives_up_ends_everything_with_its_line(error):
    class Gone(Kept):
        def send(self, frame):
            raise error

    sinks = [Gone(), Kept()]
    with pytest.raises(type(error)) as caught:
        run(Given(cut(some_sound(60.0), 16_000)), sinks=sinks)
    assert caught.value is error
    assert all(sink.is_closed for sink in sinks)


def test_a_device_that_goes_ends_it_in_one_line():
    source = Given(cut(some_sound(0.4), 16_000), [])
    with pytest.raises(SourceGoneError, match="the microphone gives no sound any more"):
        run(source)


def test_a_device_that_comes_back_at_another_rate_goes_on_later_on_the_clock(monkeypatch):
    monkeypatch.setattr(engine_module, "RETURN_SECONDS", 0.01)
    lines = []
    source = Given(cut(some_sound(0.4), 16_000, 100.0), cut(some_sound(0.4, 48_000), 48_000, 105.0))
    (sink,), statistics = run(source, wait=True, interrupted=lines.append)
    assert lines == ["the microphone gives no sound any more"]
    assert [frame.index for frame in sink.frames] == [*range(10), *range(125, 135)]
    assert sink.frames[10].time == pytest.approx(5.02)
    assert statistics.interruptions == 1
    assert statistics.sound_seconds == pytest.approx(0.8)


def test_a_rate_that_changes_leaves_no_gap():
    blocks = cut(some_sound(0.4), 16_000) + cut(some_sound(0.4, 44_100), 44_100, 0.4)
    (sink,), _ = run(Given(blocks))
    assert [frame.index for frame in sink.frames] == list(range(20))


def test_silence_goes_on_like_any_sound():
    (sink,), _ = run(
        Given(cut(np.zeros(5 * 16_000, np.float32), 16_000)), lambda rate: phonolips.Stream(sample_rate=rate)
    )
    assert len(sink.frames) == 125
    assert np.ptp([frame.lips for frame in sink.frames], axis=0).max() < 1e-4


def test_it_ends_after_so_many_seconds_to_the_sample():
    (sink,), statistics = run(Given(cut(some_sound(2.0), 16_000)), seconds=0.815)
    assert statistics.sound_seconds == pytest.approx(0.815)
    assert len(sink.frames) == 21


def test_stopping_ends_it_soon_with_what_was_heard():
    pipe, into = os.pipe()
    sink, statistics = Kept(), Statistics()
    engine = Engine(QuickStream, [Delivery("kept", sink, 25.0, statistics)], statistics)
    os.write(into, bytes(2 * 16_000))
    thread = threading.Thread(target=engine.run, args=(PipeSource(pipe),))
    thread.start()
    while not statistics.frames:
        time.sleep(0.01)
    engine.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert sink.is_closed
    os.close(into)


def test_the_end_of_sound_that_was_played_keeps_its_pace():
    class LateStream(QuickStream):
        """Holds everything back until the end."""

        delay_seconds = 0.2

        def push(self, samples):
            self.held = [*getattr(self, "held", []), samples]
            return super().push(samples[:0])

        def close(self):
            return super().push(np.concatenate(self.held))

    class Timed(Kept):
        def send(self, frame):
            times.append(time.monotonic())

    times = []
    began = time.monotonic()
    blocks = [block._replace(arrived=began) for block in cut(some_sound(0.2), 16_000)]
    run(Given(blocks, can_wait=False), LateStream, [Timed()])
    late = np.array(times) - began - 0.04 * np.arange(1, 6)
    assert len(late) == 5
    assert late.min() > -0.002
    assert late[0] < 5  # a busy machine may take its time, but nobody waits for the end


@pytest.mark.parametrize(
    ("sample_format", "channels", "kind", "full"),
    [("s16le", 1, "<i2", 32768), ("s16le", 2, "<i2", 32768), ("f32le", 3, "<f4", 1)],
)
def test_raw_samples_come_through_a_pipe_whatever_the_pieces(sample_format, channels, kind, full):
    sound = (some_sound(0.25).repeat(channels).reshape(-1, channels) * (1 + np.arange(channels))) * full
    data = np.round(sound).astype(kind).tobytes() if full > 1 else sound.astype(kind).tobytes()
    pipe, into = os.pipe()

    def write():
        with os.fdopen(into, "wb", buffering=0) as file:
            for at in range(0, len(data), 997):
                file.write(data[at : at + 997])
            file.write(b"\x01")  # a part of a sample

    threading.Thread(target=write).start()
    source = PipeSource(pipe, sample_rate=16_000, sample_format=sample_format, channels=channels)
    blocks = list(source.blocks())
    os.close(pipe)
    np.testing.assert_allclose(
        np.concatenate([block.samples for block in blocks]), sound.mean(axis=1) / full, atol=1e-6 + (full > 1) / full
    )
    assert max(len(block.samples) for block in blocks) <= 160
    assert all(block.samples.dtype == np.float32 and block.sample_rate == 16_000 for block in blocks)


def test_a_sound_file_through_the_pipe_is_refused_in_one_line():
    pipe, into = os.pipe()
    os.write(into, b"RIFF\x24\x00\x00\x00WAVE")
    with pytest.raises(
        InputError, match=r"-: a sound file begins \(RIFF\); expected raw samples: name the file, or pipe"
    ):
        next(PipeSource(pipe, sample_rate=48_000).blocks())
    os.close(into)
    os.close(pipe)


def test_samples_that_are_no_numbers_are_refused():
    pipe, into = os.pipe()
    os.write(into, np.array([0, np.nan] * 400, "<f4").tobytes())
    os.close(into)
    with pytest.raises(InputError, match="NaN"):
        run(PipeSource(pipe, sample_format="f32le"), lambda rate: phonolips.Stream(sample_rate=rate))
    os.close(pipe)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"sample_format": "u8"}, "sample_format 'u8'; expected s16le or f32le"),
        ({"channels": 0}, "channels 0; expected 1 to 64"),
        ({"sample_rate": 10}, "sample_rate 10; expected 1000 to 1000000 samples per second"),
    ],
)
def test_a_pipe_of_unknown_samples_is_refused(options, line):
    with pytest.raises(InputError, match=line):
        PipeSource(0, **options)


def test_a_terminal_gives_no_samples():
    terminal, end = os.openpty()
    with pytest.raises(InputError, match="-: nothing comes through the standard input"):
        PipeSource(end)
    os.close(terminal)
    os.close(end)


def test_a_file_is_played_at_its_pace(tmp_path):
    import soundfile

    sound = some_sound(0.5)
    soundfile.write(tmp_path / "a.wav", sound, 16_000, subtype="FLOAT")
    now, slept = [50.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    blocks = list(FileSource(tmp_path / "a.wav", clock=lambda: now[0], sleep=sleep).blocks())
    np.testing.assert_array_equal(np.concatenate([block.samples for block in blocks]), sound)
    np.testing.assert_allclose([block.arrived for block in blocks], 50 + 0.01 * np.arange(1, 51))
    np.testing.assert_allclose(slept, 0.01)
    slept.clear()
    fast = FileSource(tmp_path / "a.wav", paced=False, clock=lambda: now[0], sleep=sleep)
    assert len(list(fast.blocks())) == 50
    assert not slept
    assert fast.can_wait


def test_durations_are_quantiles_to_the_millisecond():
    rng, durations = np.random.default_rng(3), Durations()
    assert durations.as_dict() == {"p50_ms": None, "p99_ms": None, "most_ms": None}
    seconds = rng.gamma(2, 0.05, 5000)
    for each in seconds:
        durations.add(each)
    for share in (0.5, 0.99, 1.0):
        exact = 1000 * np.quantile(seconds, share, method="inverted_cdf")
        assert exact <= durations.quantile(share) <= exact + 1
    assert durations.as_dict()["most_ms"] == pytest.approx(1000 * seconds.max(), abs=0.05)
    durations.add(1e6)
    assert len(durations) == 5001


def test_sinks_of_one_name_are_counted_apart():
    statistics = Statistics()
    first, second, third = (statistics.sink("json") for _ in range(3))
    assert list(statistics.sinks) == ["json", "json#2", "json#3"]
    first.delay.add(0.1)
    second.delay.add(0.2)
    third.dropped = 3
    assert statistics.quantile(0.5) == pytest.approx(200, abs=1)
    assert statistics.dropped == 3
    assert statistics.line() == "0.0 s of sound, 0 frames, 3 dropped, delay p50 201 ms, p99 201 ms"


def test_a_device_is_let_go_before_the_engine_ends():
    """PortAudio, at the end of the process, waits for good where a thread that it does not know of is closing one."""

    class Device(Given):
        is_closed = False

        def blocks(self):
            try:
                yield from super().blocks()
            finally:
                time.sleep(0.3)
                self.is_closed = True

    device = Device(cut(some_sound(0.5), 16_000), can_wait=False)
    run(device, seconds=0.2)
    assert device.is_closed
