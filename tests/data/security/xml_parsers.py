import xml.dom.minidom
import xml.dom.pulldom
import xml.etree.cElementTree as quick
import xml.etree.ElementTree as slow
import xml.sax
from xml.dom.expatbuilder import parseString
from xml.sax.expatreader import create_parser

import lxml.etree


def read(name, text):
    yield slow.parse(name), quick.fromstring(text)
    yield slow.XMLParser()
    yield xml.dom.minidom.parseString(text); yield xml.dom.pulldom.parse(name)
    yield xml.sax.parse(name, None), xml.sax.make_parser()
    yield parseString(text), create_parser()
    yield lxml.etree.fromstring(text), lxml.etree.RestrictedElement()
