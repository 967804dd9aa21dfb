"""The main job, as ``make demo`` does it: registration, both payment methods, workers, mail, opt-out."""

from actiontrac.demo.steps import Demo
from tests.stack import Product


def test_a_company_registers_pays_manages_workers_and_opts_out(product: Product) -> None:
    Demo(product.url, product.settings).run()
