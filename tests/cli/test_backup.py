import stat
from pathlib import Path

from tests.cli.conftest import Command


def test_a_backup_is_a_whole_database_for_its_owner_alone(
    ocpptrio: Command, tmp_path: Path
) -> None:
    ocpptrio("tags", "add", "04A1B2C3")
    copy = tmp_path / "copy.db"
    assert ocpptrio("backup", str(copy)).out.startswith(f"{copy} written, ")
    ocpptrio("tags", "add", "LATER")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    tags = ocpptrio("tags", "list", "--json", "--database", str(copy)).json
    assert [tag["id_tag"] for tag in tags] == ["04A1B2C3"]


def test_a_file_that_is_there_is_left_alone(ocpptrio: Command, tmp_path: Path) -> None:
    ocpptrio("tags", "add", "04A1B2C3")
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    assert "exists; name another file" in ocpptrio("backup", str(copy), status=1).err
    assert copy.read_text() == "precious"


def test_a_folder_that_is_not_there_is_told(ocpptrio: Command, tmp_path: Path) -> None:
    ocpptrio("tags", "add", "04A1B2C3")
    missing = tmp_path / "missing" / "copy.db"
    assert "there is no folder" in ocpptrio("backup", str(missing), status=1).err
