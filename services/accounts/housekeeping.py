"""Forgetting in time: sessions, links, invitations, contacts and counts that served their purpose."""

from collections import defaultdict

from actiontrac.contracts import accounts as contract
from actiontrac.failpoints import failpoint, register
from actiontrac.service import every
from services.accounts.entrypoints import Entrypoints

register("accounts.purge.between", "the purge of sessions, and that of links and contacts")

#: Small transactions, so that nobody waits behind the purge.
BATCH = 200


class Housekeeping(Entrypoints):
    @every(seconds=30)
    def purge(self) -> None:
        """Delete what is due, in small units of work, until nothing is left."""
        while self._purge_sessions() == BATCH:
            pass
        failpoint("accounts.purge.between")
        while self._purge_rest():
            pass

    def _purge_sessions(self) -> int:
        with self.store.across_companies() as store:
            expired = store.claim_expired_sessions(self.idle, BATCH)
            ended = defaultdict(list)
            for session in expired:
                ended[session.company_id].append(session.id)
                store.session.delete(session)
            for company_id, session_ids in ended.items():
                store.publish(contract.SessionsRevoked(company_id=company_id, session_ids=session_ids))
            return len(expired)

    def _purge_rest(self) -> int:
        with self.store.across_companies() as store:
            return store.purge(BATCH)
