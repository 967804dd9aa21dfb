"""Ways out: a real SMTP server that drops, defers and refuses, and the sandbox's catcher."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from actiontrac import clock
from actiontrac.testing import settings_for
from services.notifications.policies import is_bad_address
from services.notifications.transports import (
    CatcherTransport,
    Deferred,
    Refused,
    SMTPTransport,
    transport_for,
)
from tests.notifications.smtp_server import Server
from tests.notifications.world import World, read

RAW = b"Subject: Hello\r\n\r\nFirst line\r\n.a line that begins with a dot\r\n"


@pytest.fixture
def server():
    with Server() as started:
        yield started


@pytest.fixture
def transport(server):
    made = SMTPTransport(f"smtp://127.0.0.1:{server.port}", timeout_seconds=3)
    yield made
    made.rest()


def send(transport, recipient="olive@acme.example"):
    transport.send(sender="no-reply@actiontrac.example", recipient=recipient, raw=RAW)


def message_id(raw):
    return str(read(raw)["Message-ID"])


class TestSMTP:
    def test_hands_a_mail_over_unchanged(self, server, transport):
        send(transport)

        assert server.handler.taken == [("no-reply@actiontrac.example", ["olive@acme.example"], RAW)]

    def test_one_connection_serves_a_batch(self, server, transport):
        for _ in range(5):
            send(transport)

        assert len(server.handler.taken) == 5
        assert len(server.handler.sessions) == 1

    def test_opens_a_new_connection_when_an_idle_one_was_closed(self, server, transport):
        send(transport)
        server.handler.answers["MAIL"] = ["drop"]
        send(transport)

        assert len(server.handler.taken) == 2

    @pytest.mark.parametrize("command", ["RCPT", "DATA"])
    def test_a_4xx_answer_defers_and_the_connection_goes_on(self, server, transport, command):
        server.handler.answers[command] = ["451 4.7.1 Later olive@acme.example"]
        with pytest.raises(Deferred) as deferred:
            send(transport)
        send(transport)

        assert not deferred.value.away
        assert not deferred.value.fate_unknown
        assert "olive" not in str(deferred.value)
        assert len(server.handler.taken) == 1

    @pytest.mark.parametrize(
        ("answer", "bad"),
        [
            ("550 5.1.1 No such user", True),
            ("550 No such user", True),
            ("550 5.7.1 Blocked", False),
            ("552 Full", False),
        ],
    )
    def test_a_5xx_answer_about_the_recipient_refuses(self, server, transport, answer, bad):
        server.handler.answers["RCPT"] = [answer]
        with pytest.raises(Refused) as refused:
            send(transport)

        assert refused.value.bad_address is bad
        send(transport)

    def test_a_5xx_answer_about_the_content_blames_no_address(self, server, transport):
        server.handler.answers["DATA"] = ["554 5.6.0 Spam"]
        with pytest.raises(Refused) as refused:
            send(transport)

        assert not refused.value.bad_address

    def test_a_refusal_of_our_own_sender_is_nobodys_fault(self, server, transport):
        server.handler.answers["MAIL"] = ["550 5.7.1 Who are you"]
        with pytest.raises(Deferred) as deferred:
            send(transport)

        assert deferred.value.away

    def test_a_connection_that_drops_before_the_mail_left_may_be_tried_again(self, server, transport):
        server.handler.answers["RCPT"] = ["drop"]
        with pytest.raises(Deferred) as deferred:
            send(transport)
        assert not deferred.value.fate_unknown

        send(transport)
        assert len(server.handler.taken) == 1

    def test_a_server_that_dies_after_data_leaves_the_mails_fate_unknown(self, server, transport):
        server.handler.answers["DATA"] = ["take and drop"]
        with pytest.raises(Deferred) as deferred:
            send(transport)

        assert deferred.value.fate_unknown

    def test_a_server_that_is_not_there_is_away(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(Deferred) as deferred:
            send(SMTPTransport(f"smtp://127.0.0.1:{port}", timeout_seconds=1))

        assert deferred.value.away

    def test_a_server_that_says_nothing_is_away(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            port = silent.getsockname()[1]
            with pytest.raises(Deferred) as deferred:
                send(SMTPTransport(f"smtp://127.0.0.1:{port}", timeout_seconds=0.2))

        assert deferred.value.away

    def test_a_password_is_not_sent_without_tls(self, server, monkeypatch):
        monkeypatch.setattr("services.notifications.transports._is_loopback", lambda host: False)
        transport = SMTPTransport(f"smtp://olive:secret@127.0.0.1:{server.port}", timeout_seconds=1)
        with pytest.raises(Deferred) as deferred:
            send(transport)

        assert deferred.value.away
        assert server.handler.taken == []

    @pytest.mark.parametrize(
        ("code", "enhanced", "bad"),
        [
            (550, "", True),
            (551, "", True),
            (553, "", True),
            (550, "5.1.1", True),
            (550, "5.7.1", False),
            (554, "", False),
        ],
    )
    def test_which_refusals_say_that_nobody_is_there(self, code, enhanced, bad):
        assert is_bad_address(code, enhanced) is bad


class TestThroughTheService:
    """The same server behind the whole hand-over."""

    @pytest.fixture
    def world(self, home, transport):
        yield World(home, transport=transport)
        clock.configure(None)

    def test_every_mail_arrives_once_through_a_bad_night(self, world, server):
        for number in range(20):
            world.paid(f"chk_{number}")
        server.handler.answers = {
            "MAIL": ["421 Closing", "take"],
            "RCPT": ["450 Greylisted", "take", "drop", "503 Bad sequence"],
            "DATA": ["451 Try again", "take", "drop", "451 Once more"],
        }
        for _ in range(15):
            world.service.hand_over()
            clock.advance(3600)

        ids = [
            line for _, _, raw in server.handler.taken for line in raw.split(b"\r\n") if line.startswith(b"Message-ID")
        ]
        assert len(ids) == len(set(ids)) == 20
        assert set(world.states()) == {"sent"}

    def test_a_server_that_dies_after_data_gets_a_receipt_again_under_its_message_id(self, world, server):
        world.paid()
        server.handler.answers["DATA"] = ["take and drop"]
        world.service.hand_over()
        clock.advance(60)
        world.service.hand_over()

        first, second = (message_id(raw) for _, _, raw in server.handler.taken)
        assert first == second

    def test_a_server_that_dies_after_data_gets_a_promotion_only_once(self, world, server):
        world.crowd(1)
        world.campaign()
        world.service.queue_campaigns()
        server.handler.answers["DATA"] = ["take and drop"]
        world.service.hand_over()
        clock.advance(60)
        world.service.hand_over()

        assert len(server.handler.taken) == 1
        assert world.states() == ["unknown"]


class Catcher(BaseHTTPRequestHandler):
    taken: list
    answers: list

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.answers.pop(0) if self.answers else 201
        if status == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if status < 400:
            self.taken.append((self.path, self.headers["X-Envelope-To"], body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def catcher():
    handler = type("Fresh", (Catcher,), {"taken": [], "answers": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        handler.url = f"http://127.0.0.1:{server.server_port}"
        yield handler
        server.shutdown()
        thread.join()


class TestCatcher:
    def test_posts_the_raw_mail_with_its_envelope(self, catcher):
        send(CatcherTransport(catcher.url))

        assert catcher.taken == [("/mail/messages", "olive@acme.example", RAW)]

    @pytest.mark.parametrize("answer", [500, 503, "drop"])
    def test_a_broken_answer_leaves_the_mails_fate_unknown(self, catcher, answer):
        catcher.answers.append(answer)
        with pytest.raises(Deferred) as deferred:
            send(CatcherTransport(catcher.url))

        assert deferred.value.fate_unknown
        assert not deferred.value.away

    def test_a_4xx_answer_refuses(self, catcher):
        catcher.answers.append(400)
        with pytest.raises(Refused):
            send(CatcherTransport(catcher.url))

    def test_a_catcher_that_is_not_there_is_away(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(Deferred) as deferred:
            send(CatcherTransport(f"http://127.0.0.1:{port}"))

        assert deferred.value.away


class TestChoosing:
    @pytest.mark.parametrize(
        ("url", "kind"),
        [
            ("sandbox:", CatcherTransport),
            ("smtp://mail.example", SMTPTransport),
            ("smtps://u:p@mail.example", SMTPTransport),
        ],
    )
    def test_the_settings_url_names_the_way(self, tmp_path, url, kind):
        settings = settings_for(tmp_path, ACTIONTRAC_MAIL_URL=url, ACTIONTRAC_SANDBOX_URL="http://127.0.0.1:1")

        assert isinstance(transport_for(settings), kind)
        assert transport_for(settings) is transport_for(settings)

    def test_an_unknown_way_is_found_at_the_start(self, tmp_path):
        with pytest.raises(ValueError, match="ACTIONTRAC_MAIL_URL"):
            transport_for(settings_for(tmp_path, ACTIONTRAC_MAIL_URL="pigeon://roof"))
