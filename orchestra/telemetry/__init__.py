"""What leaves the platform: events and logs to OpenObserve, metrics and traces by OTLP, redacted before they go."""
