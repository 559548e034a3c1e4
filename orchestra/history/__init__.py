"""A call's history: one fold of its journal (`reduce`), and a view for each question (`views`). Pure."""
