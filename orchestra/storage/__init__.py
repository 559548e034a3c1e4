"""What is kept of the calls: session records, who called before, recordings, the archive; and the calls over HTTP."""
