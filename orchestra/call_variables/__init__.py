"""The variables of a call: what is known of it when it begins, and how that stands in prompts and in what is said."""

from orchestra.call_variables.notes import as_notes, without_values
from orchestra.call_variables.placeholders import find, in_prompt, in_speech, names_in
from orchestra.call_variables.values import check_variables

__all__ = ["as_notes", "check_variables", "find", "in_prompt", "in_speech", "names_in", "without_values"]
