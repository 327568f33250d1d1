import mako.template
from mako import template
from mako.template import Template

Template("hello")
template.Template("hello")
mako.template.Template("hello", default_filters=["h"])
