"""Forgets calls: finds what every store has of them, removes it, and writes a receipt.

::

    CALL|NUMBER… ──▶ chosen.py ──▶ which calls ──▶ running, held, not handled yet: refused
                                       │
                                       ▼
    tombstones (nothing comes back) ──▶ Redis ──▶ recordings ──▶ archive ──▶ Label Studio ──▶ receipt

Every step can be repeated: a run that was killed is ended by the next one. What has left for other systems, and is not
ours to delete there, is named in the receipt.
"""
