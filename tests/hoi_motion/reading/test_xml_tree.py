import xml.etree.ElementTree as xml
from xml.parsers.expat import ExpatError

import pytest

from hoi_motion.reading.xml_tree import MAX_DEPTH, parse_xml

ROBOT = b"""<?xml version="1.0"?><!-- a robot --><robot name="r" xmlns:x="http://somewhere">
 <link name="a"><x:property name="p" x:q="1"/>text &lt; more</link>tail</robot>"""


def test_the_tree_is_that_of_the_standard_library():
    assert xml.tostring(parse_xml(ROBOT)) == xml.tostring(xml.fromstring(ROBOT))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_in_any_encoding(encoding):
    text = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>'
    with pytest.raises(ValueError, match="document type"):
        parse_xml(text.encode(encoding))


def test_depth_is_limited():
    parse_xml(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH)
    with pytest.raises(ValueError, match="nested"):
        parse_xml(b"<a>" * 100_000)


def test_broken_xml_is_said_with_its_place():
    with pytest.raises(ExpatError, match="line 1"):
        parse_xml(b"<a><b></a>")


def test_number_of_attributes_is_limited():
    many = b" ".join(b'a%d="1"' % k for k in range(1_100_000))
    with pytest.raises(ValueError, match="attributes"):
        parse_xml(b"<a " + many + b"/>")
