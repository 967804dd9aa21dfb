"""Which column of a file is which field, guessed from how people head their columns."""

import re

from services.workers.normal import normalised

#: Everything that a column can be. The two that are no field of a profile stand for
#: fields that are: a whole name, and the manager by worker number.
FULL_NAME = "full_name"
MANAGER_NUMBER = "manager_number"
FIELDS = (
    "worker_number", "first_name", "last_name", FULL_NAME, "work_email", "work_phone", "title", "department",
    "site", MANAGER_NUMBER, "kind", "status", "started_on", "ended_on", "tags", "notes",
)

#: At least one of these must be there, so that a row can be somebody.
NAMING = ("worker_number", "first_name", "last_name", FULL_NAME, "work_email")

#: Common spellings in English, German, French and Spanish, as ``_plain`` writes them.
_SPELLINGS = {
    "worker_number": """
        number|no|nr|id|worker no|worker nr|worker id|worker code|employee number|employee no|employee nr|employee id
        employee code|emp no|emp id|emp number|emp code|empid|staff number|staff no|staff id|staff code
        personnel number|personnel no|personnel id|person number|payroll number|payroll no|payroll id|clock number
        clock no|badge number|badge no|badge id|contractor id|contractor number|associate id|member id|hr id|external id
        personalnummer|personalnr|pers nr|persnr|mitarbeiternummer|mitarbeiternr|mitarbeiter nr|mitarbeiter id
        matricule|numero|numero employe|numero de empleado|numero empleado|id empleado""",
    "first_name": """
        first|firstname|fname|given name|given names|given|forename|forenames|christian name|preferred name
        employee first name|worker first name|legal first name|vorname|vornamen|rufname|prenom|nombre|nombres""",
    "last_name": """
        last|lastname|lname|surname|surnames|family name|family|employee last name|worker last name
        legal last name|nachname|familienname|zuname|nom|nom de famille|apellido|apellidos""",
    FULL_NAME: """
        name|fullname|employee name|worker name|staff name|display name|name of employee|name of worker|complete name
        person|mitarbeiter|mitarbeitername|nom complet|nom et prenom|nombre completo|nombre y apellidos""",
    "work_email": """
        email|e mail|mail|email address|e mail address|mail address|emailaddress|workemail|work e mail|work mail
        work email address|business email|business e mail|company email|corporate email|office email|employee email
        e mail adresse|email adresse|mailadresse|dienstliche e mail|courriel|adresse email|adresse mail|correo
        correo electronico|correo de trabajo""",
    "work_phone": """
        phone|phone number|phone no|telephone|telephone number|tel|tel no|tel nr|mobile|mobile number|mobile phone|cell
        cell phone|cellphone|workphone|work phone number|work telephone|work mobile|business phone|office phone
        company phone|extension|ext|telefon|telefonnummer|handy|mobil|durchwahl|telefono|movil|portable""",
    "title": """
        job title|jobtitle|job|role|position|designation|function|occupation|job role|job position|position title
        work title|berufsbezeichnung|stelle|funktion|tatigkeit|poste|fonction|titre|cargo|puesto""",
    "department": """
        dept|dep|department name|dept name|team|unit|division|org unit|business unit|cost center|cost centre|section
        group|abteilung|bereich|kostenstelle|departement|service|departamento|area|equipo""",
    "site": """
        location|work location|office|office location|branch|plant|workplace|work site|worksite|facility|store|warehouse
        job site|city|town|standort|niederlassung|arbeitsort|werk|lieu|lieu de travail|sede|ubicacion|centro""",
    MANAGER_NUMBER: """
        manager no|manager nr|manager id|manager code|manager worker number|manager employee number
        manager employee id|managers number|manager s number|supervisor number|supervisor no|supervisor id|boss id
        reports to number|reports to id|reports to no|line manager number|line manager id|vorgesetzter nr
        vorgesetztennummer""",
    "kind": """
        type|worker type|employee type|employment type|worker kind|contract type|employment kind|employment|engagement
        category|worker category|employee category|class|beschaftigungsart|vertragsart|type de contrat
        tipo|tipo de contrato""",
    "status": "worker status|employee status|employment status|active status|zustand|statut|estado|estatus",
    "started_on": """
        start|start date|startdate|date started|started|starts on|start on|hire date|hiredate|hired|hired on
        date hired|date of hire|joined|joined on|join date|joining date|date joined|date of joining|entry date
        first day|employment start|employment start date|service date|since|eintritt|eintrittsdatum|beginn|einstellung
        date d entree|date d embauche|date de debut|fecha de inicio|fecha de ingreso|fecha de alta""",
    "ended_on": """
        end|end date|enddate|date ended|ended|ends on|termination date|date terminated|date of termination|leaving date
        date left|left on|leave date|last day|last working day|exit date|contract end|contract end date
        employment end date|until|austritt|austrittsdatum|ende|date de sortie|date de fin|fecha de fin|fecha de baja""",
    "tags": "tag|labels|label|keywords|groups|etiketten|schlagworte|etiquettes|mots cles|etiquetas",
    "notes": """
        note|comment|comments|remark|remarks|description|memo|additional information|bemerkung|bemerkungen|notiz
        notizen|kommentar|remarque|remarques|commentaire|notas|nota|comentarios|observaciones""",
}


#: Headers that say little: they count only where no other column says it better.
_VAGUE = frozenset({
    "number", "no", "nr", "id", "numero", "name", "phone", "mobile", "tel", "email", "mail", "ext",
    "city", "town", "group", "section", "class", "type",
})


def _plain(header: str) -> str:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return " ".join(re.sub(r"[^a-z0-9]+", " ", normalised(apart).replace("#", " number ")).split())


#: Without spaces, because "E-Mail", "Email" and "e mail" are one.
_FIELD_BY_SPELLING = {
    "".join(spelling.split()): field
    for field, spellings in _SPELLINGS.items()
    for spelling in [field.replace("_", " "), *re.split(r"[|\n]", spellings)]
    if spelling.strip()
}


def guess(header: str) -> str | None:
    """The field that a column of this header most likely is."""
    plain = _plain(header)
    # "Start date (yyyy-mm-dd)", "E-mail *" and "Worker: first name" are what they begin or end with.
    without_aside = _plain(re.sub(r"\(.*?\)|\[.*?\]", " ", header))
    for spelling in (plain, without_aside, re.sub(r"^(worker|employee|staff|person) ", "", without_aside)):
        field = _FIELD_BY_SPELLING.get(spelling.replace(" ", ""))
        if field:
            return field
    return None


def guess_all(headers: list[str], told: dict[int, str | None]) -> list[str | None]:
    """
    A field or None for every column; each field at most once, the first column wins.
    ``told`` holds what the mapping says about columns by position; None leaves one out.
    """
    fields: list[str | None] = [told.get(position) for position in range(len(headers))]
    taken = {field for field in fields if field}
    open_columns = [(position, header) for position, header in enumerate(headers) if position not in told]
    for position, header in sorted(open_columns, key=lambda column: _plain(column[1]) in _VAGUE):
        field = guess(header)
        if field and field not in taken:
            fields[position] = field
            taken.add(field)
    return _names_apart(fields, told)


def _names_apart(fields: list[str | None], told: dict[int, str | None]) -> list[str | None]:
    """Beside a column of first names, a column headed "Name" holds the last names, and the other way round."""
    if FULL_NAME in fields and (position := fields.index(FULL_NAME)) not in told:
        for one, other in (("first_name", "last_name"), ("last_name", "first_name")):
            if one in fields and other not in fields:
                fields[position] = other
    return fields
