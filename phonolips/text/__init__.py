"""From written text to phones."""

from phonolips.text.g2p import PhoneSequence, SpokenWord, text_to_phones

__all__ = ["PhoneSequence", "SpokenWord", "text_to_phones"]
