"""
Names that say by themselves what they are for: columns, event fields, properties of
the API's schemas, custom fields, headers of an import (W02, W03).
"""

import re
from functools import lru_cache

from actiontrac.forbidden.near import word_list
from actiontrac.forbidden.reading import read

#: Whatever is longer is no name, and must not fill the caches.
_LONGEST_NAME = 200

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in snake, kebab or camel case, or as a person wrote it."""
    return _words_of(name[:_LONGEST_NAME])


@lru_cache(maxsize=4096)
def _words_of(name: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(_BOUNDARY.sub(" ", read(name)).lower()))


#: Sequences of words that name forbidden data wherever they stand in a name.
_SEQUENCES = frozenset(
    words_of(sequence)
    for sequence in """
    birthdate|birthdates|birthday|birthdays|birth date|birth dates|birth day|date of birth|dates of birth|date birth
    dob|d o b|bday|b day|year of birth|birth year|birthyear|month of birth|birth month|day of birth|born|dateofbirth
    fecha de nacimiento|fecha nacimiento|fecha nac|f nac|nacimiento|cumpleanos|date de naissance|date naissance
    naissance|ddn|geburtsdatum|geburtstag|geburts datum|gebdatum|geb datum|geburtsjahr|data de nascimento
    data nascimento|nascimento|data di nascita|data nascita|nascita|compleanno|geboortedatum|geboorte datum
    geboortedag|verjaardag|fodelsedatum|fodelsedag|fodelsedato|fodselsdato|fodselsdag|data urodzenia|urodzenia
    urodziny|syntymaaika|syntymapaiva|datum narozeni|data nasterii|dogum tarihi|szuletesi datum|tanggal lahir
    ngay sinh|дата рождения|день рождения|дата народження|ημερομηνια γεννησης|תאריך לידה|تاريخ الميلاد
    出生日期|生年月日|生日|생년월일|जन्म तिथि
    ssn|ssns|social security|social security number|socialsecurity|socialsecuritynumber|social sec|soc sec|ss number
    ssnumber|itin|seguro social|seguridad social|numero seguro social|securite sociale|numero secu
    sozialversicherungsnummer|sozialversicherungsnr|sv nummer|svnr|rentenversicherungsnummer|ahv nummer|ahv nr
    taxpayer id number|national insurance|national insurance number|nationalinsurance|nino|social insurance number
    national id|nationalid|national identity|national identification|nationalidentitynumber|id card number
    identity card|identity number|identity document|identity card number|passport|passport number|passport no
    passportnumber|pasaporte|passeport|reisepass|passnummer|personalausweis|ausweisnummer|carte d identite
    carta d identita|driver license number|drivers license number|driving licence number
    numero dni|dni number|dni no|dni trabajador|dni nie
    curp|cpf|pesel|aadhaar|aadhar|codice fiscale|codicefiscale|personnummer|fodselsnummer|bsn
    burgerservicenummer|rijksregisternummer|steuer id|steuerid|steueridentifikationsnummer|tckn|tc kimlik|kimlik no
    cedula|rodne cislo|henkilotunnus|kennitala|asmens kodas|isikukood|cnic|snils|снилс|паспорт|身份证|身份证号
    マイナンバ-|個人番号|주민등록번호
    iban|ibans|bank account|bankaccount|bank acct|bank accounts|bank account number|bankaccountnumber|bank details
    bank name|bank code|bank number|bank branch|bank info|bank information|bank iban|account number|account no
    accountnumber|acct number|acct no|account holder|account iban|routing number|routing no|routingnumber|aba number
    aba routing|sort code|sortcode|swift code|swiftcode|bic|bic code|ifsc|clabe|cbu|bsb|transit number
    kontonummer|konto nummer|kontonr|konto nr|kontoinhaber|bankverbindung|bankleitzahl|blz|bankkonto|girokonto
    cuenta bancaria|cuenta corriente|numero de cuenta|numero cuenta|compte bancaire|numero de compte|numero compte|rib
    coordonnees bancaires|conta bancaria|conta corrente|numero da conta|conto corrente|conto bancario
    numero di conto|coordinate bancarie|rekeningnummer|bankrekening|numer konta|rachunek bankowy|bankgiro
    номер счета|номер карты|банковский счет|银行账号|银行卡号|口座番号|계좌번호
    direct deposit
    card number|card numbers|cardnumber|card no|card num|cardno|cardnum|cc number|cc num|cc no|ccnumber|credit card
    creditcard|debit card|debitcard|credit cards|payment card|bank card|bankcard|card pan|cvv|cvv2|cvc|cvc2|ccv|cid code
    card security code|card code|card verification|card verification value|security code|card expiry
    card expiration|card exp|cardexpiry|card expires|exp month|exp year|expiry month|expiry year|expiration month
    expiration year|cc exp|cc expiry|card holder|cardholder|card holder name|name on card|card last4|card last 4
    card last four|last4|last four|card brand|card bin|card fingerprint|card token|card track|stored card
    saved card|card on file|tarjeta de credito|tarjeta credito|numero de tarjeta|numero tarjeta|carte bancaire
    carte de credit|carte credit|numero de carte|numero carte|kreditkarte|kreditkartennummer|kartennummer
    kreditkartennr|kartenpruefnummer|kartenprufnummer|cartao de credito|cartao credito|numero do cartao|numero cartao
    carta di credito|carta credito|numero carta di credito|numero carta|creditcardnummer|kortnummer|kredittkort
    kreditkort|ne le|nee le|ne e le|nato il|nata il|geboren am
    numer karty|karta kredytowa|信用卡|クレジットカ-ド
    """.replace("\n", "|").split("|")
    if sequence.strip()
)
_WIDEST = max(map(len, _SEQUENCES))

#: Scripts that put no space between words.
_UNSPACED = frozenset(part for sequence in _SEQUENCES for part in sequence if part > "\u2e80" and len(part) > 1)

#: Short words that mean something else inside a longer name (a bank of skills, a frying pan).
_WHOLE_NAMES = frozenset(
    word_list("""
    birth bank pan cc sin nie nif rut tfn ird ppsn pps oib egn cnp emso jmbg amka nik rc pnr cpr fnr
    hetu inn инн ahv avs niss insz tin geb geboren nacido ne nee konto cuenta compte conta conto
    card_pan acct kreditkarte aniversário anniversaire nino_number social ssno dni nir nss csc
