"""The file of contacts: every way in which spreadsheets write one, and what is wrong with a row is said."""

from pathlib import Path

import pytest

from orchestra.campaign.contacts import BadRow, Contact, read_contacts
from orchestra.errors import UsageError


def read(folder: Path, content: str | bytes, encoding: str = "utf-8") -> list[Contact | BadRow]:
    path = folder / "people.csv"
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return list(read_contacts(path))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("number,name\n+15550001,Zoë\n", "utf-8"),
        ("number,name\r\n+15550001,Zoë\r\n", "utf-8-sig"),
        ("Phone;Name\n'+1 555 0001;Zoë\n", "utf-8"),
        ("NAME\tTO\nZoë\t+1 (555) 00-01\n", "utf-16"),
        ('"number","name"\n"+15550001","Zoë"', "utf-8"),
        ("name|number\nZoë|+15550001\n\n\n", "utf-8"),
    ],
)
def test_a_contact_is_read_however_the_spreadsheet_wrote_it(tmp_path: Path, content: str, encoding: str) -> None:
    assert read(tmp_path, content, encoding) == [Contact(row=2, number="+15550001", variables={"name": "Zoë"})]


def test_a_zone_is_the_contacts_and_other_columns_are_variables(tmp_path: Path) -> None:
    (contact,) = read(tmp_path, "number,Time Zone,Order no.,2nd\n+15550001,Europe/Berlin,4271,x\n")
    assert contact == Contact(
        row=2, number="+15550001", zone="Europe/Berlin", variables={"order_no": "4271", "c_2nd": "x"}
    )


def test_each_bad_row_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        "number,name\n5550001,a\n+15550001,b\n,c\n+1555,d\n+15550001,e\n+15550002\n+\u0661\u0665\u0665\u0665\u0660\u0660\u0660\u0661,f\n=1+1,g\n+15550003,h\n",
    )
    assert [row.row for row in rows if isinstance(row, BadRow)] == [2, 4, 5, 6, 7, 8, 9]
    assert [row.number for row in rows if isinstance(row, Contact)] == ["+15550001", "+15550003"]
    assert "row 3" in next(row.reason for row in rows if row.row == 6 and isinstance(row, BadRow))


def test_a_sip_address_is_a_contact_once_however_its_host_is_written(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        "number,zone\nsip:Ann@PBX.example:5070;transport=tcp,Europe/Berlin\nSIP:Ann@pbx.Example:5070;transport=tcp,\n"
        "sip:ann,\nsip:ann@pbx.example?X=1,\nsips:bob@10.0.0.1,\n",
    )
    assert [row.number for row in rows if isinstance(row, Contact)] == [
        "sip:Ann@pbx.example:5070;transport=tcp",
        "sips:bob@10.0.0.1",
    ]
    assert [row.row for row in rows if isinstance(row, BadRow)] == [3, 4, 5]


def test_a_quotation_mark_that_is_never_closed_does_not_hide_that_rows_are_missing(tmp_path: Path) -> None:
    rows = read(tmp_path, 'number,name\n+15550001,a\n+15550002,"b\n+15550003,c\n')
    assert any(isinstance(row, BadRow) for row in rows)
    assert [row.number for row in rows if isinstance(row, Contact)] == ["+15550001"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"name,street\na,b\n", "no column"),
        (b"", "no column"),
        ("number,name\n+15550001,Zo\xeb\n".encode("latin-1"), "not UTF-8"),
        (bytes(range(256)), "not UTF-8|no column"),
    ],
)
def test_a_file_that_is_none_is_one_clear_line(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(tmp_path, content)
    with pytest.raises(UsageError, match="No such file"):
        list(read_contacts(tmp_path / "other.csv"))


def test_a_file_of_any_length_is_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    with path.open("w") as file:
        file.write("number\n")
        file.writelines(f"+1555{number:07}\n" for number in range(30_000))
    rows = read_contacts(path)
    assert next(rows) == Contact(row=2, number="+15550000000")
    assert sum(1 for _ in rows) == 29_999
