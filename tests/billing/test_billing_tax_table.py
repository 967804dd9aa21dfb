"""The file of taxes: read, refused where it says too little, and applied to running services (B22)."""

import pytest

from actiontrac.config import ConfigurationError
from services.billing import commands, tax_table
from services.billing.tax_table import TaxFileWrong

RATE = """
[[rate]]
country = "{country}"
name = "VAT"
percent = "{percent}"
since = 2021-01-01
source = "a law, read today"
"""


def write(path, *, version=1, percent="19", country="DE"):
    path.write_text(f"version = {version}\n" + RATE.format(percent=percent, country=country))
    return str(path)


class TestTheFile:
    def test_ours_adds_no_tax_until_somebody_switches_a_rate_on(self):
        assert tax_table.parse(tax_table.DEFAULT_FILE.read_text(), "taxes.toml").rows == ()

    def test_its_examples_can_be_switched_on_as_they_stand(self):
        text = tax_table.DEFAULT_FILE.read_text()
        head, _, examples = text.partition("# [[rate]]")
        switched_on = head + "[[rate]]" + examples.replace("\n# ", "\n").replace("\n#\n", "\n\n")

        assert len(tax_table.parse(switched_on, "taxes.toml").rows) == 4

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (("version = 1", "version = 0"), "above 0"),
            (('"DE"', '"Germany"'), "two capital letters"),
            (('"19"', "19"), "written as text"),
            (('"19"', '"101"'), "written as text"),
            (('"19"', '"NaN"'), "written as text"),
            (("since = 2021-01-01", ""), "no since"),
            (('source = "a law, read today"', ""), "no source"),
            (('name = "VAT"', "name = 3"), "no name"),
            (('name = "VAT"', 'name = "VAT"\nstate = 3'), "not text"),
            (("[[rate]]", "[[rate]"), "not valid TOML"),
        ],
    )
    def test_a_wrong_file_is_explained_in_one_sentence(self, change, says):
        text = "version = 1\n" + RATE.format(percent="19", country="DE")

        with pytest.raises(TaxFileWrong) as wrong:
            tax_table.parse(text.replace(*change), "taxes.toml")
        assert says in str(wrong.value)
        assert str(wrong.value).endswith(".")

    def test_one_rate_is_not_said_twice(self):
        with pytest.raises(TaxFileWrong, match="one place"):
            tax_table.parse("version = 1\n" + 2 * RATE.format(percent="19", country="DE"), "taxes.toml")


class TestTheCommand:
    def test_it_shows_what_would_change_and_changes_it_only_when_told(self, open_shop, tmp_path, capsys):
        shop = open_shop(ACTIONTRAC_TAXES_FILE=write(tmp_path / "taxes.toml"))
        write(tmp_path / "taxes.toml", version=2, percent="20")

        assert commands.taxes(shop.settings, apply=False) == 0
        said = capsys.readouterr().out
        assert "VAT 20 %  new" in said
        assert "VAT 19 %  goes" in said
        with shop.service.store.across_companies() as store:
            assert shop.service.tax_table(store).version == 1
        assert commands.taxes(shop.settings, apply=True) == 0
        with shop.service.store.across_companies() as store:
            assert shop.service.tax_table(store).version == 2
        assert commands.taxes(shop.settings, apply=True) == 0
        assert "Nothing to change." in capsys.readouterr().out

    def test_a_change_without_a_higher_version_is_refused(self, open_shop, tmp_path, capsys):
        shop = open_shop(ACTIONTRAC_TAXES_FILE=write(tmp_path / "taxes.toml"))
        write(tmp_path / "taxes.toml", percent="20")

        assert commands.taxes(shop.settings, apply=True) == 1
        assert "WRONG" in capsys.readouterr().out
        shop.restart()
        shop.service.list_plans()
        with shop.service.store.across_companies() as store:
            assert shop.service.tax_table(store).rows[0].rate.percent == 19

    def test_a_broken_file_is_one_sentence(self, open_shop, tmp_path):
        shop = open_shop(ACTIONTRAC_TAXES_FILE=write(tmp_path / "taxes.toml"))
        (tmp_path / "taxes.toml").write_text("[[rate]")

        with pytest.raises(ConfigurationError, match="not valid TOML"):
            commands.taxes(shop.settings, apply=False)
