"""Results: what `orchestra compare` and `orchestra evaluate` have kept on this machine, as pages."""
