import jinja2
from jinja2 import Environment, select_autoescape

env = Environment(autoescape=True)
env = Environment(autoescape=False, loader=None)
env = jinja2.Environment(
    loader=jinja2.FileSystemLoader("templates"),
)
env = Environment(autoescape=select_autoescape(["html"]))
