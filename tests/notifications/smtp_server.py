"""A real SMTP server for the tests, which can be told to misbehave."""

import asyncio
import threading
from typing import Any

from aiosmtpd.smtp import SMTP


class Handler:
    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], bytes]] = []
        self.sessions: set[int] = set()
        #: Answers for the next commands of a kind; "take" is the usual one, "drop" closes the connection.
        self.answers: dict[str, list[str]] = {"MAIL": [], "RCPT": [], "DATA": []}

    def _answer(self, server: SMTP, command: str) -> str | None:
        answers = self.answers[command]
        if not answers:
            return None
        answer = answers.pop(0)
        if answer == "take":
            return None
        if answer == "drop":
            server.transport.abort()
            return "451 dropped"
        return answer

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.sessions.add(id(session))
        answer = self._answer(server, "MAIL")
        if answer is None:
            envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self._answer(server, "RCPT")
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answers = self.answers["DATA"]
        if answers and answers[0] == "take and drop":
            answers.pop(0)
            self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
            server.transport.abort()
            return "451 dropped"
        answer = self._answer(server, "DATA")
        if answer is None:
            self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return answer or "250 OK"


class Server:
    """``with Server() as server:`` listens on ``server.port`` of the loopback."""

    def __init__(self) -> None:
        self.handler = Handler()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        make = lambda: SMTP(self.handler, hostname="mail.test", loop=self._loop)  # noqa: E731
        listening = self._loop.run_until_complete(self._loop.create_server(make, "127.0.0.1", 0))
        self.port = listening.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        listening.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    def __enter__(self) -> "Server":
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
