"""What the garden writes in English."""

from __future__ import annotations

from datetime import date

from . import illustrations
from .writing import Article, Plain, facts, paragraph, picture, quote

HEADLINE = "Lemons, where nobody expects them"
HOME_INTRODUCTION = (
    "<p>For three hundred years people on this shore have carried lemons through the winter: with "
    "walls that remember the sun, with boards, glass and patience. The last lemon house is open again.</p>"
)
HOME_BODY = [
    facts(
        (
            "Open",
            "<p>March to October, Wednesday to Sunday, 10 to 18. The last lemonade goes at half past five.</p>",
        ),
        (
            "Tickets",
            "<p>6 €, under fourteen nothing. Residents of the lake pay with a jar to be filled.</p>",
        ),
        (
            "Getting here",
            "<p>By boat to Sant’Aurelio, then 120 steps. For those who cannot climb: ring, we fetch you.</p>",
        ),
    ),
]
SIGNUP = {
    "heading": "Letters from the garden",
    "introduction": (
        "<p>We write rarely, and only when there is something to smell, to taste or to see.</p>"
    ),
    "success_message": "Thank you! We have put a letter into the post for you.",
    "button_label": "Write to me",
}

JOURNAL_INTRODUCTION = (
    "What happens between the pillars, written down by those who carry the ladders."
)

