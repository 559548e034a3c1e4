"""The chat-completions protocol as its many servers speak it: what goes out, and whatever may come back."""
