"""Browsers as a line: a page, and a web component for other sites, whose microphone and loudspeaker are a telephone."""
