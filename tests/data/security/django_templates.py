from django.utils import safestring
from django.utils.safestring import SafeText, mark_safe


def page(title, body):
    head = mark_safe(f"<h1>{title}</h1>")
    text = safestring.mark_safe(body)
    return head + text + SafeText(title) + mark_safe("<hr>")
