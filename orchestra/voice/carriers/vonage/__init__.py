"""Vonage (formerly Nexmo) as a carrier: its Voice API."""
