"""Plivo: its webhooks and XML documents, audio streams, the voice API."""

#: an application's answer URL
WEBHOOK_PATH = "/plivo/answer"
