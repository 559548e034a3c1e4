"""Many simulated callers at a time: what they wait, what is dropped, and what each process of the system takes."""
