"""Old import paths of version 0.1: they work for one more release, with a DeprecationWarning that names the new place.

`phonolips.video.lips.opening` is found in `phonolips.lips.measures`, and so on. The table goes with the next release.
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Old module -> where its names are now, all below phonolips.
MOVED: dict[str, tuple[str, ...]] = {
    "adapt": ("model.adapt", "model.fit", "synth.adapt"),
    "alignment": ("speech.align.align", "corpus.align", "phones.intervals", "phones.textgrid"),
    "alignment.ctc": ("speech.align.ctc", "speech.align.search", "phones.posteriors"),
    "alignment.decode": ("phones.decode",),
    "alignment.mfa": ("speech.align.mfa", "speech.align.mfa_corpus"),
    "alignment.phone_ngram": ("phones.ngram",),
    "alignment.sphinx": ("speech.align.sphinx",),
    "alignment.spoken": ("speech.words",),
    "alignment.star": ("speech.align.known_word", "corpus.known_words"),
    "alignment.tiers": ("phones.intervals", "phones.textgrid"),
    "atomic": ("storage",),
    "audio": ("media.audio",),
    "audio.features": ("speech.mel",),
    "audio.io": ("media.audio",),
    "batch": ("synth.batch", "synth.options"),
    "config": ("training.settings", "model.settings"),
    "corpus.backend": ("workers.backend", "workers.local", "workers.cluster"),
    "corpus.index": ("corpus.store.index",),
    "corpus.parallel": ("workers.clips", "corpus.records"),
    "corpus.placing": ("corpus.registration", "lips.space"),
    "corpus.remote": ("corpus.store.remote",),
    "corpus.shards": ("corpus.store.shards",),
    "edit": (
        "editing.edit",
        "editing.edited",
        "editing.words",
        "editing.timeline",
        "editing.infill",
        "editing.recording",
        "synth.result",
    ),
    "edit.lips": ("editing.infill",),
    "edit.picture": ("editing.picture",),
    "edit.recording": ("editing.recording", "synth.result", "speech.words"),
    "edit.sound": ("editing.sound",),
    "edit.takes": ("editing.takes",),
    "edit.timeline": ("editing.timeline",),
    "edit.words": ("editing.words", "speech.words"),
    "emphasis": ("lips.emphasis", "cli.options"),
    "environment": ("cli.info",),
    "evaluation.lip_reader": (
        "training.reader",
        "training.reader_network",
        "training.reader_clips",
        "evaluation.reading",
    ),
    "evaluation.run": (
        "evaluation.evaluate",
        "evaluation.synthesise",
        "evaluation.score",
        "evaluation.draw",
        "evaluation.clips",
    ),
    "files": ("synth.folder", "synth.files", "synth.result", "show.plots.style"),
    "film": (),
    "film.drawing": ("show.film", "show.caption"),
    "film.face": ("face.render", "face.person"),
    "lips.motion": ("lips.liveliness", "lips.emphasis", "lips.rest", "lips.closures", "lips.shapes"),
    "model.audio_encoder": ("training.networks.encoder", "model.stages"),
    "model.bottleneck": ("training.networks.bottleneck", "phones.posteriors"),
    "model.decoder": ("training.networks.decoder", "model.stages"),
    "model.folder": ("model.bundle",),
    "model.gestures": ("training.networks.lip_parameters", "lips.measures"),
    "model.speaker": ("model.speakers", "model.stages", "training.networks.speakers"),
    "model.text_encoder": ("training.networks.durations", "model.stages", "phones.posteriors"),
    "plot": ("show.plots",),
    "plot.alignments": ("show.plots.alignments",),
    "plot.labels": ("show.plots.labels",),
    "plot.lips": ("show.plots.lips", "show.plots.comparison", "show.plots.filmstrip"),
    "plot.posteriors": ("show.plots.posteriors",),
    "plot.style": ("show.plots.style",),
    "plot.tiers": ("show.plots.tiers",),
    "plot_gallery": ("evaluation.gallery_pages", "evaluation.gallery_panels"),
    "plot_page": ("show.page.page", "show.pictures"),
    "plot_page.page": ("show.page.page", "media.audio"),
    "plot_page.pictures": ("show.pictures",),
    "silence": ("lips.rest",),
    "speech.espeak": (
        "speech.tts.espeak.backend",
        "speech.tts.espeak.events",
        "speech.tts.espeak.plain",
        "speech.tts.espeak.phonemes",
    ),
    "speech.festival": ("speech.tts.festival",),
    "speech.piper": ("speech.tts.piper",),
    "speech.spoken": ("speech.tts.spoken", "speech.tts.backend"),
    "text": ("speech.text.g2p", "speech.text.voice", "speech.words"),
    "text.english": ("speech.text.english",),
    "text.g2p": ("speech.text.g2p", "speech.text.voice", "speech.words"),
    "text.ipa": ("speech.text.ipa",),
    "text.lexicon": ("speech.text.lexicon",),
    "text.normalise": ("speech.text.normalise",),
    "training.ears": ("training.encoder", "training.encoder_batches", "training.calibration"),
    "training.hearings": ("training.encoder_outputs",),
    "training.run": ("training.train",),
    "video": (),
    "video.caption": ("show.caption",),
    "video.curves": ("show.outline",),
    "video.face_warp": ("face.warp",),
    "video.facemesh": ("face.mesh", "face.sighting"),
    "video.io": ("media.video", "timebase"),
    "video.lips": (
        "lips.points",
        "lips.measures",
        "lips.liveliness",
        "lips.emphasis",
        "lips.curve",
        "lips.space",
        "lips.shapes",
    ),
    "video.mouth": ("show.mouth", "show.view"),
    "video.mouth_cavity": ("face.cavity",),
    "video.palette": ("show.palette",),
    "video.pose": ("face.pose",),
    "video.render": ("show.drawing",),
    "video.track": ("face.track",),
    "video.transfer": ("lips.shapes",),
    "video.wild": ("face.limits",),
}
# Names that changed, too, whichever module they were in.
RENAMED = {
    "MeanLip": "MeanShape",
    "ReaderTrain": "ReaderTrainBatches",
    "lay_together": "register_clips",
    "mean_lips": "mean_shapes",
    "write_model": "write_bundle",
    "write_text_atomically": "write_text",
    "speak_around": "decode_around",
    "Recording": "Result",
    "How": "LipOptions",
    "ReaderFit": "ReaderTrainer",
    "DurationsRun": "DurationsTrainer",
    "captions_of": "phones_at_frames",
    "EarsValid": "EncoderValidBatches",
    "EarsTrain": "EncoderTrainBatches",
    "EarsFit": "EncoderTrainer",
    "EarsBatch": "EncoderBatch",
    "DurationsFit": "DurationsFitSettings",
    "EarsSettings": "EncoderFitSettings",
    "Fit": "Trainer",
    "GestureHead": "LipParameterHead",
    "GestureSettings": "LipParameterSettings",
    "Gestures": "LipParameterHeads",
    "Heard": "EncoderOutput",
    "HeardClip": "EncodedClip",
    "Hearing": "StoredOutput",
    "Hearings": "StoredOutputs",
    "LipsFit": "LipsFitSettings",
    "Listener": "PhoneEncoder",
    "Manner": "Options",
    "Run": "Result",
    "WildLimits": "FaceLimits",
    "ear_scores": "encoder_scores",
    "enliven": "exaggerate",
    "guess_gestures": "predict_lip_parameters",
    "hear_clip": "encode_clip",
    "hear_clips": "encode_stored_clips",
    "measure_gestures": "measure_lip_parameters",
    "read_run": "read_result",
    "run_fit": "fit_network",
    "run_weights": "arkit_weights_of",
    "speak_words": "speak_plain",
    "train_ears": "train_encoder",
    "whole_file": "atomic_file",
    "whole_folder": "atomic_folder",
}
# Names that mean different things in different modules: old address -> new address. They go before RENAMED.
REPLACED = {
    "adapt.lip_speaker_from_videos": "synth.adapt.adapt",
    "alignment.spoken.speech_only": "speech.words.words_to_align",
    "alignment.star.hear": "model.stream.encode_clips",
    "edit.words.spoken": "speech.words.without_pauses",
    "evaluation.run.spoken_words": "speech.words.alignment_to_words",
    "model.stream.listen": "model.stream.encode",
    "model.stream.speak": "model.stream.decode_lips",
}
PACKAGE = "phonolips"


def _look_up(old: str, places: Sequence[str], name: str) -> Any:
    """Find a name of an old module in the new places, as it was or as it is called now."""
    if f"{old}.{name}" in REPLACED:
        place, _, wanted = REPLACED[f"{old}.{name}"].rpartition(".")
        return vars(import_module(f"{PACKAGE}.{place}"))[wanted]
    for wanted in dict.fromkeys((name, RENAMED.get(name, name))):
        for place in places:
            module = import_module(f"{PACKAGE}.{place}")
            if wanted in vars(module):
                return vars(module)[wanted]
    raise AttributeError(f"module '{PACKAGE}.{old}' has no attribute {name!r}")


class _OldModule(ModuleType):
    """Stands for a module that was split or moved."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        old = self.__name__.removeprefix(f"{PACKAGE}.")
        return _look_up(old, MOVED[old], name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the public function of this name (`phonolips.edit`), which an import of the old module hides."""
        homes = vars(sys.modules[PACKAGE])["_HOMES"]
        module, name = homes[self.__name__.removeprefix(f"{PACKAGE}.")]
        return getattr(import_module(f"{PACKAGE}.{module}"), name)(*args, **options)


class _OldModules:
    """Finds and makes old modules; the base classes of importlib.abc would cost every command 10 ms."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return a spec for an old module, and None for everything else."""
        if fullname.removeprefix(f"{PACKAGE}.") not in MOVED or not fullname.startswith(f"{PACKAGE}."):
            return None
        return ModuleSpec(fullname, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty stand-in."""
        return _OldModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Warn, and name the new place."""
        places = MOVED[module.__name__.removeprefix(f"{PACKAGE}.")]
        new = " or ".join(f"{PACKAGE}.{place}" for place in places) or "other rooms"
        message = f"{module.__name__} is now {new}; the old path goes in the next release"
        warnings.warn(message, DeprecationWarning, stacklevel=2)


def old_names(old: str, *places: str) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module that kept its path but not all its names: those are found, with a warning.

    Type checkers must not see it (`if not TYPE_CHECKING`), or they accept any name of that module.

    Args:
        old: the module, such as `phones`.
        places: modules below phonolips that have its old names now; itself where names only changed.
    """

    def look_up(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _look_up(old, places, name)
        message = f"{PACKAGE}.{old}.{name} is now in {getattr(value, '__module__', ' or '.join(places))}"
        warnings.warn(f"{message}; the old path goes in the next release", DeprecationWarning, stacklevel=2)
        return value

    return look_up


def install() -> None:
    """Let old paths be found, after everything else."""
    if not any(isinstance(finder, _OldModules) for finder in sys.meta_path):
        sys.meta_path.append(_OldModules())
