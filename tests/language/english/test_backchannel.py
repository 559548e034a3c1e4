"""What English-speaking listeners say without taking the turn."""

import pytest

from orchestra.language.english.backchannel import is_backchannel, may_become_backchannel

LISTENING = (
    "mhm", "Mm-hmm.", "M-H-M.", "Mm.", "Hmm.", "Uh huh.", "uh-huh", "Uh-hah", "ah", "Aah.", "Oh.", "oh okay",
    "Oh, I see.", "okay", "Okay.", "OK", "O.K.", "okay okay", "Okay, great.", "yeah", "yeah yeah yeah", "Yep.",
    "yup", "yes", "Yes, yes.", "right",
    "Right, right.", "all right", "Alright.", "I see", "got it", "Got it, great.", "I got you",
    "gotcha", "sure", "Sure thing.", "of course", "I understand.", "I know", "makes sense", "That makes sense.",
    "sounds good", "That's right.", "that’s great", "cool", "perfect", "Wow.", "exactly", "fair enough",
    "good to know", "", "…", "haha", "Ha ha ha.", "[laughter]", "(coughs)", "[COUGH] okay", "*sighs*",
    "uh-huh?", "okay?", "right?", "So.", "them.", "and",
)  # fmt: skip
SPEAKING = (
    "no", "No.", "nope", "yeah, no", "Yeah no.", "okay, but", "okay but when", "Okay, stop.",
    "right, and then?", "right now", "wait", "hold on", "stop", "hang on", "one second", "Yes, please.",
    "sorry", "sorry?", "pardon", "what", "what?", "really?", "Huh?", "Hm?", "hello?", "I", "all",
    "I see a problem", "I see but", "got it wrong", "sure about that?", "thank you", "okay thank you", "4271",
    "okay 4", "oh no", "good morning", "that's wrong", "that's not right", "see", "I know that already",
    "So?", "And?", "so what", "and the other one", "with me", "but", "of course not", "Amy",
    "okay so what about Friday", "right, the other one", "um, excuse me",
)  # fmt: skip


@pytest.mark.parametrize("text", LISTENING)
def test_these_words_only_listen(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize("text", SPEAKING)
def test_these_words_take_the_turn(text: str) -> None:
    assert not is_backchannel(text)


@pytest.mark.parametrize("whole", LISTENING)
def test_no_beginning_of_a_back_channel_takes_the_turn(whole: str) -> None:
    words = whole.split()
    if any(mark in whole for mark in "[("):
        return
    assert all(may_become_backchannel(" ".join(words[:count])) for count in range(1, len(words) + 1))


@pytest.mark.parametrize(
    "text", ["no", "wait", "stop", "what", "where is", "can", "okay but", "right and", "yeah no", "hello"]
)
def test_other_beginnings_take_it_at_once(text: str) -> None:
    assert not may_become_backchannel(text)
