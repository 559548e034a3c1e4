"""A carrier of a WebSocket alone: binary messages are audio, text is marks and keys."""
