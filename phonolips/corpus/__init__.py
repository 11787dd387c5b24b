"""What a corpus is on disk, raw and prepared."""
