"""The JSON of views against Python's parser: what is JSON there is none here, and the other way round, is a failure."""

import json
import os
import random

import numpy as np

from oracle import DIR, Tap, parallel, save, tensor

VIEW = b'{"file": "a.npy", "dtype": "float32", "byteorder": "little", "offset": 128, "shape": [2, 3], "strides": [12, 4]}'
TAILS = [b"", b" \n\t", b"x", b"{}", b"\0", b",", b"]"]
VALUES = ['1', '-1', '0', '-0', '01', '+1', '1.', '.5', '1.5', '1e5', '1E+5', '1e', '1e+', '-', '0x10', '1_0', '""', '"\\u0041"', '"\\u00e9"', '"\\ud83d\\ude00"',
          '"\\x"', '"\\u12"', '"\\u12G4"', '"a\nb"', '"a\tb"', '"é"', "'a'", 'true', 'True', 'tru', 'null', 'nul', 'nan', '[]', '[1,]', '[,1]', '[1 2]', '{}', '{"a":1,}',
          '{"a" 1}', '{a:1}', '{"a":}', '[[[[[]]]]]', '/* c */ 1', '1 // c', '"\\/"', '"\\"', '"unended', '', '9223372036854775807', '123456789012345678901234567890']


def is_json(data):
    try:
        json.loads(data.decode())
        return True
    except ValueError:
        return False


def check(i, data):
    name = "j%d.view.json" % i
    with open(os.path.join(DIR, name), "wb") as f:
        f.write(data)
    status, _, err = tensor("info", name)
    says = status == 0 or "no valid JSON" not in err
    if status not in (0, 3) or says != is_json(data):
        return "%r: status %d, %s" % (data, status, err)
    return None


def main():
    tap = Tap()
    save(np.zeros((2, 3), "f4"), "a.npy")
    r = random.Random(1)
    docs = [VIEW + t for t in TAILS] + [b"\xef\xbb\xbf" + VIEW, VIEW.replace(b"a.npy", b"\xff"), VIEW.replace(b"a.npy", b"\xed\xa0\x80")]
    tap.test("one document and no more", parallel(check, list(enumerate(docs))))
    docs = [b'{"file": ' + v.encode() + b"}" for v in VALUES]
    tap.test("values", parallel(check, list(enumerate(docs))))
    docs = []
    for _ in range(600):
        d = bytearray(VIEW)
        for _ in range(r.randint(1, 3)):
            k = r.randrange(len(d))
            d[k:k + r.randint(0, 2)] = bytes(r.choice(b'{}[]",:\\ 0a-\x01\xc3') for _ in range(r.randint(0, 2)))
        docs.append(bytes(d))
    tap.test("600 documents with mistakes, %d of them JSON" % sum(map(is_json, docs)), parallel(check, list(enumerate(docs))))
    docs = [b"[" * n + b"]" * n for n in (50, 99)]
    tap.test("nesting", parallel(check, list(enumerate(docs))))
    bad = []
    for n in 101, 300000:
        for text in b"[" * n, b'{"a":' * n, b"[" * n + b"]" * n:
            with open(os.path.join(DIR, "deep.view.json"), "wb") as f:
                f.write(text)
            status, _, err = tensor("info", "deep.view.json")
            bad.append(None if status == 3 and "too deep" in err else "%d: status %d, %s" % (n, status, err[:200]))
    tap.test("nesting that is too deep", bad)
    tap.done()


if __name__ == "__main__":
    main()
