"""Both adapters, the sandbox and a receiver of webhooks as green threads of one process, as in the embedded mode."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import eventlet
eventlet.monkey_patch()
import sys
import time
from pathlib import Path

import eventlet.wsgi
import requests

from actiontrac import clock
from actiontrac.sandbox.app import create_app
from actiontrac.sandbox.settings import SandboxSettings
from services.billing.providers import Money, Request
from services.billing.providers.factory import ProviderSettings, build

home = Path(sys.argv[1])
clock.configure(home / "clock")
came = []

def receiver(environ, start_response):
    raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    came.append((environ["PATH_INFO"].rpartition("/")[2], headers, raw))
    start_response("200 OK", [])
    return []

def serve(app):
    listening = eventlet.listen(("127.0.0.1", 0))
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}", app

gateway, gateway_url, _ = serve(receiver)
listening, url, _ = serve(None)
app = create_app(SandboxSettings(
    home=home, public_url=url, gateway=gateway_url, internal=url, stripe_secret_key="sk_test_1",
    stripe_webhook_secret="whsec_1", paypal_client_id="c", paypal_client_secret="s", paypal_webhook_id="W1",
))
eventlet.spawn(eventlet.wsgi.server, gateway, receiver, log_output=False)
eventlet.spawn(eventlet.wsgi.server, listening, app, log_output=False)
providers = build(ProviderSettings(
    mode="sandbox", sandbox_url=url, stripe_secret_key="sk_test_1", stripe_webhook_secret="whsec_1",
    paypal_client_id="c", paypal_client_secret="s", paypal_webhook_id="W1",
))
beats = []

def beat():
    while True:
        beats.append(time.monotonic())
        eventlet.sleep(0.02)

def buy(name, number):
    provider = providers[name]
    request = Request(payment_id=f"pay_{number}", amount=Money(12000, "USD"), description="A year",
                      email="a@b.example", success_url="http://127.0.0.1/ok", cancel_url="http://127.0.0.1/no",
                      expires_at=clock.in_days(0.5))
    started = provider.start(request)
    form = {"stripe": {"card": "challenge", "auth": "pass"}, "paypal": {"act": "ok"}}[name]
    requests.post(started.redirect_url, data=form, allow_redirects=False, timeout=10)
    paid = provider.settle(started.ref)
    assert paid.state == "paid", paid
    provider.refund(paid, f"rfd_{number}", Money(100, "USD"))
    return provider.fetch(started.ref).refunded.minor

for provider in providers.values():
    provider.check()
eventlet.spawn(beat)
pool = eventlet.GreenPool(8)
# Would stop every other thread for as long, if it slept in C.
app.faults.add("stripe", "late", seconds=2.5, count=2)
refunded = list(pool.starmap(buy, [(name, f"{name}{n}") for n in range(5) for name in ("stripe", "paypal")]))
deadline = time.monotonic() + 15
while len(came) < 5 * (6 + 3) and time.monotonic() < deadline:
    eventlet.sleep(0.05)
notices = {providers[name].notice(headers, raw).event_id for name, headers, raw in came}
kinds = [entry["kind"] for entry in app.ledger.entries()]
longest = max(after - before for before, after in zip(beats, beats[1:]))
app.close()
print(refunded == [100] * 10, len(notices), kinds.count("charge"), kinds.count("capture"), kinds.count("refund"),
      longest < 2.0)
"""


def test_everything_works_on_green_threads_and_nobody_blocks_the_hub(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert found.stdout.split() == ["True", "45", "5", "5", "10", "True"], found.stderr
