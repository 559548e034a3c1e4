"""Placing calls: an edge is asked, with the token for that, and so its limits hold here, too."""
