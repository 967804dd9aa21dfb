"""
Labelled replies: what people and machines write, and how mail programs wrap it up.

The texts are made up after the ways in which people really write: short, cross, polite,
with mistakes, in four languages. A label is what a careful person would say.
"""

# People's sentences stay on one line.
# ruff: noqa: E501

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

TO = "reply+{token}@actiontrac.example"
FROM = "Olive Lund <olive@acme.example>"

#: Clear wishes that no more of it comes.
CLEAR: dict[str, tuple[str, ...]] = {
    "en": (
        "STOP", "Stop.", "stop please", "Unsubscribe", "unsubscribe!!", "UNSUBSCRIBE ME", "Please unsubscribe.",
        "Pls unsub", "unsuscribe", "Opt out", "opt-out please", "Remove", "remove me", "Please remove me from your list.",
        "Take me off this list", "Take me off your mailing list, thank you.", "Please take my name off of your mailing list",
        "Stop sending me emails.", "Please stop emailing me!", "Stop spamming me", "Please do not email me again.",
        "Don't send me any more of these.", "No more newsletters please", "I don't want to receive these emails anymore.",
        "I no longer wish to receive your newsletter.", "I do not want your promotions", "Not interested in your webinars.",
        "I would like to opt out of these mailings.", "I want to unsubscribe from this.", "Can you please remove me from this list?",
        "Could you unsubscribe me please?", "Kindly delete my email address from your mailing list.", "Please cancel my subscription to your newsletter.",
        "Stop all these emails", "I didn't sign up for this. Remove me from your list immediately.",
        "Hi,\n\nwe are no longer interested. Please stop contacting us.\n\nOlive", "I've asked before: unsubscribe me!",
        "Thanks, but I'm not interested in these offers. Please opt me out.", "I wish to be unsubscribed.", "Leave me alone",
        "Hello, please unsubscribe this address from all marketing.",
    ),
    "es": (
        "BAJA", "Baja, por favor", "Darme de baja", "Quiero darme de baja.", "Por favor, denme de baja de esta lista.", "Deme de baja, gracias",
        "Solicito la baja de su boletín.", "No quiero recibir más correos.", "No deseo recibir más publicidad de ustedes.",
        "Dejen de enviarme correos", "Por favor dejen de mandarme mensajes.", "No me envíen más correos.", "No más correos por favor",
        "Elimínenme de su lista", "Borren mi correo de su lista, por favor.", "Quítenme de la lista de correo.", "Desuscribirme",
        "Quisiera desuscribirme del boletín", "Cancelar suscripción al boletín", "Buenos días:\n\nno deseo seguir recibiendo sus promociones.\n\nUn saludo,\nOlivia",
        "Saquen mi correo de su lista", "No quiero sus ofertas", "Hola, me gustaría darme de baja. Gracias.",
    ),
    "fr": (
        "Désabonnement", "Désabonnez-moi", "Merci de me désabonner.", "Je souhaite me désabonner.", "Je voudrais me désinscrire de votre liste.",
        "STOP svp", "Veuillez me désinscrire de votre newsletter.", "Je ne souhaite plus recevoir vos e-mails.", "Je ne veux plus recevoir vos messages.",
        "Merci de ne plus m'envoyer de courriels.", "Arrêtez de m'envoyer des mails !", "Cessez vos envois", "Plus de publicité, merci",
        "Retirez-moi de votre liste.", "Merci de retirer mon adresse de votre liste de diffusion.", "Supprimez mon adresse de votre fichier",
        "Ne m'envoyez plus rien", "Ne me contactez plus.", "Je ne désire plus de newsletter", "Bonjour,\n\nje vous prie de me désabonner.\n\nCordialement,\nOlive",
        "Enlevez mon mail de votre liste svp", "désinscription",
    ),
    "de": (
        "Abmelden", "Bitte abmelden!", "Abmeldung", "Abbestellen", "Bitte melden Sie mich ab.", "Melden Sie mich bitte vom Newsletter ab.",
        "Ich möchte mich abmelden.", "Ich moechte den Newsletter abbestellen.", "Hiermit bestelle ich den Newsletter ab.", "Bitte keine weiteren E-Mails.",
        "Keine Werbung mehr!", "Bitte keine Newsletter mehr schicken", "Ich will keine E-Mails mehr von Ihnen bekommen.", "Bitte streichen Sie mich von der Liste.",
        "Nehmen Sie mich aus dem Verteiler.", "Bitte nehmen Sie mich aus Ihrem Verteiler heraus", "Löschen Sie mich aus dem Verteiler!", "Bitte tragen Sie mich aus.",
        "Schicken Sie mir nichts mehr.", "Bitte nicht mehr anschreiben.", "Ich wünsche keine weiteren Informationen.", "Hiermit widerspreche ich der Nutzung meiner Daten für Werbung.",
        "Ich möchte keine Werbung erhalten", "Stoppen Sie diese Mails", "Sehr geehrte Damen und Herren,\n\nbitte entfernen Sie mich aus dem Verteiler.\n\nMit freundlichen Grüßen\nOlive Lund",
        "Newsletter abbestellen",
    ),
}  # fmt: skip

