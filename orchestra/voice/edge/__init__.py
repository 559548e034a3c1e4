"""The process that answers calls: HTTP and WebSocket server, admission, drain, replies, phrases."""
