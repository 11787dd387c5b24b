"""Reading sound, and its log-mel features."""
