"""Which worker has which partition; recovery, retention, dead letters."""
