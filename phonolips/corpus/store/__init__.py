"""The store of a prepared corpus: shards, an index over them, and remote folders."""

from typing import TYPE_CHECKING

from phonolips.moved import old_names

if not TYPE_CHECKING:
    __getattr__ = old_names("corpus.store", "corpus.store.store", "corpus.store.shards")
