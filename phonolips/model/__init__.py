"""From speech or phones to lips: a model folder, its networks, streaming and adaptation."""
