"""The consumers of the platform, one file a consumer group: which events it takes, and what it publishes."""
