"""Deepgram: speech to text over a WebSocket per call."""
