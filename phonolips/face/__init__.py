"""Faces in pictures and videos: the only room that knows mediapipe and OpenCV."""
