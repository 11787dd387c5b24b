"""What is said: sound, words, text, aligners, synthesisers."""
