"""A call's page: its journal, wherever it is, as transcript, waterfall, prompts, tools and raw events."""
