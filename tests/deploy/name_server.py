"""A name server that knows one name: name_server.py NAME, on port 53 of 127.0.0.1, for a network of a test's own."""

import socket
import struct
import sys

NAME = sys.argv[1].encode()
ADDRESS = socket.inet_aton("127.0.0.1")
A_RECORD = 1


def answer(query):
    """An answer to a query: 127.0.0.1 for the name, nothing for others and for other types."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length])
        at += 1 + length
    question = query[12 : at + 5]
    (asked_for,) = struct.unpack_from("!H", query, at + 1)
    known = b".".join(labels) == NAME
    records = [struct.pack("!HHHIH", 0xC00C, A_RECORD, 1, 60, 4) + ADDRESS] if known and asked_for == A_RECORD else []
    flags = 0x8180 if known else 0x8183
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 53))
    print("listening", flush=True)
    while True:
        query, asker = server.recvfrom(512)
        server.sendto(answer(query), asker)
