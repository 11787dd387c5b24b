"""Prepare a corpus for training, step by step: records, lips, align, features.

Every step cuts its clips into groups. A group is made atomically by one process, here or on another machine
(`backend`); what it makes depends on its clips alone. So a step goes on where a killed run stopped, and its result is
the same whoever did the work. `phonolips.corpus.layout` describes the folder that comes of it.
"""

from typing import TYPE_CHECKING

from phonolips.corpus.prepare.align import align_clips
from phonolips.corpus.prepare.features import make_features
from phonolips.corpus.prepare.records import make_records
from phonolips.corpus.prepare.track import track_lips
from phonolips.moved import old_names

__all__ = ["align_clips", "make_features", "make_records", "track_lips"]

if not TYPE_CHECKING:
    __getattr__ = old_names("corpus.prepare", "corpus.layout", "lips.curve")
