"""The catcher takes everything, shows it safely and counts it for ever."""

import smtplib
import socket
from email.message import EmailMessage

import pytest
import requests

from actiontrac.sandbox.smtp import SmtpListener
from tests.sandbox.world import World


def message(subject: str = "Welcome", html: str = "<h1>Hello</h1><script>alert(1)</script>") -> EmailMessage:
    made = EmailMessage()
    made["From"] = "ActionTrac <no-reply@actiontrac.example>"
    made["To"] = "Ada Lovelace <ada@acme.example>"
    made["Subject"] = subject
    made["List-Unsubscribe"] = "<http://127.0.0.1:8000/unsubscribe/t>"
    made.set_content("Hello in text — ä")
    made.add_alternative(html, subtype="html")
    return made


def send(world: World, made: EmailMessage, *recipients: str) -> str:
    headers = {"X-Envelope-To": ", ".join(recipients)} if recipients else {}
    answer = world.post("/mail/messages", data=made.as_bytes(), headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


class TestJson:
    def test_shows_all_parts(self, world: World) -> None:
        identifier = send(world, message("Grüße"), "ada@acme.example")

        found = world.get(f"/mail/messages/{identifier}").json()

        assert found["to"] == ["ada@acme.example"]
        assert found["from"] == "ActionTrac <no-reply@actiontrac.example>"
        assert (found["subject"], found["text"]) == ("Grüße", "Hello in text — ä\n")
        assert found["html"].startswith("<h1>Hello</h1>")
        assert found["headers"]["List-Unsubscribe"] == "<http://127.0.0.1:8000/unsubscribe/t>"

    def test_lists_newest_first_and_filters(self, world: World) -> None:
        send(world, message("Welcome"), "ada@acme.example")
        send(world, message("Your receipt"), "bob@acme.example", "Ada@Acme.example")

        def subjects(**wanted: str) -> list[str]:
            return [each["subject"] for each in world.get("/mail/messages", params=wanted).json()]

        assert subjects() == ["Your receipt", "Welcome"]
        assert subjects(to="ADA@acme.example") == ["Your receipt", "Welcome"]
        assert subjects(to="acme.example") == []
        assert subjects(subject="RECEIPT") == ["Your receipt"]

    def test_takes_the_recipients_from_the_message_without_an_envelope(self, world: World) -> None:
        identifier = send(world, message())

        assert world.get(f"/mail/messages/{identifier}").json()["to"] == ["ada@acme.example"]

    def test_keeps_every_copy(self, world: World) -> None:
        made = message()

        assert send(world, made, "a@acme.example") != send(world, made, "a@acme.example")
        assert len(world.ledger("mail", "mail")) == 2

    def test_forgets_the_list_but_not_the_ledger(self, world: World) -> None:
        send(world, message(), "ada@acme.example")

        requests.delete(f"{world.url}/mail/messages", timeout=5)

        assert world.get("/mail/messages").json() == []
        [entry] = world.ledger("mail", "mail")
        assert entry["to"] == ["ada@acme.example"]

    def test_survives_a_restart(self, world: World) -> None:
        identifier = send(world, message())

        world.restart()

        assert world.get(f"/mail/messages/{identifier}").status_code == 200

    @pytest.mark.parametrize("raw", [b"", b"not a mail", b"Content-Type: text/plain; charset=klingon\n\nx"])
    def test_takes_broken_messages_too(self, world: World, raw: bytes) -> None:
        answer = world.post("/mail/messages", data=raw, headers={"X-Envelope-To": "ada@acme.example"})

        assert world.get(f"/mail/messages/{answer.json()['id']}").status_code == 200
        assert world.get(f"/mail/view/{answer.json()['id']}").status_code == 200

    def test_can_fail_before_and_after_it_took_a_message(self, world: World) -> None:
        world.fail_next("mail", "error_before")
        refused = world.post("/mail/messages", data=message().as_bytes())
        world.fail_next("mail", "reset_after")
        with pytest.raises(requests.ConnectionError):
            world.post("/mail/messages", data=message("Taken").as_bytes())

        assert refused.status_code == 500
        assert [each["subject"] for each in world.get("/mail/messages").json()] == ["Taken"]


class TestPages:
    def test_list_links_to_the_message(self, world: World) -> None:
        identifier = send(world, message("<b>Tricky</b>"), "ada@acme.example")

        page = world.get("/mail").text

        assert f'href="mail/view/{identifier}"' in page
        assert "&lt;b&gt;Tricky&lt;/b&gt;" in page

    def test_message_is_shown_where_it_can_do_nothing(self, world: World) -> None:
        identifier = send(world, message())

        answer = world.get(f"/mail/view/{identifier}")

        assert "<script" not in answer.text
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    def test_can_be_empty_and_wrong(self, world: World) -> None:
        assert "No mail yet" in world.get("/mail").text
        assert world.get("/mail/view/mail_x").status_code == 404


class TestSmtp:
    def test_puts_mail_into_the_same_list(self, world: World) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        listener = SmtpListener(world.running.app.mailbox, "127.0.0.1", port)
        listener.start()
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
                client.send_message(message("By SMTP"), "x@y.example", ["hidden@acme.example"])
        finally:
            listener.stop()

        [found] = world.get("/mail/messages", params={"subject": "by smtp"}).json()
        assert found["to"] == ["hidden@acme.example"]
