"""Text that can be heard: synthesisers behind one interface."""