#: Written without a look at the patterns, to see how far they carry.
MORE_CLEAR: tuple[str, ...] = (
    "Please take us off your distribution list.",
    "I'd rather not get these. Please stop.",
    "Stop it with the mails",
    "do not contact me again",
    "please delete me from the newsletter",
    "Unsubscribe me right now!",
    "I am not interested, remove my address",
    "I don't want these mails",
    "We don't need these emails, please unsubscribe us.",
    "Get me off this list",
    "Please make it stop",
    "I want off this mailing list",
    "Please discontinue these emails",
    "no thanks, unsubscribe",
    "Would you please stop sending these newsletters to me?",
    "No me interesa, denme de baja",
    "Por favor borradme de la lista",
    "No quiero publicidad",
    "No me manden nada más",
    "Por favor, no más mensajes",
    "Quiero dejar de recibir estos correos",
    "Ya no quiero recibir sus correos",
    "Je n'en veux plus, désabonnez moi",
    "Stop aux mails",
    "Veuillez supprimer mon adresse de votre liste",
    "Je ne veux plus de vos mails",
    "Merci d'arrêter les envois",
    "Veuillez cesser de m'écrire",
    "Je souhaite être retiré de la liste",
    "Bitte aus dem Verteiler nehmen",
    "Bitte löschen Sie meine Adresse aus Ihrem Verteiler",
    "Kein Interesse, bitte abmelden",
    "Ich möchte keine weiteren Mails",
    "Schluss mit der Werbung!",
    "Ich will diesen Newsletter nicht mehr",
    "Nehmt mich bitte von der Liste",
    "Hören Sie auf, mir Mails zu schicken",
    "Keine Mails mehr bitte",
    "Ich möchte vom Newsletter abgemeldet werden",
    "Mich bitte austragen",
    "Please remove this email address from any future mailings",
    "I do not wish to receive further communications",
    "Pls take me off ur list",
    "We are not interested in your product, kindly remove us from your database of contacts",
    "I have no interest in webinars. Unsubscribe.",
    "Please stop these mails, I never subscribed",
    "I am retired now, please stop sending me your newsletter",
    "delete my email",
    "don't email me",
    "UNSUBSCRIBE - thank you",
    "Please unsubscribe olive@acme.example",
    "Please make sure I don't get any more of these promotional emails",
    "Could you please take me off of the email list?",
    "please remove me from further emails",
    "I want to opt-out from all marketing communication",
    "Cease and desist sending me emails",
    "Enough! Stop emailing me!!!",
    "For the last time: remove me from your mailing list",
    "Would like to unsubscribe",
    "Por favor, dejen de enviarme publicidad",
    "Solicito que me den de baja",
    "Quiero que me eliminen de su lista de correos",
    "Favor de darme de baja de su lista",
    "No estoy interesado, por favor no me escriban más",
    "No vuelvan a escribirme",
    "Por favor eliminar mi correo de la base de datos de envíos",
    "Dadme de baja del boletín",
    "Cancelen mi suscripción a este boletín",
    "Bonjour, je ne souhaite plus recevoir d'emails de votre part. Merci",
    "Veuillez retirer mon adresse mail de votre base",
    "Pouvez-vous me désabonner svp ?",
    "Plus de mails s'il vous plaît",
    "Arrêtez vos pubs",
    "Je ne suis pas intéressé, merci de me retirer de votre liste",
    "Je me désabonne",
    "Merci de supprimer mon contact de vos listes",
    "Ne plus m'écrire svp",
    "Bitte von der Mailingliste streichen",
    "Bitte schicken Sie mir keine Newsletter mehr.",
    "Ich möchte keine weiteren Informationen per Mail erhalten",
    "Bitte löschen Sie meine E-Mail-Adresse aus Ihrem System",
    "Kein Interesse an Webinaren, bitte nicht mehr schreiben",
    "Könnten Sie mich bitte aus der Liste entfernen?",
    "Ich will mich vom Newsletter abmelden",
    "Bitte den Newsletter einstellen",
    "Unterlassen Sie bitte die Zusendung von Werbung",
    "Ich habe kein Interesse mehr an Ihren Mails, bitte abbestellen",
    "Please remove me from this mailing list ASAP",
    "I keep getting these. Unsubscribe me from all of it.",
    "Stop sending this junk",
    "You can take me off your list",
    "I never asked for this newsletter, please unsubscribe me",
    "We'd like to be removed from your mailing list",
    "don't contact us anymore",
    "unsubscribe me from webinars",
    "STOP ALL",
    "Kindly unsubscribe",
    "Not interested. Please remove.",
    "Hi team, please opt us out of promotional emails. Thanks",
    "I am no longer with the HR team, unsubscribe me please",
    "Please stop all marketing emails to this address",
    "No quiero más correos suyos",
    "Por favor, quítenme de esta lista",
    "Les pido que dejen de enviarme ofertas",
    "Baja inmediata por favor",
    "No me interesan sus webinars, no envíen más",
    "Quiero cancelar la suscripción al newsletter",
    "Merci de me retirer de la liste de diffusion",
    "Je ne souhaite plus être contacté",
    "Désinscription svp, merci",
    "Stop pub",
    "Veuillez arrêter de m'envoyer ces mails",
    "Prière de me désinscrire",
    "Je veux me désabonner de cette newsletter",
    "Bitte melden Sie mich von allen Werbemails ab",
    "Ich möchte nicht mehr angeschrieben werden",
    "Bitte stoppen Sie den Newsletter",
    "Keine weiteren Einladungen bitte",
    "Nehmen Sie meine Adresse aus dem Verteiler",
    "Ich möchte diese Mails nicht mehr bekommen",
    "Hiermit melde ich mich vom Newsletter ab",
    "Abmelden bitte, danke!",
    "Bitte keine Werbung",
)  # fmt: skip

