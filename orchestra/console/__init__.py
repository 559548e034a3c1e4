"""The console: a web application in which operators see every call, step into one, and understand the next.

It is a process of its own beside the edges. It reads journals, media, call records, recordings and the archive; what an
operator does to a call is an event, on which the edge that has the call acts. It never imports the voice edge.
"""
