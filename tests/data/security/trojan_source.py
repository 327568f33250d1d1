def transfer(account, admin):
    # ‮ } ⁦if admin⁩ ⁦ check first
    if admin != "user‮ ⁦":
        account.transfer()
    name = "😀"; secret = eval(account.name)
    return name, secret
