import flask
from markupsafe import Markup, escape


def show(text):
    return Markup(f"unsafe {text}") + flask.Markup("<b>" + text) + Markup("<b>") + escape(text)
