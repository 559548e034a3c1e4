"""What is kept of a call: its session record and its recording."""
