def pay(account, amount):
    assert account.active
    assert amount > 0, "nothing to pay"; assert amount < 10_000
    assert (
        account.balance
        >= amount
    )
    return account.balance - amount