ARTICLES = [
    Article(
        slug="marmalade-the-slow-way",
        title="Marmalade, the slow way",
        date=date(2026, 9, 22),
        introduction="Three days, two pots and no hurry: how the kitchen at the lemon house makes the "
        "marmalade that is gone by Christmas.",
        illustration=illustrations.MARMALADE,
        body=[
            paragraph(
                "<p>Every September, when the last visitors of the day have gone down the steps, Teresa "
                "puts the big pot on the stove. The lemons are the crooked ones, those that no shop "
                "wants. “They have the thicker peel,” she says, “and the peel is the whole point.”</p>"
                "<h2>The first day</h2>"
                "<p>Wash two kilos of untreated lemons, halve them, take out the pips and tie these into "
                "a piece of muslin. Cut the peel as finely as your patience allows. Cover everything with "
                "three litres of water and <b>leave it alone</b> until tomorrow.</p>"
                "<h2>The second day</h2>"
                "<p>Boil for an hour, pips and all, until a fork goes through the peel. Put the lid on, "
                "and go to the lake.</p>"
                "<h2>The third day</h2>"
                "<p>Take out the muslin and squeeze it: what comes out is what makes the marmalade set. "
                "Add two kilos of sugar, boil hard for twenty minutes, and try a drop on a cold plate. "
                "Where it wrinkles, it is done.</p>"
            ),
            quote(
                "If you can read a newspaper through it, it is jam for tourists.", "Teresa, kitchen"
            ),
            paragraph(
                "<p>Makes about nine jars. Eight, if somebody was hungry. They are on sale at the gate "
                "from the first Sunday in October, as long as there are any.</p>"
            ),
        ],
    ),
    Article(
        slug="the-night-of-the-blossom",
        title="The night of the blossom",
        date=date(2026, 5, 6),
        introduction="Once a year we keep the gate open until midnight, put out the lamps and let the "
        "lemon trees speak for themselves.",
        illustration=illustrations.NIGHT,
        body=[
            paragraph(
                "<p>By day a lemon blossom smells of little. Towards ten in the evening, when the stones "
                "give back the warmth of the afternoon, it begins: first one tree by the cistern, then "
                "the whole upper terrace. An hour later you can smell it from the boat.</p>"
                "<p>We do not explain anything on this evening. There are blankets on the wall, there is "
                "cold camomile tea, and twice Agnese plays the viola, so softly that some only notice "
                "when she stops.</p>"
                "<h2>Why at night?</h2>"
                "<p>The trees do not do it for us. The scent calls the hawk-moths that hover before the "
                "flowers like small birds. If you sit still by the third pillar, they come as close as "
                "your hand.</p>"
            ),
            facts(
                (
                    "When",
                    "<p>Saturday 16 May, from 21 until midnight; if it rains, a week later.</p>",
                ),
                (
                    "Places",
                    "<p>Eighty, so that it stays quiet. Write to us, first come, first served.</p>",
                ),
                (
                    "Bring",
                    "<p>A jumper. No torch: your eyes need ten minutes, then they see everything.</p>",
                ),
            ),
        ],
    ),
    Article(
        slug="the-lemons-are-out-again",
        title="The lemons are out again",
        date=date(2026, 3, 18),
        introduction="Twelve people, four ladders and 640 boards: on Saturday we opened the lemon house "
        "for its three hundred and second summer.",
        illustration=illustrations.LEMON_HOUSE,
        body=[
            paragraph(
                "<p>The boards come down in the order in which they went up, from west to east, and each "
                "has its number, burnt in by somebody’s great-grandfather. Number 211 is missing since "
                "1957. Nobody has ever replaced it: there, in winter, the cat goes in and out.</p>"
                "<p>The trees look pale after five months under glass, like all of us in March. It takes "
                "two weeks until the leaves are dark again.</p>"
            ),
            quote(
                "You do not open a lemon house. You wait until the wind from the north has gone, and "
                "then you get out of its way.",
                "Bortolo, gardener since 1981",
            ),
            paragraph(
                "<h2>What has changed</h2>"
                "<ul><li>The wall of the upper terrace stands again, 38 metres of it, without mortar.</li>"
                "<li>Two new trees of the variety <i>Madernina</i>, grafted on bitter orange.</li>"
                "<li>A railing along the steps, at last, on both sides.</li></ul>"
                "<p>Thank you to all who carried. The next time we need you is in November, when "
                "everything goes back up.</p>"
            ),
        ],
    ),
    Article(
        slug="a-winter-under-glass",
        title="A winter under glass",
        date=date(2026, 1, 14),
        introduction="Outside four degrees below zero, inside a smell of August: a morning round with the "
        "thermometer.",
        illustration=illustrations.WINTER,
        body=[
            paragraph(
                "<p>The lemon house has no heating. What warms it is the wall at its back: two metres of "
                "stone that have looked south since spring and now, slowly, hand out what they took in. "
                "Below minus five that is not enough. Then somebody lights small fires in iron pans and "
                "stays awake.</p>"
                "<p>This winter it was four nights. We have put up a list, and it was full before the "
                "first frost: there seem to be many people who have always wanted to sit in a lemon "
                "house at three in the morning and stir embers.</p>"
            ),
            picture(illustrations.LEMON_HOUSE),
            paragraph(
                "<p>In ten weeks the boards come down again. Until then the door on the west side is open "
                "on Sundays from eleven to three. Do close it behind you.</p>"
            ),
        ],
    ),
]

VISIT = Plain(
    slug="visit",
    title="Visit",
    introduction="Terraces, pillars, 61 trees, a kitchen, a view. Plan an hour, stay for two.",
    in_menu=True,
    body=[
        *HOME_BODY,
        paragraph(
            "<h2>With children</h2><p>At the gate there is a map with eleven things to find. Whoever finds "
            "all of them may pick a lemon.</p>"
            "<h2>With little sight or poor legs</h2><p>The lower terrace is level, and all of it may be "
            "touched and smelt. The path from the upper car park has no steps; ring the bell with the "
            "yellow cord.</p>"
        ),
    ],
)
IMPRINT = Plain(
    slug="imprint",
    title="Imprint",
    introduction="Who is behind this site.",
    body=[
        paragraph(
            "<p><b>Associazione Limonaia Sant’Aurelio ETS</b><br/>Via dei Cedri 12<br/>"
            "25080 Sant’Aurelio sul Lago (BS), Italy</p>"
            "<p>post@limonaia.example<br/>+39 030 555 0142</p>"
            "<p>Chair: Maddalena Bettoni. Registered among the bodies of the third sector under number "
            "000142; tax number 98000000142.</p>"
            "<p><i>Like the lake, the village and the lemons, all of this is invented.</i></p>"
        )
    ],
)
