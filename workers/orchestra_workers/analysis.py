"""Finds out what an app wants to know of calls that have ended."""

from orchestra.post_call.handlers import Analysis

consumer = Analysis().consumer
