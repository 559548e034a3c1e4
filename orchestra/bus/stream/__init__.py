"""Events in and out of a stream: entries, their encoding, the publisher, the subscription."""
