def quiet(tasks):
    for task in tasks:
        try:
            task()
        except Exception:
            continue
    try:
        tasks.clear()
    except:
        pass
    try:
        tasks.clear()
    except ValueError:
        pass
    while tasks:
        try:
            tasks.pop()()
        except:  # try the next
            continue
