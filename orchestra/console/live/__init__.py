"""The live page: the calls that run, and the words of one of them, as their events arrive.

::

    Redis ── follower ── projection (a `LiveCall` each) ── viewers ── one event stream a page
"""
