"""The demo in German."""

from typing import Final

from orchestra.demo.texts import AgentTexts, Texts, ToolTexts

TEXTS: Final = Texts(
    language="de",
    greeting="Willkommen bei Swift Parcel. Wie kann ich Ihnen helfen?",
    apology="Entschuldigung, bei mir ist etwas schiefgegangen. Könnten Sie das noch einmal sagen?",
    holding="Einen Moment bitte.",
    style="""
Du bist am Telefon für Swift Parcel, einen Paketdienst. Antworte in ein oder zwei kurzen gesprochenen Sätzen: keine
Listen, kein Markdown, Paketnummern Ziffer für Ziffer. Rate nie: Auskünfte kommen nur von den Werkzeugen.
Nimm search_knowledge für Fragen dazu, wann geöffnet ist, zu Öffnungszeiten, Filialen, Preisen, Zoll, verlorenen
Paketen, Versicherung, Schäden, Lieferzeiten, verpassten Lieferungen, Nachbarn, Versand, Verpackung und Rücksendungen.
Nimm end_call, wenn sich jemand verabschiedet. Wird nach etwas gefragt, das nichts mit Paketen zu tun hat, sage:
"Es tut mir leid, ich kann Ihnen nur mit Paketen helfen."
""".strip(),
    agents={
        "reception": AgentTexts(
            about="antwortet zuerst: alles, wofür kein Kollege zuständig ist",
            prompt="Du bist der Empfang. Gib an den Kollegen ab, der für das Anliegen zuständig ist.",
        ),
        "tracking": AgentTexts(
            about="wo ein Paket ist, wann es kommt, ob es sich verspätet: ein Paket nach seiner Nummer suchen",
            prompt="Du suchst Pakete. Nimm find_parcel, sobald du die Paketnummer kennst.",
            examples=(
                "wo ist mein Paket",
                "wann kommt mein Paket",
                "wann wird es geliefert",
                "ich warte noch auf mein Paket",
                "mein Paket ist nicht angekommen",
                "ich möchte ein Paket verfolgen",
            ),
        ),
        "redelivery": AgentTexts(
            about="eine neue Zustellung: ein Paket noch einmal bringen, an einem anderen Tag, da niemand da war",
            prompt="Du vereinbarst neue Zustellungen. Nimm redeliver, sobald du Paketnummer und Tag kennst.",
            examples=(
                "bringen Sie es noch einmal",
                "ich möchte eine neue Zustellung",
                "ich war nicht zu Hause",
                "es war niemand da",
                "in meinem Briefkasten war eine Karte",
                "bringen Sie es am Samstag",
            ),
        ),
        "complaints": AgentTexts(
            about="eine Beschwerde über ein beschädigtes oder verspätetes Paket oder einen unfreundlichen Fahrer",
            prompt=(
                "Du nimmst Beschwerden auf. Nimm open_complaint, sobald du Paketnummer und Vorfall kennst. "
                "Versprich nie Geld zurück. Nimm transfer_call, wenn jemand einen Menschen sprechen will."
            ),
            examples=(
                "ich möchte mich beschweren",
                "mein Paket ist kaputt angekommen",
                "es ist beschädigt",
                "Ihr Fahrer war unfreundlich",
                "im Karton fehlt etwas",
            ),
        ),
    },
    find_parcel=ToolTexts(
        about="Herausfinden, wo ein Paket ist und wann es ankommt.",
        filler="Einen Moment, ich sehe nach.",
        examples=("wo ist mein Paket", "wann kommt mein Paket", "wie ist der Stand meines Pakets"),
    ),
    redeliver=ToolTexts(
        about="Eine neue Zustellung eines Pakets an einem anderen Tag buchen.",
        filler="Einen Moment, ich buche das.",
        examples=(
            "bringen Sie es noch einmal",
            "ich möchte eine neue Zustellung",
            "bringen Sie es an einem anderen Tag",
        ),
    ),
    open_complaint=ToolTexts(
        about="Eine Beschwerde über ein beschädigtes oder verspätetes Paket oder einen Fahrer aufnehmen.",
        filler="Einen Moment, ich schreibe das auf.",
        examples=(
            "ich möchte mich beschweren",
            "mein Paket ist kaputt",
            "es fehlt etwas",
            "der Fahrer war unfreundlich",
        ),
    ),
    number="Paketnummer, vier Ziffern. Wie ist die Paketnummer?",
    day="Tag der neuen Zustellung. Welcher Tag passt Ihnen, Montag bis Samstag?",
    what="was geschehen ist, in den Worten des Anrufers. Was ist passiert?",
    call_back="ob jemand zurückrufen soll. Soll Sie jemand zurückrufen?",
    days=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"),
    statuses={
        "4271": "liegt in der Filiale in der Bergstraße, weil niemand zu Hause war, als wir kamen",
        "3692": "ist unterwegs und kommt heute zwischen zwei und vier Uhr nachmittags",
        "9264": "wurde am Montag bei einem Nachbarn abgegeben",
        "6249": "ist noch beim Zoll und sollte in zwei Werktagen bei Ihnen sein",
        "1938": "ist auf dem Weg in die Filiale am Hafen und kommt morgen an",
        "7125": "hat sich seit fünf Werktagen nicht bewegt, deshalb suchen wir es jetzt",
    },
    parcel="Ihr Paket {number} {status}.",
    again_on="Es wird am {day} noch einmal gebracht.",
    offer="Sollen wir es noch einmal bringen?",
    unknown="Ich finde kein Paket mit der Nummer {number}. Bitte prüfen Sie die Nummer und sagen Sie sie noch einmal.",
    at_home="Ihr Paket {number} {status}, deshalb kann ich es nicht noch einmal bringen lassen.",
    booked="Erledigt. Ihr Paket {number} wird am {day} gebracht.",
    opened="Das tut mir leid. Ich habe die Beschwerde {complaint} für das Paket {number} aufgenommen.",
    called_back="Jemand ruft Sie morgen zurück.",
    money=r"\b(erstatt\w*|geld zurück|entschädig\w*|zurückzahl\w*|gutschreib\w*)",
    no_promise=r"\b(kann nicht|können nicht|keine zusage|mensch|mitarbeiter|nie)\b",
    serious=r"\b(verletz\w*|krankenhaus|krankenwagen|polizei|anwalt\w*|anwält\w*|gericht\w*|anzeig\w*|gestohlen|diebstahl|bedroh\w*)\b",
    only_a_person="Ob Geld erstattet wird, entscheidet ein Mitarbeiter. Ich kann Ihre Beschwerde aufnehmen.",
    read_number="Bevor ich das buche, lesen Sie mir bitte die Paketnummer von Ihrer Karte vor, Ziffer für Ziffer.",
    serious_briefing="Ernste Beschwerde über {number}: {what}",
    concern="Warum jemand angerufen hat.",
    concern_parcel="die Nummer des Pakets, nur Ziffern",
    concern_wish="was der Anrufer wollte, in wenigen Worten",
    promises_nothing="Die Agenten versprechen nie Geld zurück und nichts, was kein Werkzeug bestätigt hat.",
)
