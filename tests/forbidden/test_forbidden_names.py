"""Names of columns, properties and custom fields that state forbidden data (W02)."""

import pytest

from actiontrac.forbidden import is_forbidden_name


def names(text: str) -> list[str]:
    return text.strip().replace("\n", "|").split("|")


FORBIDDEN = names("""
birth_date|dob|dateOfBirth|worker_dob|D.O.B.|Date of birth|birthday|born_on|birthYear|ssn|SSN
userSSN|social_security_number|socialSecurityNumber|Social Security #|iban|IBAN|ｉｂａｎ
card_number|cardNumber|card-number|cvv|cvc|pan|credit_card|credit_card_number_2|card_last4
card_brand|exp_month|cardholder_name|card_expiry|bank_account|bankAccountNumber|account_number
routing_number|sort_code|bank_name|swift_code|national_id|passport_number|dni|cpf
id_card_number|Geburtsdatum|Fecha de nacimiento|fechaDeNacimiento|date_naissance|né le
Data di nascita|data_de_nascimento|Kreditkartennummer|numero_de_cuenta|Numéro de compte
IBAN Konto|身份证号码|生年月日|クレジットカード番号|Дата рождения|birth\u200bdate|aniversário|worker.dob
bank details|Personnummer|PESEL|codice fiscale
""")

FINE = names("""
date_of_hire|hired_on|payment_kind|card|kind|provider_ref|birthday_policy|birthday_reminders
account_id|account_manager|company_account|access_card_number|business_card|time_card_number
bank_holiday|food_bank|routing_key|worker_number|badge_number|phone|notes|vat_number
swift_skills|security|social_media|nationality|discount_code|last_name|postal_code|sort_order
payment_method|plan_code|certificate_number|customer_account_number|card_number_refused
credit_card_policy|dni_urlopu|place_of_work|expires_at|born_leader_award_policy|iban_guard
""")


@pytest.mark.parametrize("name", FORBIDDEN)
def test_names_that_state_forbidden_data_are_refused(name):
    assert is_forbidden_name(name)


@pytest.mark.parametrize("name", FINE)
def test_ordinary_names_are_fine(name):
    assert not is_forbidden_name(name)


def test_a_very_long_name_is_no_name():
    assert not is_forbidden_name("x" * 100_000)
