"""Public names and import paths of version 0.1 still lead somewhere, with a warning; `tests/vectors` lists them."""

import importlib
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from conftest import skip_without

NAMES = json.loads((Path(__file__).parent / "vectors" / "names_0_1.json").read_text())
# Gone without a successor of the same arguments; CHANGELOG.md names what takes their place.
GONE = {
    "alignment.star": {"align_record"},  # align_records, which takes any number
    "edit.lips": {"measured_gestures"},  # lip_parameters_of, which takes a mean shape, not a speaker
    "evaluation.metrics": {"phone_error_rate"},  # phone_errors over the length; encoder_scores has it, too
    "film.drawing": {"lips_at"},  # LipCurve.frames
    "model.speaker": {"hide_speakers"},  # nobody called it
    "silence": {"seconds_from_speech"},  # seconds_around_speech, which tells before from after
    "speech.espeak": {"speak"},  # speak_plain and split_phones, which it called
    "speech.spoken": {"check_rate"},  # Backend.speak checks
    "timebase": {"steps_to_frames", "steps_to_samples"},  # nobody called it
    "video.curves": {"outer_points"},  # LAYOUTS, which has the rings
    # Parts of networks, of the evaluation and of training, which nobody but the package itself used; their modules
    # have kept their names, and say where the names are that they import.
    "evaluation.adaptation": {"hear_stored"},
    "model.sync": {"WindowBlock", "WindowEncoder"},
    "training.durations": {"DurationsRun", "read_utterance"},
    "training.lips": {
        *("Feed", "LipsRun", "LipsTrain", "LipsValid", "clip_shares", "cut", "lip_clips", "make_batch", "mean_lip"),
        *("move_edges", "read_clip", "read_clips", "tell", "true_gestures"),
    },
    "training.loop": {"Fit", "length_mask", "pad_stack", "run_fit"},
    "training.sync": {"SyncFit", "SyncTrain"},
}


# Whose successors are written in torch.
NETWORKS = [
    f"model.{name}" for name in ("audio_encoder", "bottleneck", "decoder", "gestures", "speaker", "text_encoder")
]


@pytest.mark.parametrize("module", NAMES)
def test_old_paths_lead_somewhere(module):
    if module.startswith(("training", "evaluation")) or module in NETWORKS:
        skip_without("train")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        there = importlib.import_module(f"phonolips.{module}")
        missing = [name for name in NAMES[module] if not hasattr(there, name)]
    assert set(missing) == GONE.get(module, set())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("adapt.lip_speaker_from_videos", "synth.adapt.adapt"),  # not model.adapt.adapt, which takes clips
        ("adapt.adapt", "model.adapt.adapt"),
        ("alignment.align_record", "corpus.align.align_record"),
        ("alignment.star.hear", "model.stream.encode_clips"),
        ("corpus.backend.DaskBackend", "workers.cluster.DaskBackend"),
        ("corpus.records.write_text_atomically", "storage.write_text"),
        ("edit.words.spoken", "speech.words.without_pauses"),
        ("evaluation.metrics.ear_scores", "evaluation.metrics.encoder.encoder_scores"),
        ("export.blendshapes.closed_mouth", "lips.shapes.closed_mouth"),
        ("model.stream.Heard", "model.stages.EncoderOutput"),
        ("model.stream.listen", "model.stream.encode"),
        ("model.stream.speak", "model.stream.decode_lips"),
        ("speech.espeak.speak_words", "speech.tts.espeak.plain.speak_plain"),
        ("speech.speak_words", "speech.tts.speak.speak_words"),
        ("training.ears.make_batch", "training.encoder_batches.make_batch"),
        ("video.facemesh.sight_faces", "face.sighting.sight_faces"),
        ("video.transfer.rest_lips", "lips.shapes.rest_lips"),
    ],
)
def test_an_old_name_leads_to_its_own_successor(old, new):
    if old.startswith(("training", "evaluation")):
        skip_without("train")
    module, _, name = old.rpartition(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = getattr(importlib.import_module(f"phonolips.{module}"), name)
    assert f"{found.__module__}.{found.__name__}" == f"phonolips.{new}"


def test_an_old_path_warns_and_names_the_new_one():
    code = "import warnings; warnings.simplefilter('always'); from phonolips.video.lips import opening"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "phonolips.lips.measures" in done.stderr
    code = "import warnings; warnings.simplefilter('error'); from phonolips.phones import PHONES"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "next release" in done.stderr


def test_public_names_survive_an_old_import():
    code = "import phonolips, phonolips.edit, phonolips.adapt; assert callable(phonolips.edit); print(dir(phonolips))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "from_text" in done.stdout
