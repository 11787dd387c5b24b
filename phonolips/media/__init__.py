"""Sound and video files: the only room that knows PyAV."""
