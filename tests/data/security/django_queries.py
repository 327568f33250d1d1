from django.contrib.auth.models import User
from django.db.models.expressions import RawSQL


def search(name, order):
    User.objects.extra(where=["name = '%s'" % name])
    User.objects.extra(select={"is_%s" % name: "1"}, order_by=order)
    User.objects.annotate(score=RawSQL("select score where name = '%s'" % name, []))
    return User.objects.filter(name=name)
