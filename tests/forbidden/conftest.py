"""
Ordinary notes, and notes in which one forbidden value is planted.

The corpus is made from a seed, so that a rate measured today is the rate of tomorrow,
and without any rule of the detector: its numbers are whatever the dice say.
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from stdnum import luhn
from stdnum.iban import calc_check_digits

FIRST_NAMES = [
    "Amara",
    "Bjørn",
    "Chloé",
    "Dmitri",
    "Elif",
    "Fatima",
    "Grace",
    "Hugo",
    "Ines",
    "Jürgen",
    "Kofi",
    "Lena",
    "Malik",
    "Nuria",
    "Oskar",
    "Priya",
]
LAST_NAMES = [
    "Okafor",
    "Larsen",
    "Dubois",
    "Ivanov",
    "Yılmaz",
    "Hassan",
    "O'Neill",
    "García",
    "Schäfer",
    "Mensah",
    "Novak",
    "Singh",
    "Rossi",
]
PLACES = ["Leeds", "Lyon", "Köln", "Porto", "Torino", "Boston", "Gate 4", "Dock 12", "Line 3", "Hall B"]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]

# Issuer, prefix, length: numbers that the issuers' own documents give as examples of their ranges.
CARD_RANGES = [
    ("4", 16),
    ("4", 13),
    ("4", 19),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("2720", 16),
    ("2500", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("65", 16),
    ("644", 16),
    ("36", 14),
    ("300", 14),
    ("3095", 14),
    ("3528", 16),
    ("3589", 16),
    ("62", 16),
    ("62", 17),
    ("62", 18),
    ("62", 19),
    ("5018", 13),
    ("6759", 16),
    ("6759", 18),
    ("6304", 19),
    ("5893", 16),
    ("2200", 16),
    ("8171", 16),
    ("6521", 16),
]


@dataclass
class Dice:
    """Everything random that a note is made of."""

    seed: int
    roll: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.roll = random.Random(self.seed)

    def digits(self, count: int) -> str:
        return "".join(self.roll.choices("0123456789", k=count))

    def letters(self, count: int) -> str:
        return "".join(self.roll.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=count))

    def name(self) -> str:
        return f"{self.roll.choice(FIRST_NAMES)} {self.roll.choice(LAST_NAMES)}"

    def date(self, first_year: int = 1995, last_year: int = 2027) -> str:
        year, month, day = self.roll.randint(first_year, last_year), self.roll.randint(1, 12), self.roll.randint(1, 28)
        return self.roll.choice(
            [
                f"{year}-{month:02}-{day:02}",
                f"{day:02}/{month:02}/{year}",
                f"{month}/{day}/{year}",
                f"{day}.{month}.{year}",
                f"{day} {MONTHS[month - 1]} {year}",
                f"{MONTHS[month - 1]} {day}, {year}",
                f"{day}-{MONTHS[month - 1][:3]}-{year}",
            ]
        )

    def phone(self) -> str:
        d, pick = self.digits, self.roll.choice
        return pick(
            [
                f"+1 {d(3)} {d(3)} {d(4)}",
                f"({d(3)}) {d(3)}-{d(4)}",
                f"{d(3)}-{d(3)}-{d(4)}",
                f"{d(3)}.{d(3)}.{d(4)}",
                f"+44 20 {d(4)} {d(4)}",
                f"020 {d(4)} {d(4)}",
                f"07{d(3)} {d(6)}",
                f"+49 {d(3)} {d(8)}",
                f"+49{d(11)}",
                f"0{d(1)} {d(2)} {d(2)} {d(2)} {d(2)}",
                f"+33 6 {d(2)} {d(2)} {d(2)} {d(2)}",
                f"+34 6{d(2)} {d(3)} {d(3)}",
                f"+351 9{d(2)} {d(3)} {d(3)}",
                f"+39 3{d(2)} {d(7)}",
                f"00{d(2)} {d(3)} {d(7)}",
                f"+86 1{d(2)} {d(4)} {d(4)}",
                f"+971 50 {d(3)} {d(4)}",
                f"{d(3)}-{d(4)} ext {d(3)}",
                f"+1{d(10)}",
                f"+55 11 9{d(4)}-{d(4)}",
            ]
        )

    def part(self) -> str:
        d, w, pick = self.digits, self.letters, self.roll.choice
        return pick(
            [
                f"PN-{d(5)}-{w(1)}",
                f"{w(2)}-{d(4)}",
                f"{w(3)}{d(6)}",
                f"{d(4)}-{d(3)}-{d(2)}",
                f"{d(6)}-{d(3)}",
                f"{w(1)}{d(7)}",
                f"{d(3)}.{d(4)}.{d(2)}",
                f"{d(8)}",
                f"{d(10)}",
                f"{d(12)}",
                f"{w(2)}{d(2)}-{d(4)}-{w(2)}",
                f"{d(2)}-{d(5)}-{d(2)}",
                f"M{d(2)}x{d(2)}",
                f"{d(5)}/{d(2)}",
                f"{w(4)}-{d(4)}-{d(4)}",
                f"SKU {d(7)}",
                f"{d(1)}/{d(1)}-{d(2)} UNC",
                f"{d(4)} {d(3)} {d(2)}",
            ]
        )

    def identifier(self) -> str:
        d, pick = self.digits, self.roll.choice
        return pick(
            [
                str(uuid.UUID(int=self.roll.getrandbits(128), version=4)),
                uuid.UUID(int=self.roll.getrandbits(128)).hex,
                f"{self.roll.getrandbits(160):040x}",
                "wrk_" + "".join(self.roll.choices("0123456789abcdefghjkmnpqrstvwxyz", k=26)),
                f"PO-{self.roll.randint(2019, 2026)}-{d(6)}",
                f"INC{d(7)}",
                f"#{d(5)}",
                f"1Z{self.letters(3)}{d(3)}{d(10)}",
                str(self.roll.randint(1_300_000_000_000, 1_900_000_000_000)),
                str(self.roll.randint(1_300_000_000, 1_900_000_000)),
                f"{d(1)}{d(11)}",
                f"10.{d(2)}.{d(1)}.{d(2)}",
                f"v{d(1)}.{d(2)}.{d(1)}",
                f"{self.roll.uniform(-90, 90):.6f}, {self.roll.uniform(-180, 180):.6f}",
                f"94{d(20)}",
            ]
        )


ORDINARY: list[Callable[[Dice], str]] = [
    lambda d: f"{d.name()} was hired on {d.date()} and works at {d.roll.choice(PLACES)}.",
    lambda d: f"Date of hire: {d.date()}",
    lambda d: f"Hire date {d.date()}, badge {d.digits(d.roll.randint(4, 9))}",
    lambda d: f"Started {d.date()}; probation ends {d.date()}",
    lambda d: f"Badge number {d.digits(d.roll.randint(4, 10))} returned by {d.name()}",
    lambda d: f"Badge {d.digits(3)}-{d.digits(4)} does not open {d.roll.choice(PLACES)}",
    lambda d: f"Call {d.name()} at {d.phone()} after {d.roll.randint(7, 18)}:{d.digits(2)}",
    lambda d: f"Phone: {d.phone()}, mobile {d.phone()}",
    lambda d: f"Emergency contact {d.name()}, {d.phone()}",
    lambda d: f"{d.phone()} / {d.phone()}",
    lambda d: f"Replaced part {d.part()} on {d.date()}",
    lambda d: f"Ordered {d.roll.randint(1, 90)} x {d.part()} and {d.roll.randint(1, 9)} x {d.part()}",
    lambda d: f"{d.part()} is out of stock, use {d.part()} instead",
    lambda d: f"Serial number {d.letters(2)}{d.digits(d.roll.randint(6, 11))}, lot {d.digits(6)}",
    lambda d: f"See ticket {d.identifier()} reported {d.date()}",
    lambda d: f"event {d.identifier()} at {d.identifier()}",
    lambda d: f"Certificate no. {d.digits(d.roll.randint(5, 9))} issued {d.date()}, expires {d.date()}",
    lambda d: f"Forklift licence {d.letters(2)} {d.digits(6)} valid until {d.date()}",
    lambda d: f"Birthday cake for the team on {d.date()}, {d.roll.randint(8, 40)} people",
    lambda d: f"The birthday lunch moved from {d.date()} to {d.date()}",
    lambda d: f"Account manager for {d.roll.choice(PLACES)} since {d.date()}",
    lambda d: f"Customer account no. {d.digits(8)} wants {d.name()} on site",
    lambda d: f"Asked {d.name()} not to write a social security number in notes ({d.date()})",
    lambda d: f"Took the savings course on {d.date()}, score {d.digits(2)}",
    lambda d: f"Shift {d.digits(2)}:30-{d.digits(2)}:00, rooms {d.digits(3)}, {d.digits(3)}, {d.digits(3)}",
    lambda d: f"Moved to {d.digits(3)} Main Street, {d.roll.choice(PLACES)} {d.digits(5)}-{d.digits(4)}",
    lambda d: f"Paid by card, reference {d.letters(3)}{d.digits(6)}, {d.digits(3)}.{d.digits(2)} EUR",
    lambda d: f"Invoice {d.digits(8)} over {d.digits(4)}.{d.digits(2)}, due {d.date()}",
    lambda d: f"Excellent week: {d.roll.randint(1, 99)} % fewer rejects on {d.roll.choice(PLACES)}",
    lambda d: f"{d.name()} is a born leader; promoted {d.date()}",
    lambda d: f"Embauché le {d.date()}, badge {d.digits(6)}, tél. {d.phone()}",
    lambda d: f"Eingestellt am {d.date()}, Personalnummer {d.digits(6)}",
    lambda d: f"Contratado el {d.date()}; teléfono {d.phone()}",
    lambda d: f"Assunto il {d.date()}, matricola {d.digits(5)}",
    lambda d: f"Contratada em {d.date()}, crachá {d.digits(5)}",
    lambda d: f"Praise from {d.roll.choice(PLACES)}: quick, careful, friendly. Thank you {d.name()}!",
    lambda d: f"Readings {' '.join(d.digits(2) for _ in range(5))} and {d.digits(2)}.{d.digits(1)} °C",
    lambda d: f"Keys {d.digits(4)}, {d.digits(4)}, {d.digits(4)} and {d.digits(4)} handed over",
    lambda d: f"EIN {d.digits(2)}-{d.digits(7)} of the contractor, VAT {d.letters(2)}{d.digits(9)}",
    lambda d: f"Employee {d.digits(6)} ({d.name()}) reports to {d.digits(6)} since {d.date()}",
]


def _card(d: Dice) -> str:
    prefix, length = d.roll.choice(CARD_RANGES)
    body = prefix + d.digits(length - 1 - len(prefix))
    number = body + luhn.calc_check_digit(body)
    mark = d.roll.choice(["", " ", "-", ".", "\u00a0", "\u2009", "\u2011"])
    sizes = {15: [4, 6, 5], 14: [4, 6, 4], 13: [4, 3, 3, 3]}.get(length, [4] * 5)
    groups, at = [], 0
    for size in sizes:
        groups.append(number[at : at + size])
        at += size
    written = mark.join(group for group in groups if group)
    if d.roll.random() < 0.1:
        written = written.translate({48 + i: 0xFF10 + i for i in range(10)})
    return d.roll.choice(
        ["{}", "card {}", "pay with {} please", "Visa:{}", "PAN {}, exp 12/29", "his number is {}."]
    ).format(written)


def _ssn(d: Dice) -> str:
    area = d.roll.choice([n for n in range(1, 900) if n != 666])
    group, serial = d.roll.randint(1, 99), d.roll.randint(1, 9999)
    dashed, plain = f"{area:03}-{group:02}-{serial:04}", f"{area:03}{group:02}{serial:04}"
    return d.roll.choice(
        [
            dashed,
            dashed.replace("-", " "),
            f"SSN {dashed}",
            f"SSN: {plain}",
            f"social security number {plain}",
            f"{plain} (SSN)",
            f"Social Security # {dashed}",
            f"ssn is {plain}",
            f"SSN={plain}",
        ]
    )


def _birth(d: Dice) -> str:
    return d.roll.choice(
        [
            "born {}",
            "DOB: {}",
            "date of birth {}",
            "Date of Birth: {}",
            "was born on {}",
            "D.O.B. {}",
            "birthday {}",
            "{} (dob)",
            "nacido el {}",
            "fecha de nacimiento: {}",
            "née le {}",
            "date de naissance : {}",
            "geboren am {}",
            "geb. {}",
            "Geburtsdatum: {}",
            "nascida em {}",
            "data de nascimento {}",
            "nato il {}",
            "data di nascita: {}",
            "birthdate={}",
            "born in Leeds on {}",
            "her birthday is {}",
            "{} is his date of birth",
        ]
    ).format(d.date(1940, 2008))


def _iban(d: Dice) -> str:
    country, body = d.roll.choice(
        [
            ("DE", d.digits(18)),
            ("GB", f"WEST{d.digits(14)}"),
            ("FR", d.digits(23)),
            ("NL", f"ABNA{d.digits(10)}"),
            ("ES", d.digits(20)),
            ("IT", f"X{d.digits(22)}"),
            ("PL", d.digits(24)),
            ("NO", d.digits(11)),
        ]
    )
    whole = f"{country}{calc_check_digits(f'{country}00{body}')}{body}"
    spaced = " ".join(whole[index : index + 4] for index in range(0, len(whole), 4))
    return d.roll.choice(["IBAN {}", "{}", "transfer to {} today"]).format(
        d.roll.choice([whole, spaced, whole.lower()])
    )


def _account(d: Dice) -> str:
    number = f"{d.roll.randint(3, 9)}{d.digits(d.roll.choice([6, 8, 9, 10, 11]))}"
    return d.roll.choice(
        [
            "account no. {}",
            "bank account {}",
            "Account number: {}",
            "acct # {}",
            "a/c {}",
            "Kontonummer {}",
            "número de cuenta {}",
            "numéro de compte : {}",
            "checking account {}",
            "conta corrente {}",
        ]
    ).format(number)


PLANTED: dict[str, Callable[[Dice], str]] = {
    "card_number": _card,
    "social_security_number": _ssn,
    "birth_date": _birth,
    "iban": _iban,
    "bank_account": _account,
}


@pytest.fixture(scope="session")
def ordinary_notes() -> list[str]:
    """5,000 notes that hold nothing forbidden."""
    dice = Dice(20231123)
    return [ORDINARY[index % len(ORDINARY)](dice) for index in range(5_000)]


@pytest.fixture(scope="session")
def planted_notes() -> list[tuple[str, str]]:
    """3,000 notes with one forbidden value among ordinary words, and its kind."""
    dice = Dice(19840312)
    kinds = list(PLANTED)
    notes = []
    for index in range(3_000):
        kind = kinds[index % len(kinds)]
        before, after = (
            dice.roll.choice(["", f"{dice.name()}: ", "Please note. ", "For the file, "]),
            dice.roll.choice(["", ".", ", thanks", " as discussed"]),
        )
        notes.append((kind, f"{before}{PLANTED[kind](dice)}{after}"))
    return notes
