import urllib.request
from urllib.request import Request, urlopen, urlretrieve

import six


def fetch(url):
    one = urlopen(url); two = urllib.request.urlopen("https://example.org/")
    three = urlretrieve(url, "file")
    opener = urllib.request.URLopener()
    return one, two, three, opener.open(url), urlopen(Request(url)), six.moves.urllib.request.urlopen(url)
