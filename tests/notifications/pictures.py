"""
Pictures of every mail, by headless Chromium: ``python -m tests.notifications.pictures FOLDER``.

They are looked at after a change of the layout; the two sheets are kept in docs/mail/.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from actiontrac.testing import settings_for
from services.notifications import mails
from tests.notifications.samples import sample

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

#: What the sheets show, and how large each picture is.
SHEETS = {
    "light-and-dark": ([("receipt", "700,760", False), ("campaign", "500,760", True)], 2, 1208, 760),
    "mails": (
        [
            (name, "700,790", False)
            for name in ("verify_email", "welcome", "usage_over", "plan_advice_down", "campaign", "invitation")
        ],
        3,
        1200,
        906,
    ),
}


def take(page: Path, picture: Path, profile: str, size: str, *, dark: bool = False) -> None:
    subprocess.run(
        [
            "chromium",
            *FLAGS,
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            f"--user-data-dir={profile}",
            f"--window-size={size}",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )


def main(folder: Path) -> None:
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        settings = settings_for(Path(scratch) / "home")
        for mail in mails.ALL:
            page = folder / f"{mail.name}.html"
            page.write_text(sample(mail, settings).html)
            take(page, folder / f"{mail.name}.png", f"{scratch}/profile", "700,900")
            take(page, folder / f"{mail.name}-dark-phone.png", f"{scratch}/profile", "500,900", dark=True)
        for title, (shots, columns, width, height) in SHEETS.items():
            images = ""
            for place, (name, size, dark) in enumerate(shots):
                picture = Path(scratch) / f"{title}-{place}.png"
                take(folder / f"{name}.html", picture, f"{scratch}/profile", size, dark=dark)
                images += f'<img style="max-width:100%" src="{picture.as_uri()}">'
            sheet = Path(scratch) / f"{title}.html"
            style = f"display:grid;gap:6px;grid-template-columns:repeat({columns},auto)"
            sheet.write_text(f'<body style="margin:0;background:#999"><div style="{style}">{images}</div></body>')
            take(sheet, folder / f"sheet-{title}.png", f"{scratch}/profile", f"{width},{height}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
