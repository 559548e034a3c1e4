"""Where recorded events come from: the journal, the archive, files; and which of them are chosen."""
