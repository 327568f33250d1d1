import httpx
import requests


def get(url):
    one = requests.get(url)
    two = requests.post(url, json={}, timeout=None)
    three = requests.get(url, timeout=5, verify=False)
    four = requests.request("GET", url, verify=False); five = httpx.get(url, verify=False, timeout=None)
    six = requests.put(
        url,
        data=b"",
        verify=False,
    )
    with httpx.Client(timeout=None) as client:
        return one, two, three, four, five, six, client.get(url)
