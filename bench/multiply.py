"""Copies all students of a database nine times, with their conversations and turns: multiply.py DATABASE PLACE

PLACE is the digit of the ids, from 0, in which the copies differ; it must be the same in all ids so far. Answers are cut and
feedback is left out, because nobody reads the copies: what counts is how many rows and index entries there are.
"""

import sqlite3
import sys

DIGITS = "0123456789abcdef"
COPIES = 9
ANSWER_CHARS = 200

database, place = sys.argv[1], int(sys.argv[2])
connection = sqlite3.connect(database)
connection.execute("PRAGMA synchronous = OFF")
connection.execute("PRAGMA cache_size = -500000")
[(digit, kinds)] = connection.execute(
    f"SELECT min(substr(id, {place + 1}, 1)), count(DISTINCT substr(id, {place + 1}, 1)) FROM turns"
).fetchall()
assert kinds == 1, f"the ids differ in place {place}"


def copied(column: str, digit: str) -> str:
    if column == "token_hash":
        return "randomblob(32)"
    if column == "answer":
        return f"substr(answer, 1, {ANSWER_CHARS})"
    if column == "id" or column.endswith("_id"):
        return f"substr({column}, 1, {place}) || '{digit}' || substr({column}, {place + 2})"
    return column


for table in ("learners", "conversations", "turns", "usage"):
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    for copy in [other for other in DIGITS if other != digit][:COPIES]:
        values = ", ".join(copied(column, copy) for column in columns)
        connection.execute(
            f"INSERT INTO {table} SELECT {values} FROM {table} WHERE substr(id, {place + 1}, 1) = '{digit}'"
        )
connection.commit()
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(connection.execute("SELECT count(*) FROM turns").fetchone()[0])
