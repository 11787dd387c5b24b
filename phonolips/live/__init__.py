"""Lips while somebody speaks: sound comes from a microphone, a file or a pipe; frames go to programs, files, screens.

A source makes blocks of sound (`sources`), the engine turns them into frames (`engine`), and each frame goes to every
sink (`sinks` has the kinds, and what a sink is) through a thread of its own (`delivery`): none holds up another.
"""
