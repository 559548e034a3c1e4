"""The SIP gateway: a process between telephones, exchanges or trunks, which speak SIP, and the edges.

::

    telephone ──SIP, RTP──▶ Gateway ──▶ CallFlow ──HTTP──▶ an edge: what happens next
                            baresip      │
                                         └▶ CallAudio ──WebSocket──▶ the same edge: audio, marks, keys

The gateway holds the telephone's call; an edge holds the conversation. When the edge dies, another one takes it up.
"""
