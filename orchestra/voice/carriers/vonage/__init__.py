"""Vonage (formerly Nexmo) as a carrier: its Voice API."""

#: an application's answer URL
WEBHOOK_PATH = "/vonage/answer"
