"""The texts that are spoken in the edge benchmark."""

GREETING = "Welcome to Swift Parcel."
ANSWER = "Yes, of course it is, and it is open until eight in the evening from Monday to Saturday."
