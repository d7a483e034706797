"""The privacy page in English: the information of GDPR 13, as a small association would give it."""

from __future__ import annotations

from .writing import Plain, paragraph

PRIVACY = Plain(
    slug="privacy",
    title="Privacy",
    introduction="What we know of you, why, for how long, and how you get rid of us.",
    in_menu=True,
    body=[
        paragraph(
            "<h2>Who is responsible</h2>"
            "<p>Associazione Limonaia Sant’Aurelio ETS, Via dei Cedri 12, 25080 Sant’Aurelio sul Lago "
            "(BS), Italy; post@limonaia.example, +39 030 555 0142. For questions about your data, write "
            "to Giulia Ferrari: privacy@limonaia.example.</p>"
            "<h2>When you visit this site</h2>"
            "<p>Nothing is stored on your device and no third party is involved: no advertising, no "
            "statistics, no fonts or maps from elsewhere. Our server notes the address, the page and the "
            "time of each request for seven days, so that we can find faults and attacks; that is our "
            "legitimate interest (Article 6(1)(f) GDPR).</p>"
            "<h2>When you sign up for our letters</h2>"
            "<p>We ask for your e-mail address and, if you like, a name to address you by. We use them to "
            "send you the letters that you ticked, and for nothing else. The legal basis is your consent "
            "(Article 6(1)(a) GDPR).</p>"
            "<ul><li><b>You confirm.</b> We first send you one e-mail with a link. Whoever does not press "
            "the button behind it hears nothing more, and the request is deleted after a week.</li>"
            "<li><b>We keep the proof.</b> We must be able to show that you agreed: when, on which page, "
            "to which words. We keep that as long as you are subscribed, and three years longer, until "
            "claims have lapsed.</li>"
            "<li><b>We do not watch you.</b> We measure neither whether you open a letter nor what you "
            "click.</li>"
            "<li><b>Nobody else gets your address.</b> The letters leave from our own server.</li></ul>"
            "<h2>How you leave</h2>"
            "<p>Every letter has an <b>unsubscribe</b> link; one press, at once, without a reason. So that "
            "we do not write to you again by mistake, we then keep a value calculated from your address, "
            "from which nobody can read the address.</p>"
            "<h2>Your rights</h2>"
            "<p>You can see, correct, download and delete what we have about you, restrict how we use it, "
            "object, and withdraw your consent at any time; what happened before stays lawful. The "
            "<b>My data</b> link in every letter leads there, or write to us. If you think that we do it "
            "wrong, you can complain to the Garante per la protezione dei dati personali, Piazza Venezia "
            "11, 00187 Roma, or to the authority where you live.</p>"
            "<p>You need not give us any of this; without an address we just cannot write to you. No "
            "decision is ever left to a machine.</p>"
            "<p><i>Last changed on 2 March 2026. An example for an invented garden, and no legal "
            "advice.</i></p>"
        )
    ],
)
