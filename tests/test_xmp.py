"""XMP sidecars: a description is added, every other byte stays; what is hostile or no XMP is refused."""

import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolcli.errors import OutputError
from smolcli.formats.xmp import described

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
HEAD = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'
DARKTABLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- kept -->
{HEAD}
 <rdf:Description rdf:about=""
   xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
   xmp:Rating="4" xmp:Label="a&#xA;b>">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">A title</rdf:li></rdf:Alt></dc:title>
   <dc:description><rdf:Alt>
     <rdf:li xml:lang="de-DE">Auf Deutsch</rdf:li>
     <rdf:li xml:lang="x-default">Mine &amp; yours</rdf:li>
   </rdf:Alt></dc:description>
 </rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>
"""


def xmp(inner):
    return f"{HEAD}{inner}</rdf:RDF></x:xmpmeta>".encode()


def test_a_description_that_is_there_is_added_to_and_no_other_byte_changes():
    found = described(DARKTABLE.encode(), "Ein Hügel\nand <more>").decode()
    assert found == DARKTABLE.replace("Mine &amp; yours", "Mine &amp; yours\nEin Hügel\nand &lt;more&gt;")


@pytest.mark.parametrize("text", ["Mine & yours", ""])
def test_what_a_description_says_already_is_not_said_twice(text):
    assert described(DARKTABLE.encode(), text) == DARKTABLE.encode()


def test_typed_again_the_file_stays_as_it_is():
    once = described(DARKTABLE.encode(), "a\nb")
    assert described(once, "a\nb") == once and described(once, "b") == once and described(once, "a b") != once


DC = 'xmlns:d="http://purl.org/dc/elements/1.1/"'


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ('<rdf:Description rdf:about="" a="/>"/>', "new"),
        ('<rdf:Description rdf:about=""> </rdf:Description><rdf:Description rdf:about=""/>', "new"),
        ("", "new"),
        (f"<rdf:Description {DC}><d:description/></rdf:Description>", "new"),
        (f"<rdf:Description {DC}><d:description>old</d:description></rdf:Description>", "old new"),
        (f"<rdf:Description {DC}><d:description><rdf:Alt><rdf:li/></rdf:Alt></d:description></rdf:Description>", "new"),
        (
            f'<rdf:Description/><rdf:Description {DC}><d:description><rdf:Alt><rdf:li xml:lang="x-default">old\n  '
            "</rdf:li></rdf:Alt></d:description></rdf:Description>",
            "old new",
        ),
    ],
)
def test_every_form_of_a_file_gets_its_description(inner, expected):
    found = described(xmp(inner), "new")
    assert described(found, "new") == found  # it is XML, and has it
    assert " ".join(descriptions(found)) == expected


def descriptions(data):
    from xml.etree import ElementTree

    root = ElementTree.fromstring(data)
    return " ".join("".join(e.itertext()) for e in root.iter("{http://purl.org/dc/elements/1.1/}description")).split()


def test_an_empty_root_gets_all_that_is_missing():
    found = described(f'<r:RDF xmlns:r="{RDF}"/>'.encode(), "new")
    assert descriptions(found) == ["new"] and described(found, "new") == found


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cannot be read"),
        (b"no xml", "cannot be read"),
        (DARKTABLE.encode()[:-60], "cannot be read"),
        (b"<html/>", "no rdf:RDF"),
        (DARKTABLE.encode("utf-16"), "cannot be read"),
        (DARKTABLE.replace("UTF-8", "ISO-8859-1").encode(), "ISO-8859-1"),
        (b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]><x>&c;</x>', "document type"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "document type"),
        (xmp('<rdf:Description xmlns:d="http://purl.org/dc/elements/1.1/" d:description="old"/>'), "attribute"),
        (b"<x>" + b" " * 17_000_000 + b"</x>", "17000007 bytes"),
    ],
)
def test_what_is_hostile_or_no_xmp_is_refused_with_a_way_out(data, says):
    with pytest.raises(OutputError, match=says) as caught:
        described(data, "new")
    assert caught.value.hint


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
def test_any_text_comes_back_as_it_was(text):
    from xml.etree import ElementTree

    text = text.strip()
    root = ElementTree.fromstring(described(xmp(""), text))
    found = "".join(root.itertext()).strip()
    assert found == text


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="no exiftool here")
def test_exiftool_reads_it_and_finds_all_other_tags_as_they_were(tmp_path):
    (tmp_path / "a.xmp").write_bytes(DARKTABLE.encode())
    (tmp_path / "b.xmp").write_bytes(described(DARKTABLE.encode(), "Ein Hügel"))
    argv = ["exiftool", "-json", "-G1", "-charset", "UTF8", str(tmp_path / "a.xmp"), str(tmp_path / "b.xmp")]
    before, after = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    assert after["XMP-dc:Description"] == before["XMP-dc:Description"] + "\nEin Hügel"
    differ = {key for key in before if before[key] != after[key] and key.startswith("XMP")}
    assert differ == {"XMP-dc:Description"} and before["XMP-xmp:Rating"] == 4
