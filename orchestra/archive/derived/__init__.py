"""What queries ask of many calls, derived from the events once and kept beside them."""
