import os

password = "correct horse battery staple"
settings = {"secret": "s3cr3t-value", "name": "x"}
settings["token"] = 'abcdef'
empty = password == ""


class Login:
    passwd = "hunter2-and-more"

    def check(self, user, pwd="letmein123", *, secret_key="k3y-of-doom"):
        if self.password == "opensesame!!":
            connect(user, password="open-for-all")
        return connect(user, passphrase=os.environ["P"], token="")
