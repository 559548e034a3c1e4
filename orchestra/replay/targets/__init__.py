"""Where a replay goes: another Redis, or a consumer whose output is compared."""