#: Words of the kind, and something else meant: whatever else follows, nobody is switched off.
ORDINARY: tuple[str, ...] = (
    "We stop work at five; can we talk on Monday?",
    "The elevator does not stop on our floor, so come to the second.",
    "Please remove the second worker from my account, thanks.",
    "Can you cancel invoice 2026-000042? We paid twice.",
    "I want to hear more about the plans, stop me if that is too much",
    "We will opt out of the trial and buy the Team plan now.",
    "Please do not stop these emails",
    "Le prix est trop en baisse? Non, plus de détails svp",
    "Mit dem Bus bitte bis zur Haltestelle, dann abbiegen.",
    "La temperatura más baja fue ayer",
    "Please send me more information",
    "I no longer need the invoice, thanks",
    "No more questions from my side, thanks!",
    "I do not want to miss the webinar",
    "Ne changez plus rien, merci",
    "Bitte keine weiteren Änderungen am Vertrag",
    "Please delete the worker Ida from the list of workers",
    "No quiero perderme el webinar",
    "Nous ne souhaitons plus de 10 licences",
    "Can you stop sending invoices by post and use email instead?",
)  # fmt: skip

#: Nobody may be switched off for these by a machine; what kind of ticket they become.
FOR_A_PERSON: tuple[tuple[str, str], ...] = (
    ("How do I unsubscribe from the webinars but keep the receipts?", "opt_out"),
    ("Please don't unsubscribe me, I love these mails!", "opt_out"),
    ("I did not mean to unsubscribe.", "opt_out"),
    ("I unsubscribed by mistake, please sign me up again.", "opt_out"),
    ("My colleague wants to be unsubscribed: bob@acme.example", "opt_out"),
    ("Please remove bob@acme.example from your list.", "opt_out"),
    ("If I unsubscribe, do I still get invoices?", "opt_out"),
    ("Why did I get this newsletter?", "opt_out"),
    ("We get too many emails from you.", "opt_out"),
    ("¿Cómo me doy de baja?", "opt_out"),
    ("No quiero darme de baja.", "opt_out"),
    ("Je ne souhaite pas me désabonner.", "opt_out"),
    ("Comment se désabonner ?", "opt_out"),
    ("Bitte nicht abmelden!", "opt_out"),
    ("Wie kann ich mich abmelden?", "opt_out"),
    ("Habe mich versehentlich abgemeldet.", "opt_out"),
    ("How many workers fit into the Team plan?", "other"),
    ("Thanks!", "other"),
    ("See you on Tuesday at ten.", "other"),
    ("Can we stop by your stand at the fair?", "opt_out"),
    ("¿Cuánto cuesta el plan Business?", "other"),
    ("Merci pour l'invitation, je serai là mardi.", "other"),
    ("Danke, wir kommen gerne zum Webinar.", "other"),
    ("", "other"),
    ("Please cancel our account.", "cancel"),
    ("We want to terminate our membership at the end of the year.", "cancel"),
    ("I'd like to cancel my subscription.", "cancel"),
    ("Please close my account, we have gone out of business.", "cancel"),
    ("Quiero cancelar mi cuenta.", "cancel"),
    ("Nous souhaitons résilier notre contrat.", "cancel"),
    ("Hiermit kündige ich unseren Vertrag zum Jahresende.", "cancel"),
    ("Please stop using my information.", "stop_use"),
    ("Delete all my personal data under GDPR.", "stop_use"),
    ("Borren todos mis datos.", "stop_use"),
    ("Veuillez supprimer toutes mes données personnelles.", "stop_use"),
    ("Bitte löschen Sie alle meine Daten.", "stop_use"),
    ("What data do you hold about me?", "access"),
    ("I'd like a copy of my personal data.", "access"),
    ("Solicito acceso a mis datos personales.", "access"),
    ("Quelles données avez-vous sur moi ?", "access"),
    ("Ich bitte um Auskunft über meine gespeicherten Daten nach Artikel 15 DSGVO.", "access"),
)  # fmt: skip

