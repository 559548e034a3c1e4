"""What Redis keeps of the calls beside the journal: their records, who called before, calls whose edge was lost."""
