"""Telnyx: Call Control over its webhooks and REST API, and its media WebSocket."""

#: where an application's webhooks go
WEBHOOK_PATH = "/telnyx/voice"