#: Out-of-office replies, ticket systems, people who have left: subject and text.
MACHINES: tuple[tuple[str, str], ...] = (
    ("Automatic reply: A webinar", "I am out of the office until Monday. For urgent matters please call Bob."),
    ("Out of Office: Re: A webinar", "Thank you for your message. I will be back on 3 December."),
    ("Out of office", "Stop by reception if it is urgent; I am away."),
    ("Re: A webinar", "I am currently out of the office with limited access to email."),
    ("Re: A webinar", "I'm on annual leave until 7 January. To unsubscribe from my newsletter, reply STOP."),
    ("Auto: A webinar", "Olive no longer works here. Please remove her from your list."),
    ("Re: A webinar", "Olive Lund is no longer with the company. Please remove this address from your list."),
    ("[Ticket #4711] A webinar", "Your request has been received. To unsubscribe from notifications reply with UNSUBSCRIBE."),
    ("Re: A webinar", "This is an automated response. Reply STOP to unsubscribe."),
    ("Re: A webinar", "This mailbox is not monitored. Do not reply to this email. Unsubscribe"),
    ("We have received your request", "We will answer within two days. Unsubscribe: reply STOP"),
    ("Respuesta automática: A webinar", "Estoy fuera de la oficina hasta el lunes. Para darse de baja responda BAJA."),
    ("Fuera de la oficina", "Volveré el 3 de diciembre. Baja."),
    ("Re: A webinar", "Me encuentro de vacaciones. No me envíen más correos, por favor."),
    ("Réponse automatique : A webinar", "Je suis absente jusqu'au 3 décembre."),
    ("Absence du bureau", "Merci de ne plus m'envoyer de courriels avant lundi."),
    ("Re: A webinar", "Je suis actuellement en congés. Désabonnement impossible."),
    ("Automatische Antwort: A webinar", "Ich bin bis zum 3. Dezember nicht im Büro."),
    ("Abwesenheitsnotiz", "Bitte keine weiteren E-Mails bis Montag. Abmelden."),
    ("Re: A webinar", "Ich bin vom 1. bis zum 12. Dezember im Urlaub. Bitte nicht mehr anschreiben."),
    ("AW: A webinar", "Diese E-Mail wurde automatisch erstellt. Abmelden: STOP"),
    ("Undeliverable: A webinar", "Your message could not be delivered. STOP"),
    ("Mail delivery failed: returning message to sender", "unsubscribe"),
    ("Unzustellbar: A webinar", "Abmelden"),
    ("Read: A webinar", "Your message was read on Monday. Unsubscribe"),
)  # fmt: skip

