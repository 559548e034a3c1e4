"""What is said in the benchmark's conversations."""

#: "|" marks where a caller may stop to think; the turn is not over there
HESITATING = (
    "I would like to | have it delivered | on Saturday morning.",
    "My name is | Miller, and I am calling about | a parcel.",
    "Could you tell me | when the depot in | Denver opens?",
    "I ordered a | red bicycle, but you sent me | a blue one.",
    "The problem is | that nobody was at home when | the driver came.",
    "I think | the number was | on the second page of the letter.",
    "Can you change | the address to | twelve Park Avenue?",
    "We are going to | move next week, so | please send it to the new house.",
    "It should have arrived | on Tuesday, because | I paid for express.",
    "I need | two boxes and | one large envelope.",
    "When I called yesterday, | somebody told me | that it was on its way.",
    "Please put it | behind the | garden shed.",
    "I am not sure | whether the | invoice was paid.",
    "Is there a way to | get my money back | without the receipt?",
    "My neighbour at | number seventeen | took it in for me.",
    "I want to make | an appointment for | my daughter.",
    "The last time, it took | about three weeks | until I got an answer.",
    "Could I speak to | somebody in | the claims department?",
    "It is a | small brown box with | a green label.",
    "I have been waiting | since nine o'clock | this morning.",
    "Does that include | the insurance for | valuable goods?",
    "My flight leaves | on the fourth of | May.",
    "I would prefer | an evening appointment, if | that is possible.",
    "She said that | her brother would | pick it up.",
    "The website says | that you are closed | on holidays.",
    "I lost | the card that the | driver left.",
    "Can I pay | with a credit card or | only in cash?",
    "Please cancel | the order from | last Friday.",
    "We have a | table for four booked | under the name of Baker.",
    "I was wondering | if you could | call me back later.",
)
#: two sentences of one turn
TWO_SENTENCES = (
    "I have a question. | When will my parcel arrive?",
    "That is fine. | Please send it on Monday.",
    "My parcel is broken. | The glass inside is in pieces.",
    "I was not at home. | Can you bring it again tomorrow?",
    "Thank you for that. | There is one more thing I need to know.",
    "It was supposed to come today. | I waited the whole morning.",
    "I moved last month. | My new address is in Oak Street.",
    "This is my second call. | Nobody called me back.",
    "Hello. | I would like to book a table.",
    "No, that is not it. | I ordered the small one.",
)
#: turns without a pause inside
FLUENT = (
    "Until when is the depot open today?",
    "I want to make a complaint.",
    "Please send it to my office.",
    "What does express delivery cost?",
    "My parcel has not arrived yet.",
    "Could you say that again, please?",
    "I would like to speak to a person.",
    "The driver was very friendly.",
    "Where is the nearest depot?",
    "Tomorrow afternoon would be good.",
)
ASKS = ("Until when is the depot open today?", "What does express delivery cost?", "Where is the nearest depot?")
#: statements of the agent, long enough to be spoken over
LONG = (
    (
        "The depot is open from eight in the morning until eight in the evening, and on Saturdays it closes at noon, "
        "so there is plenty of time to come by."
    ),
    (
        "Express delivery costs nine dollars within the city and twelve dollars outside of it, and every parcel is "
        "insured up to the value of five hundred dollars."
    ),
    (
        "Your parcel left the warehouse on Monday and is now on its way to the depot near the station, where it will "
        "be kept for one week before it goes back."
    ),
    (
        "The nearest depot is in Park Street, just across from the old station, and there are always a few free places "
        "for cars behind the building."
    ),
)
INTERRUPTING = (
    "Wait.", "Stop.", "No.", "Hold on.", "Wait a moment, please.", "No, that is wrong.", "Stop, please.",
    "Sorry, can I ask something else?", "What about Sunday?", "I did not ask that.", "Excuse me.",
    "How much is it?", "No, no, I meant the other one.", "Can you repeat the price?", "Actually, forget it.",
    "I need to speak to a person.", "That is not what I asked for.", "When does it open?", "Hang on a second.",
    "Wait, which street was that?",
)  # fmt: skip
PEOPLE_INTERRUPTING = {
    "one-moment-please": "One moment please.", "im-sorry": "I'm sorry.", "cancelled": "Cancelled.",
    "please-try-again": "Please try again.", "goodbye": "Goodbye.", "vm-no": "No.", "sorry": "Sorry.",
    "vm-sorry": "I am sorry, I did not understand your response.",
    "transfer": "Please hold while I try that extension.",
    "invalid": "I am sorry, that is not a valid extension. Please try again.",
}  # fmt: skip
BACKCHANNELS = (
    "Okay.", "Right.", "Yeah.", "I see.", "Uh huh.", "Mhm.", "All right.", "Got it.", "Yes.", "Sure.", "Hmm.", "Oh.",
    "Ah, okay.", "Yeah, yeah.", "Good.",
)  # fmt: skip
YES_NO_QUESTION = "Is that right?"
SHORT_ANSWERS = (
    "Yes.", "No.", "Yeah.", "Yep.", "Nope.", "Sure.", "Okay.", "Right.", "Never.", "Please.", "Two.", "Nine.",
    "Monday.", "Today.", "Later.", "Both.", "Neither.", "Thanks.", "Hello?", "Correct.",
)  # fmt: skip
WHICH_QUESTION = "Which one is it?"
NUMBER_QUESTION = "What is the number?"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
#: single words of Asterisk's speaker: file name → word
PEOPLE_WORDS = {
    "hello": "Hello.", "goodbye": "Goodbye.", "vm-no": "No.", "sorry": "Sorry.", "hours": "Hours.", "time": "Time.",
    "your": "Your.", "with": "With.", "for": "For.", "is": "Is.", "minute": "Minute.", "second": "Second.",
    "number": "Number.", "location": "Location.", "extension": "Extension.", "enabled": "Enabled.",
    "disabled": "Disabled.", "added": "Added.", "removed": "Removed.", "calling": "Calling.",
    "cancelled": "Cancelled.", "vm-first": "First.", "vm-last": "Last.", "vm-and": "And.", "vm-Work": "Work.",
    "vm-Family": "Family.", "vm-Friends": "Friends.", "vm-Old": "Old.", "digits/today": "Today.",
    "digits/tomorrow": "Tomorrow.", "digits/yesterday": "Yesterday.", "digits/dollars": "Dollars.",
    "digits/star": "Star.", "digits/pound": "Pound.", "digits/day-1": "Monday.", "digits/day-5": "Friday.",
    "digits/mon-4": "May.", "digits/10": "Ten.", "digits/20": "Twenty.", "digits/h-1": "First.",
}  # fmt: skip
#: turns of Asterisk's speaker, whole sentences
PEOPLE_SENTENCES = {
    "hello-world": "Hello world.", "vm-goodbye": "Goodbye.", "one-moment-please": "One moment please.",
    "please-try-again": "Please try again.", "to-listen-to-it": "To listen to it.", "vm-youhave": "You have.",
}  # fmt: skip
READINGS = {
    "librivox/sense_and_sensibility_01_austen_64kb-0870":
        "And Mister John Dashwood had then leisure to consider how much there might be prudently in his power to do "
        "for them.",
    "librivox/sense_and_sensibility_01_austen_64kb-0880": "He was not an ill disposed young man.",
    "librivox/sense_and_sensibility_01_austen_64kb-0890":
        "Unless to be rather cold hearted and rather selfish is to be ill disposed.",
    "librivox/sense_and_sensibility_01_austen_64kb-0920":
        "Had he married a more amiable woman he might have been made still more respectable than he was.",
    "librivox/sense_and_sensibility_01_austen_64kb-0930": "He might even have been made amiable himself.",
    "cards/001": "Ten of clubs.",
    "cards/002": "Four, queen of clubs.",
    "cards/003": "Seven of clubs.",
    "cards/004": "Five, five.",
    "cards/005": "Eight of spades, four of clubs, seven of hearts.",
}  # fmt: skip
