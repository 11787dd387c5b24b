"""Texts that carry instructions: SSML, HTML, Markdown, subtitles, screenplays."""
