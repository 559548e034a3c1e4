"""Twilio: its webhooks and TwiML, Media Streams, the REST API."""
