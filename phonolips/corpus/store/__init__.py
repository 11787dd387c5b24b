"""The store of a prepared corpus: shards, an index over them, and remote folders."""

from phonolips.moved import old_names

__getattr__ = old_names("corpus.store", "corpus.store.store", "corpus.store.shards")
