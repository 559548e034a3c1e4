"""Turn detection."""