#: The header fields of machines; each is enough by itself, whatever the mail says.
MACHINE_HEADERS: tuple[tuple[str, str], ...] = (
    ("Auto-Submitted", "auto-replied"), ("Auto-Submitted", "auto-generated; owner-email=olive@acme.example"),
    ("Precedence", "bulk"), ("Precedence", "auto_reply"), ("Precedence", "junk"), ("X-Autoreply", "yes"),
    ("X-Autorespond", "vacation"), ("X-Auto-Response-Suppress", "All"), ("X-Auto-Response-Suppress", "DR, OOF, AutoReply"),
    ("Return-Path", "<>"), ("List-Id", "<staff.acme.example>"), ("X-FC-MachineGenerated", "true"),
)  # fmt: skip

#: What stands below in the mail that is answered; it must count for nothing.
_OURS = (
    "Come and see\n\nOn December 3. Unsubscribe any time, or reply STOP.\n\nStop mail of this kind (Promotions):\n"
    "https://actiontrac.example/unsubscribe/abc\n\nNo more newsletters? Abmelden, baja, désabonnement."
)
_QUOTED = "\n".join(f"> {line}" for line in _OURS.split("\n"))
_ATTRIBUTION = {
    "en": "On Mon, Nov 23, 2026 at 1:00 PM ActionTrac <\nno-reply@actiontrac.example> wrote:",
    "es": "El lun, 23 nov 2026 a las 13:00, ActionTrac (<no-reply@actiontrac.example>) escribió:",
    "fr": "Le lun. 23 nov. 2026 à 13:00, ActionTrac <no-reply@actiontrac.example> a écrit :",
    "de": "Am Mo., 23. Nov. 2026 um 13:00 Uhr schrieb ActionTrac <no-reply@actiontrac.example>:",
}
_OUTLOOK = {
    "en": ("From", "Sent", "To", "Subject"), "es": ("De", "Enviado", "Para", "Asunto"),
    "fr": ("De", "Envoyé", "À", "Objet"), "de": ("Von", "Gesendet", "An", "Betreff"),
}  # fmt: skip
_PHONE = {
    "en": "Sent from my iPhone", "es": "Enviado desde mi iPhone", "fr": "Envoyé de mon iPhone", "de": "Von meinem iPhone gesendet",
}  # fmt: skip


@dataclass(frozen=True)
class Labelled:
    name: str
    raw: bytes
    #: "stop" (carried out at once), "machine", "ordinary" (not to be carried out), or what ticket it becomes.
    label: str


