"""Lips of speech that nobody filmed: what the teacher is given, what counts, and that students can learn from it."""

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch
from test_training import make_corpus

from phonolips.corpus.layout import FEATURE_ARRAYS
from phonolips.corpus.store.store import Store, StoreWriter
from phonolips.model.network import Description
from phonolips.model.settings import NetworkSettings
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES, PHONE_IDS, SILENCE_ID
from phonolips.training.encoder_outputs import StoredOutput
from phonolips.training.lips import same_weights, train_lips
from phonolips.training.lips_basis import fit_lip_basis
from phonolips.training.lips_clips import lip_positions
from phonolips.training.networks.network import TrainableNetwork, read_trainable
from phonolips.training.settings import LipsFitSettings
from phonolips.training.teacher import LEAST_CONFIDENCE, TaughtClips, lend_shapes, taught_positions

HH, IY, T = (PHONE_IDS[phone] for phone in ("HH", "IY", "T"))
LABELS = np.repeat([SILENCE_ID, HH, IY, T, IGNORED_ID], 8)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Clips with lips of two speakers, and as many of others without."""
    filmed = Store(make_corpus(tmp_path_factory.mktemp("filmed")) / "features")
    folder = tmp_path_factory.mktemp("both")
    with StoreWriter(folder / "features", FEATURE_ARRAYS) as store:
        for speaker in ("", "heard/"):
            for clip in filmed:
                values = {name: filmed.get(clip, name) for name in FEATURE_ARRAYS}
                meta = filmed.meta(clip)
                if speaker:
                    values |= {"lips": np.zeros((0, 40, 2)), "detected": np.zeros(0, bool)}
                    meta |= {"speaker": speaker}
                store.add(speaker + clip, values, meta)
    return folder


def made_network(store: Store) -> TrainableNetwork:
    torch.manual_seed(1)
    settings = NetworkSettings()
    settings.audio_encoder.channels = settings.audio_encoder.coarse_channels = 16
    network = TrainableNetwork(Description(settings, ["mean", "s1", "s2"])).eval()
    fit_lip_basis(network, store, lip_positions(store, "train"), LipsFitSettings())
    return network


def heard(labels: np.ndarray, share: float) -> np.ndarray:
    """Return posteriors that give each label a share, and the rest to B."""
    rows = np.zeros((len(labels), NUM_PHONES), np.float32)
    rows[np.arange(len(labels)), np.where(labels == IGNORED_ID, SILENCE_ID, labels)] = share
    rows[:, PHONE_IDS["B"]] += 1 - share
    return rows


def test_hh_gives_its_share_to_the_phone_after_it():
    lent = lend_shapes(heard(LABELS, 0.8), LABELS)
    assert lent.sum(1) == pytest.approx(1)
    assert (lent[8:16, HH] == 0).all()
    assert lent[8:16, IY] == pytest.approx(0.8)
    kept = np.r_[0:8, 16:40]
    assert np.array_equal(lent[kept], heard(LABELS, 0.8)[kept])
    last = np.repeat([IY, HH, SILENCE_ID], 8)
    assert np.array_equal(lend_shapes(heard(last, 0.8), last), heard(last, 0.8))


@pytest.mark.parametrize("share", [LEAST_CONFIDENCE + 0.01, LEAST_CONFIDENCE - 0.01])
def test_frames_count_where_the_encoder_heard_what_is_said(corpus, share):
    store = Store(corpus / "features")
    network, positions = made_network(store), taught_positions(store, "train")[:1]
    name = store.id_at(int(positions[0]))
    labels = store.get(name, "labels").astype(np.int64)
    hidden = np.zeros((len(labels) // 2, network.description.settings.audio_encoder.channels), np.float16)
    outputs = {name: (StoredOutput(heard(labels, share).astype(np.float16), hidden),)}
    (clip,) = TaughtClips(network, store, positions, outputs, [(network, outputs)])
    known = (labels != IGNORED_ID).reshape(-1, 4).all(1)
    assert known.any()
    assert np.array_equal(clip.detected, known if share > LEAST_CONFIDENCE else np.zeros(len(known), bool))
    with torch.inference_mode():
        moves = network.lip_parameters.from_sound(torch.zeros(1, *hidden.shape))
        posteriors = torch.from_numpy(outputs[name][0].posteriors.astype(np.float32))[None]
        embedding = network.speakers.embedding.weight[:1]
        ways = [network.decode(posteriors, embedding, lip_parameters) for lip_parameters in (moves, None)]
        made = (ways[0] + ways[1])[0].numpy() / 2
    assert clip.coefficients == pytest.approx(made, abs=5e-3)  # kept as float16


def test_students_learn_from_speech_without_lips_from_themselves_or_from_others(corpus, tmp_path):
    store = Store(corpus / "features")
    assert len(taught_positions(store, "train")) == len(lip_positions(store, "train")) > 0
    settings = LipsFitSettings(epochs=1, batch=4, taught_clips=2, taught_share=0.5)
    student = made_network(store)
    train_lips(student, store, settings, tmp_path / "alone", device="cpu")
    assert (tmp_path / "alone/taught/history.jsonl").is_file()
    settings.teachers = [str(tmp_path / "alone/teacher")]
    teacher = read_trainable(tmp_path / "alone/teacher")
    assert not torch.equal(teacher.bottleneck.phone_embedding.weight, student.bottleneck.phone_embedding.weight)
    assert teacher.description.notes == student.description.notes
    train_lips(student, store, settings, tmp_path / "taught", device="cpu")
    assert (tmp_path / "taught/history.jsonl").is_file()
    assert not (tmp_path / "taught/taught").exists()


def test_a_corpus_without_such_speech_trains_once(tmp_path):
    store = Store(make_corpus(tmp_path) / "features")
    train_lips(made_network(store), store, LipsFitSettings(epochs=1, batch=4), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out/taught").exists()


def test_encoders_are_compared_by_their_weights(corpus):
    one, other = (made_network(Store(corpus / "features")).audio_encoder for _ in range(2))
    assert same_weights(one, other)
    with torch.no_grad():
        next(other.parameters()).add_(1)
    assert not same_weights(one, other)
