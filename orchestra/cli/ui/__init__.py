"""What commands share: the terminal, tables, time lines, messages."""
