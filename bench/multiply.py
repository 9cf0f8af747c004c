"""Copies all students of a database nine times, with their conversations and turns: multiply.py DATABASE PLACE

PLACE is the byte of the ids, from 0, in which the copies differ; it must be another one each time. Answers are cut and
feedback is left out, because nobody reads the copies: what counts is how many rows and index entries there are.
"""

import sqlite3
import sys

COPIES = 9
ANSWER_CHARS = 200

database, place = sys.argv[1], int(sys.argv[2])
connection = sqlite3.connect(database)
connection.execute("PRAGMA synchronous = OFF")
connection.execute("PRAGMA cache_size = -500000")


def copied_id(id: bytes | None, copy: int) -> bytes | None:
    return id and id[:place] + bytes([(id[place] + copy) % 256]) + id[place + 1 :]


connection.create_function("copied_id", 2, copied_id, deterministic=True)


def copied(column: str, copy: int) -> str:
    if column == "token_hash":
        return "randomblob(32)"
    if column == "answer":
        return f"substr(answer, 1, {ANSWER_CHARS})"
    if column == "id" or column.endswith("_id"):
        return f"copied_id({column}, {copy})"
    return column


for table in ("learners", "conversations", "turns", "usage"):
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    [(last,)] = connection.execute(f"SELECT max(rowid) FROM {table}")
    for copy in range(1, COPIES + 1):
        values = ", ".join(copied(column, copy) for column in columns)
        connection.execute(f"INSERT INTO {table} SELECT {values} FROM {table} WHERE rowid <= {last}")
connection.commit()
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(connection.execute("SELECT count(*) FROM turns").fetchone()[0])
