"""What a worker loads once."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from phonolips.corpus.store.store import Store

if TYPE_CHECKING:
    from phonolips.model.network import Network


@lru_cache(maxsize=1)
def network_of(model: Path | None) -> "Network":
    """Load a model, once in each worker; None = the one in the package."""
    from phonolips.model.network import load_network

    return load_network(model)


@lru_cache(maxsize=1)
def lips_of(folder: Path, clips: int) -> Store:
    """Open the tracked lips of a prepared corpus, once in each worker; anew where their number has changed."""
    return Store(folder / "lips")
