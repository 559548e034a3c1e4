"""Delivers chosen events to other systems."""

from orchestra.webhooks.handlers import Webhooks

consumer = Webhooks().consumer
