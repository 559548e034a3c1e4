"""ElevenLabs: text to speech over a WebSocket per call, phrases over HTTP."""
