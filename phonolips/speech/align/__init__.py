"""Find when each phone is said: three aligners behind one function."""
