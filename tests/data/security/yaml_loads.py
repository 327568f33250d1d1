import yaml
from yaml import CSafeLoader, SafeLoader


def read(text):
    one = yaml.load(text)
    two = yaml.load(text, Loader=yaml.Loader); three = yaml.load(text, SafeLoader)
    four = yaml.load(
        text,
        Loader=yaml.FullLoader,
    )
    return one, two, three, four, yaml.safe_load(text), yaml.load(text, Loader=CSafeLoader)
