"""IBANs and bank accounts (S23)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iban import calc_check_digits

from actiontrac import forbidden


def kinds(text: str) -> list[str]:
    return [finding.kind for finding in forbidden.find(text)]


@pytest.mark.parametrize(
    "text",
    [
        "GB82WEST12345698765432",
        "GB82 WEST 1234 5698 7654 32",
        "gb82 west 1234 5698 7654 32 is mine",
        "IBAN: DE89 3704 0044 0532 0130 00 please",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NL91ABNA0417164300",
        "NO93 8601 1117 947",
        "MT84MALT011000012345MTLCAST001S",
        "DE89-3704-0044-0532-0130-00",
        "ＤＥ８９ ３７０４ ００４４ ０５３２ ０１３０ ００",
        "DE89\u200b370400440532013000",
        "IBANDE89370400440532013000",
        "IBAN DE00 3704 0044 0532 0130 00",
    ],
)
def test_finds_an_iban(text):
    assert kinds(text) == ["iban"]


@pytest.mark.parametrize(
    "text", ["GB82 WEST 1234 5698 7654 33", "DE12345678", "AB12-3456-CD", "XX82WEST12345698765432", "SE35 5000 0000"]
)
def test_leaves_what_is_no_iban(text):
    assert kinds(text) == []


@given(st.text("0123456789", min_size=18, max_size=18), st.sampled_from(["", " ", "-", "\u00a0", "\u200b"]))
def test_finds_every_iban_in_any_grouping(body, mark):
    iban = f"DE{calc_check_digits(f'DE00{body}')}{body}"
    written = mark.join(iban[index : index + 4] for index in range(0, 22, 4))
    assert "iban" in kinds(f"to {written} now")


@pytest.mark.parametrize(
    "text",
    [
        "account no. 12345678",
        "Account number: 000123456789",
        "acct # 12345678",
        "acct no 1234-5678-90",
        "bank account 12345678",
        "a/c 12345678",
        "account number is 12345678",
        "12345678 (account number)",
        "sort code 12-34-56",
        "sort code: 123456",
        "routing number 021000021",
        "ABA 021000021",
        "checking account 1234567890",
        "Kontonummer 532013000",
        "Konto-Nr. 532013000",
        "BLZ 370 400 44",
        "BSB 062-000",
        "numéro de compte : 00012345678",
        "RIB 20041 01005 0500013",
        "número de cuenta 2100 0418 45 0200051332",
        "cuenta bancaria 21000418450",
        "conta corrente 12345678",
        "número da conta 123456-7",
        "conto corrente 000000123456",
        "rekeningnummer 417164300",
        "IFSC HDFC0001234",
        "CLABE 032180000118359719",
    ],
)
def test_finds_a_bank_account_that_is_stated_as_one(text):
    assert set(kinds(text)) == {"bank_account"}


@pytest.mark.parametrize(
    "text",
    [
        "account manager since 2019-03-12",
        "customer account no. 12345678",
        "accounts payable, invoice 12345678",
        "on account of 12345678",
        "routing number 021000022",
        "sort the bolts by code 12-34-56",
        "bank holiday 2024-12-25",
        "bank account opened on 20240312",
        "account 12345678 visits",
        "account no. on file, badge 12345678",
        "user account number 12345678",
    ],
)
def test_leaves_other_accounts_and_other_numbers(text):
    assert kinds(text) == []
