"""The store of a prepared corpus: shards, an index over them, and remote folders."""
