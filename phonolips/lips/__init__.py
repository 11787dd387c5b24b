"""What moves: the lip points, mouth space, measures, curves and shapes. NumPy only."""
