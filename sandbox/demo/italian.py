"""What the garden writes in Italian."""

from __future__ import annotations

from datetime import date

from . import illustrations
from .writing import Article, Plain, facts, paragraph, quote

HEADLINE = "Limoni, dove nessuno li aspetta"
HOME_INTRODUCTION = (
    "<p>Da trecento anni, su questa riva, c’è chi porta i limoni oltre l’inverno: con muri che "
    "ricordano il sole, con assi, vetri e pazienza. L’ultima limonaia è di nuovo aperta.</p>"
)
HOME_BODY = [
    facts(
        (
            "Orari",
            "<p>Da marzo a ottobre, da mercoledì a domenica, dalle 10 alle 18. L’ultima limonata è alle 17.30.</p>",
        ),
        (
            "Biglietti",
            "<p>6 €, gratis fino a quattordici anni. Chi abita sul lago paga con un barattolo da riempire.</p>",
        ),
        (
            "Come arrivare",
            "<p>In battello fino a Sant’Aurelio, poi 120 gradini. Chi non può salire suoni: veniamo noi.</p>",
        ),
    ),
]
SIGNUP = {
    "heading": "Lettere dal giardino",
    "introduction": (
        "<p>Scriviamo di rado, e solo quando c’è qualcosa da annusare, assaggiare o vedere.</p>"
    ),
    "success_message": "Grazie! Abbiamo imbucato una lettera per te.",
    "button_label": "Scrivetemi",
}

JOURNAL_INTRODUCTION = "Che cosa succede fra i pilastri, scritto da chi porta le scale."

ARTICLES = [
    Article(
        slug="i-limoni-sono-di-nuovo-fuori",
        title="I limoni sono di nuovo fuori",
        date=date(2026, 3, 18),
        introduction="Dodici persone, quattro scale e 640 assi: sabato abbiamo aperto la limonaia per la "
        "sua trecentoduesima estate.",
        illustration=illustrations.LEMON_HOUSE,
        body=[
            paragraph(
                "<p>Le assi scendono nell’ordine in cui sono salite, da ponente a levante, e ognuna porta "
                "il suo numero, marchiato a fuoco dal bisnonno di qualcuno. La 211 manca dal 1957. Nessuno "
                "l’ha mai sostituita: d’inverno, di lì, entra ed esce la gatta.</p>"
                "<p>Dopo cinque mesi sotto vetro le piante sono pallide, come tutti noi a marzo. Ci "
                "vogliono due settimane perché le foglie tornino scure.</p>"
            ),
            quote(
                "Una limonaia non si apre. Si aspetta che il vento del nord se ne vada, e poi ci si "
                "sposta.",
                "Bortolo, giardiniere dal 1981",
            ),
        ],
    ),
]

PRIVACY = Plain(
    slug="privacy",
    title="Privacy",
    introduction="Che cosa sappiamo di te, perché, per quanto tempo, e come liberarti di noi.",
    in_menu=True,
    body=[
        paragraph(
            "<h2>Chi è il titolare</h2>"
            "<p>Associazione Limonaia Sant’Aurelio ETS, Via dei Cedri 12, 25080 Sant’Aurelio sul Lago "
            "(BS); post@limonaia.example, +39 030 555 0142. Per domande sui tuoi dati scrivi a Giulia "
            "Ferrari: privacy@limonaia.example.</p>"
            "<h2>Quando visiti questo sito</h2>"
            "<p>Non salviamo nulla sul tuo dispositivo e non coinvolgiamo terzi: niente pubblicità, niente "
            "statistiche, niente caratteri o mappe altrui. Il nostro server annota per sette giorni "
            "indirizzo, pagina e ora di ogni richiesta, per trovare guasti e attacchi; è un nostro "
            "legittimo interesse (articolo 6, paragrafo 1, lettera f, GDPR).</p>"
            "<h2>Quando ti iscrivi alle nostre lettere</h2>"
            "<p>Ti chiediamo l’indirizzo e-mail e, se vuoi, un nome con cui salutarti. Li usiamo per "
            "inviarti le lettere che hai scelto, e per nient’altro. La base giuridica è il tuo consenso "
            "(articolo 6, paragrafo 1, lettera a, GDPR).</p>"
            "<ul><li><b>Confermi tu.</b> Prima ti mandiamo una e-mail con un link. Chi non preme il "
            "pulsante non sente più nulla, e dopo una settimana la richiesta è cancellata.</li>"
            "<li><b>Conserviamo la prova.</b> Dobbiamo poter dimostrare che hai acconsentito: quando, su "
            "quale pagina, a quali parole. La teniamo finché resti iscritto e per tre anni dopo.</li>"
            "<li><b>Non ti osserviamo.</b> Non misuriamo se apri una lettera, né che cosa premi.</li>"
            "<li><b>Nessun altro riceve il tuo indirizzo.</b> Le lettere partono dal nostro server.</li>"
            "</ul>"
            "<h2>Come te ne vai</h2>"
            "<p>Ogni lettera ha un link per <b>annullare l’iscrizione</b>: un tocco, subito, senza motivi. "
            "Per non riscriverti per sbaglio conserviamo un valore calcolato dal tuo indirizzo, dal quale "
            "nessuno può leggere l’indirizzo.</p>"
            "<h2>I tuoi diritti</h2>"
            "<p>Puoi vedere, correggere, scaricare e cancellare i tuoi dati, limitarne l’uso, opporti e "
            "revocare il consenso in ogni momento; ciò che è avvenuto prima resta lecito. Ti ci porta il "
            "link <b>I miei dati</b> in ogni lettera; oppure scrivici. Se pensi che sbagliamo, puoi "
            "reclamare al Garante per la protezione dei dati personali, Piazza Venezia 11, 00187 Roma.</p>"
            "<p><i>Ultima modifica: 2 marzo 2026. Un esempio per un giardino inventato, non una "
            "consulenza legale.</i></p>"
        )
    ],
)
