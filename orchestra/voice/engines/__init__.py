"""The speech engines of the edge behind one port."""