def mail(
    text: str, *, html: str | None = None, subject: str = "Re: A webinar", charset: str = "utf-8", cte: str | None = None,
    headers: tuple[tuple[str, str], ...] = (), to: str = TO, sender: str = FROM,
) -> bytes:  # fmt: skip
    message = EmailMessage(policy=SMTP)
    for name, value in headers:
        message[name] = value
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = f"<{abs(hash((text, html, subject, charset, headers, to, sender)))}@acme.example>"
    if html is None:
        message.set_content(text, charset=charset, cte=cte)
    elif text:
        message.set_content(text, charset=charset, cte=cte)
        message.add_alternative(html, subtype="html", charset=charset)
    else:
        message.set_content(html, subtype="html", charset=charset, cte=cte)
    return message.as_bytes()


def _wrapped(text: str, language: str, to: str) -> Iterator[tuple[str, bytes]]:
    """One reply as six mail programs would send it."""
    above = f"{text}\n\n{_ATTRIBUTION[language]}\n\n{_QUOTED}\n"
    yield "gmail", mail(above, to=to, cte="quoted-printable")
    block = "\n".join(f"{name}: x <no-reply@actiontrac.example>" for name in _OUTLOOK[language])
    yield "outlook", mail(f"{text}\n\n{_PHONE[language]}\n\n{'_' * 32}\n{block}\n\n{_OURS}\n", to=to, cte="base64")
    lines = "<br>".join(escape(line) for line in text.split("\n"))
    quote = f"<div class='gmail_quote'><div class='gmail_attr'>{escape(_ATTRIBUTION[language])}</div><blockquote>{_OURS}</blockquote></div>"
    yield (
        "html",
        mail("", html=f"<html><head><style>p{{}}</style></head><body><div>{lines}</div>{quote}</body></html>", to=to),
    )


def _wrapped_more(text: str, language: str, to: str) -> Iterator[tuple[str, bytes]]:
    below = f"{_ATTRIBUTION[language]}\n{_QUOTED}\n\n{text}\n-- \nOlive Lund\nAcme Tools: stop by!\n"
    yield "below", mail(below, to=to, charset="iso-8859-15")
    lines = "".join(f"<p>{escape(line)}</p>" for line in text.split("\n"))
    ours = f"<div id='divRplyFwdMsg'><b>From:</b> ActionTrac</div><div>{_OURS}</div>"
    yield (
        "outlook html",
        mail("", html=f"<body>{lines}<div id='Signature'>Acme</div>{ours}</body>", to=to, charset="windows-1252"),
    )
    yield "bare", mail(text, to=to)


def corpus(token: str) -> list[Labelled]:
    """``token`` is that of a mail of ours, which the replies answer."""
    to = TO.format(token=token)
    found = []
    for language, texts in CLEAR.items():
        for place, text in enumerate(texts):
            ways = [*_wrapped(text, language, to), *(_wrapped_more(text, language, to) if place % 2 else ())]
            found += [Labelled(f"{way}: {text}", raw, "stop") for way, raw in ways]
    found += [Labelled(f"bare: {text}", mail(text, to=to), "stop") for text in MORE_CLEAR]
    found += [Labelled(f"bare: {text}", mail(text, to=to), "ordinary") for text in ORDINARY]
    for text, label in FOR_A_PERSON:
        found += [Labelled(f"{way}: {text}", raw, label) for way, raw in _wrapped(text, "en", to)]
    for subject, text in MACHINES:
        found.append(Labelled(f"bare: {subject}: {text}", mail(text, subject=subject, to=to), "machine"))
        above = f"{text}\n\n{_ATTRIBUTION['en']}\n{_QUOTED}"
        found.append(Labelled(f"quoting: {subject}: {text}", mail(above, subject=subject, to=to), "machine"))
    for header in MACHINE_HEADERS:
        for text in ("STOP", "Please unsubscribe me", "Bitte abmelden", "Désabonnez-moi", "Darme de baja"):
            found.append(Labelled(f"{header}: {text}", mail(text, headers=(header,), to=to), "machine"))
    for sender in (
        "MAILER-DAEMON@acme.example",
        "postmaster@acme.example",
        "no-reply@acme.example",
        "noreply+1@acme.example",
    ):
        found.append(Labelled(f"{sender}: STOP", mail("STOP", sender=sender, to=to), "machine"))
    return found
