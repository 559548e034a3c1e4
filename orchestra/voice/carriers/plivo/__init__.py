"""Plivo: its webhooks and XML documents, audio streams, the voice API."""
