"""When each phone is said: tiers, TextGrid files, three aligners."""
