import cPickle
import pickle
import shelve
import subprocess
import xml.etree.ElementTree as tree
from xml.dom import minidom, pulldom
from xml.sax import parse

import dill
import httpoxy
import pycrypto
import pyghmi
import xmlrpclib
from Crypto import Random
from twisted.web.twcgi import CGIScript
from wsgiref.handlers import CGIHandler
