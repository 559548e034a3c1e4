"""Webhooks to other systems: chosen events of every call, signed, in order, until they are received.

The other direction, what a telephone company sends to an edge, is in ``orchestra/voice/carriers``.
"""
