"""What is installed is what was written: migrations, wheel, templates, translations."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "wagtail_gdpr_newsletter"


def test_the_migrations_say_what_the_models_say(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_the_migrations_run_on_the_oldest_wagtail_that_is_supported(db):
    """0097 is the newest of wagtailcore in 7.4; generated there, they run on both."""
    loader = MigrationLoader(connection)
    for key, migration in loader.disk_migrations.items():
        if key[0] == "wagtail_gdpr_newsletter":
            named = [name for app, name in migration.dependencies if app == "wagtailcore"]
            assert all(name < "0098" for name in named if name[0].isdigit())


def test_a_sites_own_blocks_never_write_a_migration_into_our_app(db, configure):
    configure(CAMPAIGN_BODY="tests.blocks.BodyWithPoem")
    from wagtail_gdpr_newsletter.models import Campaign

    field = type(Campaign._meta.get_field("body"))(verbose_name="body")
    assert "poem" in field.stream_block.child_blocks
    _name, _path, args, kwargs = field.deconstruct()
    assert (args, kwargs) == ([], {"verbose_name": "body"})


def test_the_wheel_carries_all_that_the_package_needs(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert needed <= packed
    assert not [name for name in packed if name.startswith(("tests/", "sandbox/"))]


def test_no_module_outgrows_its_reader():
    for path in [
        *PACKAGE.rglob("*.py"),
        *(ROOT / "sandbox").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
    ]:
        if "migrations" not in path.parts:
            assert len(path.read_text().splitlines()) <= 350, path


@pytest.mark.parametrize(
    "catalogue", [*PACKAGE.glob("locale/*/LC_MESSAGES/django.po")], ids=lambda path: path.parts[-3]
)
def test_translations_are_complete(catalogue):
    """Every string a person reads, and not one that only looks translated."""
    entries = catalogue.read_text().split("\n\n")[1:]
    for entry in entries:
        assert "#, fuzzy" not in entry
        lines = [line for line in entry.splitlines() if not line.startswith("#")]
        joined = "\n".join(lines)
        assert joined == "" or not joined.endswith('msgstr ""'), joined
        assert 'msgstr[1] ""' not in joined, joined
