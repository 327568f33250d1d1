def find(cursor, table, name, ids):
    cursor.execute("SELECT * FROM %s" % table)
    cursor.execute("DELETE FROM users WHERE name = '" + name + "'")
    cursor.execute(f"UPDATE users SET name = '{name}' WHERE id = 1")
    cursor.execute("INSERT INTO users VALUES ('{}')".format(name))
    query = """
        SELECT *
          FROM users
         WHERE id IN (%s)
    """ % ids
    cursor.execute(query); cursor.execute(
        "select id"
        " from users"
        " where name = '%s'" % name
    )
    cursor.execute("SELECT * FROM users WHERE name = ?", (name,))
    text = "with x as (select 1) select * from " + table
    return text
