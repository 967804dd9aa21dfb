"""``actiontrac billing``: what an operator does with plans and payments."""

import csv
import dataclasses
import sys
from collections.abc import Iterable

from actiontrac import clock
from actiontrac.config import ConfigurationError, Settings
from actiontrac.service import Opener
from actiontrac.storage import database_for
from actiontrac.vault import LocalKeyProvider
from services.billing.audit import LISTED_DAYS, PAGE, Finding, audit
from services.billing.dependencies import Processors, catalogue_for
from services.billing.ledger import HEADER
from services.billing.models import Plan
from services.billing.operator_files import Contents, OperatorFile, OperatorFileWrong
from services.billing.plans import Offer
from services.billing.providers.factory import ProviderMisconfigured
from services.billing.providers.money import Money, as_decimal
from services.billing.repository import BillingStore
from services.billing.schemas import prices_of
from services.billing.taxes import Row, percent_text

NOTHING_WRONG, SOMETHING_WRONG, NOT_KNOWN = 0, 1, 3

BAR = 30


def _stores(settings: Settings) -> Opener[BillingStore]:
    keys = LocalKeyProvider(settings.secret("MASTER_KEY"))
    return Opener(BillingStore, database_for("billing", settings), keys, write=False)


def _say(line: str = "") -> None:
    sys.stdout.write(f"{line}\n")


# Plans


def plans(settings: Settings, *, apply: bool) -> int:
    """
    Show what the operator's file would change, and change it with ``apply``: running
    services sell by it from then on, and who bought before keeps their version.

    Returns 1, and changes nothing, where a version that may have been sold was changed
    without a new number (B01).

    Raises:
        ConfigurationError: the file cannot be used.
    """
    file = catalogue_for(settings).plans
    wanted = _contents(file)
    stores = _stores(settings)
    with stores.across_companies() as store:
        kept = store.all_plans()
        held = store.applied_file("plans")
    if _show(wanted.offers, kept):
        _say("Nothing was changed: give each of them a new version number.")
        return SOMETHING_WRONG
    if held is not None and file.newest(held) == wanted:
        _say("Nothing to change.")
    elif apply:
        with stores.across_companies() as store:
            store.keep_plans(wanted.offers)
            applied = store.apply_file("plans", file.text, file.digest, clock.now())
        if not applied:
            return _somebody_else()
        _say("Applied: this is what is sold from now on, by running services too.")
    else:
        _say("Nothing was changed yet: actiontrac billing plans --apply")
    return NOTHING_WRONG


def _somebody_else() -> int:
    _say("Somebody else applied a file at this moment; look again at what this one would change.")
    return SOMETHING_WRONG


def _contents(file: OperatorFile[Contents]) -> Contents:
    try:
        return file.contents
    except OperatorFileWrong as problem:
        raise ConfigurationError(str(problem)) from None


def _show(offers: Iterable[Offer], kept: list[Plan]) -> list[Offer]:
    """One line for each plan; returns those whose terms differ from a version that is kept."""
    known = {(plan.code, plan.version): plan for plan in kept}
    wrong = []
    for offer in offers:
        same = known.get((offer.code, offer.version))
        earlier = max((plan.version for plan in kept if plan.code == offer.code), default=None)
        if same is None:
            what = "new" if earlier is None else f"new version, was {_terms(known[offer.code, earlier])}"
        elif _terms(same) != _terms(offer):
            what = f"WRONG: version {offer.version} is kept as {_terms(same)}"
            wrong.append(offer)
        else:
            what = "as it is"
        _say(f"{offer.code:12} {offer.version:3}  {_terms(offer)}  {what}")
    offered = {offer.code for offer in offers}
    for code in sorted({plan.code for plan in kept} - offered):
        _say(f"{code:12}    -  is not sold any more; who bought it keeps it to the end of the year")
    return wrong


def _terms(plan: Plan | Offer) -> str:
    prices: dict[str, int] = prices_of(plan) if isinstance(plan.prices, str) else plan.prices
    named = ", ".join(str(Money(minor, currency)) for currency, minor in sorted(prices.items()))
    return f"{plan.name}: {plan.worker_limit} workers, {named}"


# Taxes


