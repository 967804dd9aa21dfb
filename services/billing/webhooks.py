"""
Webhooks: verified, kept once, worked on afterwards (B09).

A webhook only says that there is something to look at. So duplicates and any order do
no harm, and of its body nothing is kept but ids.
"""

import base64
from datetime import timedelta

from actiontrac import clock, forbidden, log
from actiontrac.contracts.billing import Provider, SignatureRefused, WebhookView
from actiontrac.failpoints import failpoint, register
from actiontrac.service import PUBLIC, every, rpc
from services.billing.base import away
from services.billing.disputes.methods import AfterPayment, is_about_aftermath
from services.billing.models import WebhookNotice
from services.billing.providers import BadSignature, Notice, ProviderRefused, ProviderUnavailable

_log = log.get(__name__)

register("billing.webhook.after_commit", "a webhook that is kept, and the answer that stops its redelivery")
register("billing.webhook.before_settle", "a webhook that was claimed, and the look at its checkout")
register("billing.webhook.after_settle", "a checkout that was settled, and the mark that its webhook is done")

#: A webhook about a checkout that we do not have is given up after so many looks (about two hours).
MOST_ATTEMPTS = 7
KEPT_DAYS = 30


#: Ids are made of digits and letters: what else they may look like by chance does not matter.
_NOT_CARDS = frozenset(forbidden.KINDS) - {forbidden.CARD_NUMBER}


def _holds_a_card_number(notice: Notice) -> bool:
    told = (notice.event_id, notice.kind, notice.ref, notice.payment_id, notice.charge_ref)
    return any(forbidden.find(text, allow=_NOT_CARDS) for text in told if text)


class Webhooks(AfterPayment):
    @rpc(requires=PUBLIC)
    def receive_webhook(self, *, provider: Provider, headers: dict[str, str], raw: str) -> WebhookView:
        """
        Take a processor's webhook; ``raw`` is base64 of the bytes as they came.

        When this answers, the webhook is kept and will be worked on, whatever happens.

        Raises:
            SignatureRefused: the processor did not sign these bytes.
            ProviderAway: it could not be verified now; it will be sent again.
        """
        try:
            body = base64.b64decode(raw, validate=True)
        except ValueError:
            raise SignatureRefused() from None
        try:
            notice = self.processor(provider).notice(headers, body)
        except BadSignature:
            raise SignatureRefused() from None
        except (ProviderUnavailable, ProviderRefused) as problem:
            raise away() from problem
        if not (notice.ref or notice.payment_id or notice.charge_ref):
            return {"status": "ignored"}
        if _holds_a_card_number(notice):
            # No id of ours or of a processor looks like one: whoever put it there, it is not kept (B03).
            _log.warning("webhook_with_forbidden_data", provider=provider)
            return {"status": "ignored"}
        taken = self._keep(provider, notice)
        failpoint("billing.webhook.after_commit")
        return {"status": "accepted" if taken else "duplicate"}

    def _keep(self, provider: str, notice: Notice) -> bool:
        now = clock.now()
        with self.store.across_companies() as store:
            return store.keep_notice(
                provider,
                notice.event_id[:255],
                kind=notice.kind[:80],
                provider_ref=notice.ref,
                payment_id=notice.payment_id,
                charge_ref=notice.charge_ref,
                due_at=now,
                received_at=now,
            )

    @every(seconds=1)
    def work_on_webhooks(self) -> None:
        """Look at what the kept webhooks are about; a replica that dies leaves its share to the others."""
        with self.store.across_companies() as store:
            claimed = store.claim_due_notices(clock.now(), limit=20)
        for notice in claimed:
            self._work_on(notice)

    def _work_on(self, notice: WebhookNotice) -> None:
        with self.store.across_companies() as store:
            checkout = store.checkout_behind(notice.provider, notice)
        failpoint("billing.webhook.before_settle")
        if checkout is not None:
            try:
                self.settle(checkout.id)
                if is_about_aftermath(notice.kind):
                    self.follow_up(checkout.id)
            except Exception as problem:
                # Its claim runs out and it is worked on again; its neighbours need not wait.
                _log.warning("webhook_postponed", event_id=notice.event_id, error=type(problem).__name__)
                return
        elif notice.attempts < MOST_ATTEMPTS:
            return
        else:
            _log.error("webhook_about_nothing", event_id=notice.event_id, provider=notice.provider)
        failpoint("billing.webhook.after_settle")
        with self.store.across_companies() as store:
            store.finish_notice(notice.provider, notice.event_id)

    @every(seconds=3600)
    def forget_webhooks(self) -> None:
        """Delete what the inventory says is kept for 30 days."""
        with self.store.across_companies() as store:
            store.purge_notices(clock.now() - timedelta(days=KEPT_DAYS))
