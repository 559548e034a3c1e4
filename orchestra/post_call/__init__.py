"""After a call: a worker has it summarized, its values extracted, and judged, as its app asks (`orchestra.After`)."""
