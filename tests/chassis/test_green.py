"""Looking up a name does not stop the others, and an address is not looked up at all."""

import subprocess
import sys

from tests.stack import ROOT

LOOKS_UP = """
from actiontrac.green import patch
patch()
import socket, sys, time
import eventlet
from actiontrac import green

questions = []
system = green._look_up
def slow(host, port, family=0, type=0, proto=0, flags=0):
    if flags & socket.AI_NUMERICHOST:
        return system(host, port, family, type, proto, flags)
    questions.append(host)
    eventlet.patcher.original("time").sleep(0.5)
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]
green._look_up = slow

turns = 0
def others():
    global turns
    while True:
        eventlet.sleep(0.01)
        turns += 1
eventlet.spawn(others)
assert socket.getaddrinfo("mail.example.com", 25)[0][4] == ("192.0.2.1", 25)
assert turns > 5, turns
assert socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)
assert questions == ["mail.example.com"], questions
assert not [name for name in sys.modules if name == "dns" or name.startswith("dns.")]
"""


def test_names_are_looked_up_while_the_others_work() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", LOOKS_UP], cwd=ROOT, check=True, timeout=60)