""")
)

#: Cards that nobody pays with.
_OTHER_CARDS = frozenset(
    word_list("""
    access badge key keycard time business report score library sim swipe proximity loyalty union punch
    job post memory membership member green cscs construction index flash kanban parking visitor door
    entry fuel
""")
)

_OTHER_ACCOUNTS = frozenset(word_list("customer client user supplier vendor utility login email ledger loyalty"))
_PAYING_CARDS = frozenset(word_list("credit debit payment bank stored saved identity"))

#: A name that ends so tells about the rule, not about a person.
_ABOUT = frozenset(
    word_list("""
    policy policies rule rules reminder reminders guard refused refusals forbidden blocked removed
    detected findings enabled disabled allowed lunch party cake card cards greeting greetings bonus
    leave message messages template
""")
)

_PHONES = frozenset(
    word_list("""
    phone phones mobile tel telephone cell cellphone fax whatsapp telefon telefono telefone handy movil
    portable mobiltelefon phonenumber telefonnummer gsm msisdn sms pager
""")
)
_SECRETS = frozenset(word_list("password passphrase token signature cursor etag secret"))


def is_forbidden_name(name: str) -> bool:
    """
    Whether a field of this name is meant for what ActionTrac does not hold (W02).

    `date_of_hire`, `birthday_policy`, `payment_kind` and `access_card_number` are not.
    """
    return _is_forbidden(name[:_LONGEST_NAME])


@lru_cache(maxsize=4096)
def _is_forbidden(name: str) -> bool:
    parts = words_of(name)
    if not parts:
        return False
    if parts[-1] in _ABOUT and len(parts) > 1 and not _ends_in_payment_card(parts):
        return False
    if "_".join(parts) in _WHOLE_NAMES or name.strip().lower() in _WHOLE_NAMES:
        return True
    if not name.isascii() and any(part in word for word in parts for part in _UNSPACED):
        return True
    for first in range(len(parts)):
        for last in range(first + 1, min(first + _WIDEST, len(parts)) + 1):
            if parts[first:last] in _SEQUENCES and not _belongs_to_other(parts, first):
                return True
    return False


def _belongs_to_other(parts: tuple[str, ...], first: int) -> bool:
    """Whether the word before makes it another card (`access_card_number`) or account (`customer_account_number`)."""
    if not first:
        return False
    others = {"card": _OTHER_CARDS, "account": _OTHER_ACCOUNTS}.get(parts[first], frozenset())
    return parts[first - 1] in others


def _ends_in_payment_card(parts: tuple[str, ...]) -> bool:
    return parts[-1] in ("card", "cards") and parts[-2] in _PAYING_CARDS


def is_phone_name(name: str) -> bool:
    """Whether values of this name are telephone numbers."""
    return not _PHONES.isdisjoint(words_of(name))


def is_secret_name(name: str) -> bool:
    """Whether values of this name are random by nature, so that only a card number can be told."""
    parts = words_of(name)
    return bool(parts) and parts[-1] in _SECRETS
