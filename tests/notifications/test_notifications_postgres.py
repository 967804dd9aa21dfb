"""The same on PostgreSQL, where replicas really run at once and row-level security repeats the filter."""

import threading

import pytest
import sqlalchemy as sa

from actiontrac import clock
from actiontrac.storage import database_for
from actiontrac.testing import as_request
from tests.notifications.world import ACME, OLIVE, World

pytestmark = pytest.mark.full


@pytest.fixture
def world(tmp_path, servers):
    url, owner_url = servers.create_databases(f"n{abs(hash(tmp_path)) % 10**8}")["notifications"]
    made = World(
        tmp_path,
        ACTIONTRAC_NOTIFICATIONS_DATABASE_URL=url,
        ACTIONTRAC_NOTIFICATIONS_DATABASE_OWNER_URL=owner_url,
    )
    yield made
    database_for("notifications", made.settings).dispose()
    clock.configure(None)


def at_once(number, work):
    problems = []

    def run():
        as_request()
        try:
            work()
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_three_replicas_send_every_mail_once(world):
    for number in range(100):
        world.paid(f"chk_{number}")

    # A round gives way after two seconds, however much there is to do.
    while "queued" in world.states():
        at_once(3, world.service.hand_over)

    ids = [mail["Message-ID"] for mail in world.transport.mails]
    assert len(ids) == len(set(ids)) == 100


def test_three_replicas_queue_a_campaign_once(world):
    world.crowd(50)
    campaign = world.campaign()

    at_once(3, world.service.queue_campaigns)
    while "queued" in world.states():
        at_once(3, world.service.hand_over)
    at_once(3, world.service.queue_campaigns)

    view = world.service.get_campaign(campaign_id=campaign)
    assert (view["status"], view["sent"], len(world.transport.taken)) == ("sent", 50, 50)


def test_the_same_event_at_two_replicas_at_once_queues_one_mail(world):
    at_once(4, lambda: world.paid("chk_1"))

    assert len(world.messages()) == 1


def test_choices_and_links_work_through_row_level_security(world):
    world.registered(promotions=True)
    world.paid()
    world.service.hand_over()
    token = world.unsubscribe_token(world.transport.mails[0])
    as_request()

    assert world.service.unsubscribe(token=token, one_click=True)["subscribed"] is False
    assert [row[:3] for row in world.consents()] == [
        ("promotions", True, "registration"),
        ("plan_status", False, "one_click"),
    ]


@pytest.mark.parametrize("table", ["messages", "preferences", "consents"])
def test_another_company_sees_no_row_whatever_the_query_says(world, table):
    world.registered(promotions=True)
    world.paid()
    engine = database_for("notifications", world.settings).engine

    def count(company_id):
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT set_config('app.company_id', :c, true)"), {"c": company_id})
            return connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar()

    assert (count(ACME), count("com_rival"), count("")) == (1, 0, 0)


def test_a_late_registration_does_not_overrule_and_old_mail_is_forgotten(world):
    as_request()
    world.service.update_preferences(company_id=ACME, user_id=OLIVE, change={"categories": {"educational": True}})
    world.paid()
    world.service.hand_over()
    clock.advance(15 * 86400)
    world.service.forget_old_messages()

    assert [message.params for message in world.messages()] == ["{}"]
