"""Telnyx: Call Control over its webhooks and REST API, and its media WebSocket."""
