"""Everything that knows a language: how text is read out, where sentences end, stems, yes and no."""
