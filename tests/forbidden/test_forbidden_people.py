"""Social security numbers, identity numbers and birth dates (S23)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiontrac import forbidden


def kinds(text: str) -> list[str]:
    return [finding.kind for finding in forbidden.find(text)]


class TestSocialSecurityNumbers:
    @pytest.mark.parametrize(
        "text",
        [
            "123-45-6789",
            "123 45 6789",
            "078-05-1120",
            "SSN 123-45-6789.",
            "SSN: 123456789",
            "ssn=123456789",
            "123456789 (SSN)",
            "social security number is 123456789",
            "Social Security No. 123 45 6789",
            "soc. sec. # 123-45-6789",
            "SS# 123456789",
            "123\u201145\u20116789",
            "1\u200b23-45-67\u200b89",
            "１２３-４５-６７８９",
            "١٢٣-٤٥-٦٧٨٩",
            "123 - 45 - 6789",
            "SSN123-45-6789",
            "SSN 900-12-3456",
            "ITIN 912-70-1234",
            "her social security number: 912701234",
            "employee id 123-45-6789",
        ],
    )
    def test_finds_it_as_people_write_it(self, text):
        assert kinds(text) == ["social_security_number"]

    @pytest.mark.parametrize(
        "text",
        [
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "987-65-4321",
            "123-00-4567",
            "123-45-0000",
            "SSN 000-12-3456",
            "123456789",
            "badge 123456789",
            "SSN on file, badge 123456789",
            "1-123-45-6789",
            "123-45-6789-02",
            "A123-45-6789",
            "123-45-6789-B",
            "12345-6789",
            "12-3456789",
            "+372 123 45 6789",
            "123-456-789",
            "no SSN, phone 415-555-2671",
        ],
    )
    def test_leaves_what_the_administration_never_gives_out_and_other_numbers(self, text):
        assert kinds(text) == []

    @given(st.integers(1, 899).filter(lambda area: area != 666), st.integers(1, 99), st.integers(1, 9999))
    def test_finds_every_number_that_can_be_given_out(self, area, group, serial):
        assert kinds(f"see {area:03}-{group:02}-{serial:04} please") == ["social_security_number"]


class TestIdentityNumbers:
    @pytest.mark.parametrize(
        "text",
        [
            "DNI 12345678Z",
            "12345678-Z",
            "NIE X1234567L",
            "x1234567l",
            "RSSMRA85T10A562S",
            "rss mra 85t10 a562s",
            "1 84 03 75 116 001 76",
            "numéro de sécurité sociale 295109912611193",
            "255081416802538",
            "personnummer 880320-0016",
            "390.533.447-05",
            "CPF 39053344705",
            "AB 12 34 56 C",
            "NINO: QQ123456C",
            "NHS number 401-023-2137",
            "National Insurance number AB123456C",
            "Steuer-ID 36 574 261 809",
            "BSN 111222333",
            "PESEL 44051401359",
            "SIN 046 454 286",
            "social insurance number 130692544",
            "Aadhaar 2341 2341 2346",
            "131052-308T",
            "756.9217.0769.85",
            "85.07.30-033.28",
            "CURP BOXW310820HNERXN09",
            "12.531.909-2",
            "11010519491231002X",
            "710319/2745",
            "PAN ACUPA7085R",
            "rodné číslo 7103192745",
            "Sozialversicherungsnummer 65 170839 J 003",
            "fødselsnummer 15108695088",
            "身份证号 11010519491231002X",
            "34201-0891231-8",
            "T.C. kimlik no 17291716060",
            "770305-02-1234",
        ],
    )
    def test_finds_what_is_unambiguous(self, text):
        assert kinds(text) == ["national_id"]

    @pytest.mark.parametrize(
        "text",
        [
            "part 12345678Z",
            "SKU AB123456C",
            "SE704444C fitted",
            "6019-5568-2818",
            "IMEI 358248215603368",
            "0.521894786083976",
            "12345678A",
            "36574261809",
            "111222333",
            "44051401359",
            "046 454 286",
            "part no. 2341 2341 2346",
            "880320-0016",
            "20190312-0042",
            "BG123456C",
            "PN-48213-B",
            "X1234567A",
            "za 30 dni 20240312",
            "sin fecha 2024-03-12",
            "national holiday 12345678",
            "tax id of the company 12-3456789",
            "id 1700000000000",
        ],
    )
    def test_leaves_numbers_that_nothing_makes_an_identity(self, text):
        assert kinds(text) == []


class TestBirthDates:
    @pytest.mark.parametrize(
        "text",
        [
            "born 12/03/1984",
            "Born on March 12th, 1984",
            "was born on the 3rd of March 1984",
            "DOB: 1984-03-12",
            "dob 19840312",
            "D.O.B. 12.03.84",
            "d/o/b 12/03/1984",
            "date of birth 12 March 1984",
            "date_of_birth=1984-03-12",
            '"dateOfBirth": "1984-03-12"',
            "**DOB:** 12/03/1984",
            "Birth date - Mar 3, 1984",
            "birthdate:3-Mar-84",
            "birthday 3 March 1984",
            "Birthday: 3 March",
            "her birthday is on 3 March",
            "DOB 120384",
            "date of birth of Ann Smith is 12/03/1984",
            "born in Leeds on 12/03/1984",
            "born Leeds, 12/03/1984",
            "b. 12/03/1984",
            "DOB１２／０３／１９８４",
            "12/03/1984 (dob)",
            "12/03/1984 - date of birth",
            "1984-03-12 is his birthday",
            "March 3, 1984 (date of birth)",
            "born ١٢/٠٣/١٩٨٤",
            "bo\u200brn 12/03/1984",
            "DOB\n1984-03-12",
            "date of birth | 1984-03-12 |",
            "nacido el 12/03/1984",
            "nacida en Lima el 12 de marzo de 1984",
            "nació el 3 de marzo de 1984",
            "fecha de nacimiento: 12-03-1984",
            "F. Nac. 12/03/1984",
            "cumpleaños: 3 de marzo",
            "12/03/1984 (fecha de nacimiento)",
            "né le 12/03/1984",
            "née le 3 mars 1984",
            "né(e) le 12.03.1984",
            "date de naissance : 12/03/1984",
            "anniversaire : 3 mars 1984",
            "née à Lyon le 12/03/1984",
            "12/03/1984 (date de naissance)",
            "geboren am 12.03.1984",
            "geb. 12.03.1984",
            "geb. am 3. März 1984",
            "Geburtsdatum 12.3.84",
            "Geburtstag: 3. März",
            "12.03.1984 (Geburtsdatum)",
            "nascido em 12/03/1984",
            "data de nascimento: 12/03/1984",
            "nascida a 3 de março de 1984",
            "aniversário: 3 de março",
            "nato il 12/03/1984",
            "nata a Roma il 12 marzo 1984",
            "data di nascita 12/03/1984",
            "compleanno: 3 marzo",
            "geboren op 12 maart 1984",
            "født 12.03.1984",
            "född 1984-03-12",
            "data urodzenia: 12.03.1984",
            "дата рождения: 12.03.1984",
            "родился 12 марта 1984",
            "出生日期 1984年3月12日",
            "生年月日：1984年3月12日",
            "생년월일 1984년 3월 12일",
            "doğum tarihi 12.03.1984",
        ],
    )
    def test_finds_a_date_that_is_stated_as_a_birth_date(self, text):
        assert kinds(text) == ["birth_date"]

    @pytest.mark.parametrize(
        "text",
        [
            "12/03/1984",
            "date of hire: 2019-03-12",
            "hired 12/03/2019",
            "Hired 12/03/2019, DOB not given",
            "DOB removed; hired 12/03/2019",
            "date of birth removed on 12/03/2019",
            "birthday lunch 12 May 2024",
            "birthday party on 12/05/2024",
            "born leader, hired 12/03/2019",
            "newborn 12/03/1984",
            "the idea was born in a meeting on 12/03/2019",
            "company founded 12/03/1984",
            "born 1984",
            "airborne since 12/03/2019",
            "Embauché le 12/03/2019",
            "eingestellt am 12.03.2019",
            "contratado el 12/03/2019",
            "assunto il 12/03/2019",
            "admitido em 12/03/2019",
            "né pour vendre, embauché le 12/03/2019",
            "born 99/99/1984",
            "birthday 2/3 of the team came",
            "NATO 12/03/2019",
            "3 March 1984",
            "anniversaire d'embauche 12/03/2019",
            "last day 12/03/2024, started 01/02/2019",
            "birth certificate received 12/03/2019",
        ],
    )
    def test_leaves_every_other_date(self, text):
        assert kinds(text) == []
