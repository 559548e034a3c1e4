"""Twilio: its webhooks and TwiML, Media Streams, the REST API."""

#: where a number's voice webhook goes
WEBHOOK_PATH = "/twilio/voice"
