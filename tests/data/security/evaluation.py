import code


def calculate(expression, names):
    exec("x = " + expression)
    exec(expression, names)
    total = eval(expression); other = eval(expression, {}); third = eval("1 + 1")
    return total + other + third