def taxes(settings: Settings, *, apply: bool) -> int:
    """
    Show which taxes the operator's file would add from now on, and apply it with ``apply``.

    Returns 1, and changes nothing, where the table was changed without a higher version.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    file = catalogue_for(settings).taxes
    wanted = _contents(file)
    stores = _stores(settings)
    with stores.across_companies() as store:
        row = store.applied_file("taxes")
    held = file.newest(row) if row is not None else None
    known = set(held.rows) if held is not None else set()
    for rate in wanted.rows:
        _say(f"{_place(rate):24} since {rate.since}  {_rate(rate)}  {'as it is' if rate in known else 'new'}")
    for rate in sorted(known - set(wanted.rows), key=_place):
        _say(f"{_place(rate):24} since {rate.since}  {_rate(rate)}  goes")
    if not wanted.rows:
        _say("The file has no rate: no tax is added to anything.")
    if held == wanted:
        _say("Nothing to change.")
    elif held is not None and wanted.version <= held.version:
        _say(f"WRONG: version {held.version} is applied. Nothing was changed: give the table a higher version.")
        return SOMETHING_WRONG
    elif apply:
        with stores.across_companies() as store:
            applied = store.apply_file("taxes", file.text, file.digest, clock.now())
        if not applied:
            return _somebody_else()
        _say(f"Applied: version {wanted.version} holds for what is quoted from now on.")
    else:
        _say("Nothing was changed yet: actiontrac billing taxes --apply")
    return NOTHING_WRONG


def _place(row: Row) -> str:
    return " ".join([row.country, *sorted(row.states)])


def _rate(row: Row) -> str:
    return f"{row.rate.name} {percent_text(row.rate.percent)} %"


# Bookkeeping


def ledger(settings: Settings) -> int:
    """Write every booking as CSV, oldest first; amounts are decimals of their currency."""
    stores = _stores(settings)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(HEADER)
    last = ""
    while True:
        with stores.across_companies() as store:
            page = store.ledger_after(last, PAGE)
        for entry in page:
            last = entry.id
            debit, credit = (
                as_decimal(Money(minor, entry.currency)) for minor in (entry.debit_minor, entry.credit_minor)
            )
            rows.writerow(
                (clock.iso(entry.booked_at), entry.company_id, entry.transaction_id, entry.checkout_id, entry.account,
                 debit, credit, entry.currency, entry.environment)
            )  # fmt: skip
        if len(page) < PAGE:
            return NOTHING_WRONG


# Reconciliation


def reconcile(settings: Settings, days: int = LISTED_DAYS) -> int:
    """
    Ask the processors about every checkout, and for everything that they received in the
    last ``days``, and compare; reads only.

    Returns 0 when everything agrees, 1 when something does not, 3 when it agrees as far
    as could be seen but a processor did not answer for all of it.

    Raises:
        ConfigurationError: the processors' keys are missing or wrong.
    """
    if settings.sandbox and not settings.sandbox_url:
        settings = dataclasses.replace(settings, sandbox_url=_address_of_the_sandbox(settings))
    stores = _stores(settings)
    try:
        found = audit(stores.across_companies, Processors(settings), _progress, days)
    except ProviderMisconfigured as problem:
        raise ConfigurationError(str(problem)) from None
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    return report(found)


def _address_of_the_sandbox(settings: Settings) -> str:
    """Where the embedded product, running now, has its sandboxes."""
    told = settings.home / "sandbox.url"
    if not told.exists():
        raise ConfigurationError("The embedded product has its sandboxes inside: start it first (actiontrac up).")
    return told.read_text().strip()


def report(found: list[Finding]) -> int:
    for finding in found:
        _say(f"{finding.checkout_id}  {finding.company_id}  {finding.problem}")
    wrong = sum(finding.checked for finding in found)
    unknown = len(found) - wrong
    if wrong:
        _say(f"{wrong} not in order" + (f", {unknown} could not be checked." if unknown else "."))
        return SOMETHING_WRONG
    if unknown:
        _say(f"{unknown} could not be checked; try again later.")
        return NOT_KNOWN
    _say("Every charge is recorded and every year is paid.")
    return NOTHING_WRONG


def _progress(done: int, total: int) -> None:
    """A bar for people; a line now and then where nobody watches."""
    if sys.stderr.isatty():
        filled = BAR * done // total
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {done} of {total} processors and checkouts")
        sys.stderr.flush()
    elif done == total or done % 1000 == 0:
        sys.stderr.write(f"{done} of {total} processors and checkouts\n")
