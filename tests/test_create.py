"""tensor create against NumPy, byte for byte as np.save writes it; random arrays by their distribution and seed."""

import io
import json

import numpy as np

from oracle import DTYPES, Tap, arrays, exact, near, parallel, reported, save, tensor

REFUSED, USAGE = object(), object()


def saved(x):
    f = io.BytesIO()
    np.save(f, x)
    return f.getvalue()


# Words after "create", and what NumPy gives.
CASES = {
    "array": [
        ("array [[1,2],[3,4]]", np.array([[1, 2], [3, 4]])), ("array [1.5,2]", np.array([1.5, 2])), ("array 7", np.array(7)), ("array -2.5", np.array(-2.5)),
        ("array [true,false]", np.array([True, False])), ("array [1,2+3j]", np.array([1, 2 + 3j])), ("array [nan,inf,-inf]", np.array([np.nan, np.inf, -np.inf])),
        ("array []", np.array([])), ("array [[],[]]", np.array([[], []])), ("array [1,2] --dtype int8", np.array([1, 2], "int8")),
        ("array [1,2] --dtype bf16 --dry-run", None), ("array [1,18446744073709551615]", np.array([1, 18446744073709551615], "u8")), ("array 3 --dtype f2", np.array(3, "f2")),
        ("array [[1,2],[3]]", REFUSED), ("array [300] --dtype uint8", REFUSED), ("array [1,", None), ("array [1] --dtype nosuch", USAGE),
    ],
    "zeros": [("zeros 3,4", np.zeros((3, 4))), ("zeros --shape ()", np.zeros(())), ("zeros 0,3 --dtype i2", np.zeros((0, 3), "i2")), ("zeros 2 --dtype complex64", np.zeros(2, "c8")),
              ("zeros 3 --dtype bool", np.zeros(3, bool)), ("zeros -1", REFUSED), ("zeros", USAGE), ("zeros 2 --dtype float", USAGE), ("zeros 9223372036854775807,9 --dry-run", REFUSED)],
    "ones": [("ones 2,2", np.ones((2, 2))), ("ones 5 --dtype float16", np.ones(5, "f2")), ("ones 2 --dtype half", np.ones(2, "f2")), ("ones 2 --dtype long", np.ones(2, "i8"))],
    "full": [("full 2,2 -7", np.full((2, 2), -7)), ("full 3 .5", np.full(3, .5)), ("full 2 --value 3+4j", np.full(2, 3 + 4j)), ("full 2 true", np.full(2, True)),
             ("full 2 1 --dtype f4", np.full(2, 1, "f4")), ("full 2 300 --dtype u1", REFUSED), ("full () inf", np.full((), np.inf))],
    "empty": [("empty 0,2", np.empty((0, 2)))],
    "eye": [("eye 3", np.eye(3)), ("eye 3 4", np.eye(3, 4)), ("eye 3 4 --k 1", np.eye(3, 4, 1)), ("eye 4 --k -2 --dtype int8", np.eye(4, k=-2, dtype="int8")), ("eye 0", np.eye(0))],
    "arange": [
        ("arange 10", np.arange(10)), ("arange 2 10", np.arange(2, 10)), ("arange 2 10 3", np.arange(2, 10, 3)), ("arange 10 0 -3", np.arange(10, 0, -3)), ("arange -3", np.arange(-3)),
        ("arange 5.", np.arange(5.)), ("arange 0 1 .1", np.arange(0, 1, .1)), ("arange 1 2 0.3 --dtype f4", np.arange(1, 2, .3, "f4")), ("arange 4 --dtype uint8", np.arange(4, dtype="uint8")),
        ("arange 0 5 0", REFUSED), ("arange 1e3", np.arange(1e3)), ("arange 5 --dtype float32", np.arange(5, dtype="f4")), ("arange -1 1 .5", np.arange(-1, 1, .5)),
    ],
    "linspace": [("linspace 0 1 5", np.linspace(0, 1, 5)), ("linspace 0 1", np.linspace(0, 1)), ("linspace -3 7 13", np.linspace(-3, 7, 13)), ("linspace 0 1 1", np.linspace(0, 1, 1)),
                 ("linspace 0 1 0", np.linspace(0, 1, 0)), ("linspace 0 10 4 --no-endpoint", np.linspace(0, 10, 4, endpoint=False)), ("linspace 0 10 4 --dtype int32", np.linspace(0, 10, 4, dtype="int32")),
                 ("linspace 5 1 9 --dtype f4", np.linspace(5, 1, 9, dtype="f4")), ("linspace 0 1 -1", REFUSED)],
    "logspace": [("logspace 0 3 4", np.logspace(0, 3, 4)), ("logspace 0 1 7 --base 2", np.logspace(0, 1, 7, base=2))],
    "geomspace": [("geomspace 1 1000 4", np.geomspace(1, 1000, 4)), ("geomspace 256 1 9", np.geomspace(256, 1, 9)), ("geomspace 0 1 4", REFUSED)],
    "zeros_like": [("zeros_like @", np.zeros((2, 3), "i2")), ("zeros_like @ --dtype f4", np.zeros((2, 3), "f4"))],
    "ones_like": [("ones_like @", np.ones((2, 3), "i2"))], "full_like": [("full_like @ 7", np.full((2, 3), 7, "i2")), ("full_like @ 2.5 --dtype f8", np.full((2, 3), 2.5))],
    "empty_like": [("empty_like @ --dry-run", None)],
    "tri": [("tri 3", np.tri(3)), ("tri 3 5 1", np.tri(3, 5, 1))], "vander": [],
}
# Random kinds: words, dtype, the range of values, their mean and standard deviation.
RANDOM = {
    "rand": ("rand 200,500", "f8", (0, 1), 0.5, 12 ** -0.5), "randn": ("randn 200,500", "f8", None, 0, 1), "uniform": ("uniform 100000 --low -1 --high 3", "f8", (-1, 3), 1, 4 / 12 ** 0.5),
    "normal": ("normal 100000 --mean 2 --std .5", "f8", None, 2, .5), "exponential": ("exponential 100000 --scale 2", "f8", (0, 1e9), 2, 2),
    "bernoulli": ("bernoulli 100000 --p .25", None, (0, 1.01), .25, (.25 * .75) ** .5), "randint": ("randint -3 7 100000", "i8", (-3, 7), 1.5, (99 / 12) ** .5),
    "rand_like": ("rand_like @", None, (0, 1), None, None), "randn_like": ("randn_like @", None, None, None, None), "randperm": ("randperm 1000", "i8", (0, 1000), 499.5, (999999 / 12) ** .5),
}


def check(words, want, like):
    words = [like if w == "@" else w for w in words.split()]
    status, out, err = tensor("create", *words)
    text = " ".join(words)
    if want is None:
        return None if status in (0, 2, 4) else "%s: status %d" % (text, status)
    if want is REFUSED or want is USAGE:
        p = reported(status, err)
        return p and "%s: %s" % (text, p) if status == (4 if want is REFUSED else 2) else "%s: status %d: %s" % (text, status, err)
    if status:
        return "%s: status %d: %s" % (text, status, err)
    if words[0] in ("logspace", "geomspace"):
        p = near(arrays(out)[0], want.astype(np.longdouble), 4)
    else:
        p = exact(arrays(out)[0], want) or (None if out == saved(want) else "not the bytes of np.save")
    return p and "%s: %s" % (text, p)


def random(words, dtype, limits, mean, std, like):
    words = [like if w == "@" else w for w in words.split()]
    bad = []
    runs = [tensor("create", *words, "--seed", s, *t) for s, t in (("1", []), ("1", ["--threads", "1"]), ("1", ["--threads", "3"]), ("2", []))]
    if any(r[0] for r in runs):
        return ["status %d: %s" % runs[0][::2]]
    a, one, three, other = (r[1] for r in runs)
    if a != one or a != three:
        bad.append("the number of threads changes the values")
    if a == other:
        bad.append("the seed does not change the values")
    free = [tensor("create", *words)[1] for _ in range(2)]
    if free[0] == free[1]:
        bad.append("twice the same without a seed")
    x = arrays(a)[0]
    if dtype and x.dtype != dtype:
        bad.append("dtype %s" % x.dtype)
    x = x.astype(float)
    if limits and (x.min() < limits[0] or x.max() >= limits[1]):
        bad.append("values from %s to %s" % (x.min(), x.max()))
    if mean is not None and (abs(x.mean() - mean) > 6 * std / x.size ** .5 or abs(x.std() / std - 1) > .03):
        bad.append("mean %s, standard deviation %s" % (x.mean(), x.std()))
    return bad


def main():
    tap = Tap()
    rows = {r["name"]: r for r in json.loads(tensor("create", "--list", "--json")[1] or b"[]")}
    like = save(np.arange(6, dtype="i2").reshape(2, 3))
    big = save(np.zeros(5000, "f4"))
    for name in rows:
        if name in CASES:
            tap.test("create " + name, parallel(check, [(w, v, like) for w, v in CASES[name]]))
        elif name in RANDOM:
            tap.test("create " + name, random(*RANDOM[name], big))
        else:
            tap.test("create " + name, ["no test knows this kind"])
    tap.test("create: the dtype of every random kind", ["%s %s" % (k, d) for k in ("rand", "randn") for d in ("f2", "f4", "f8")
             if arrays(tensor("create", k, "4", "--seed", "1", "--dtype", d)[1])[0].dtype != d])
    x = arrays(tensor("create", "randperm", "1000", "--seed", "5")[1])[0]
    tap.test("create randperm holds every number once", [None if (np.sort(x) == np.arange(1000)).all() else "no permutation"])
    x = arrays(tensor("create", "randint", "-3", "7", "100000", "--seed", "5")[1])[0]
    tap.test("create randint takes every value", [None if (np.unique(x) == np.arange(-3, 7)).all() else str(np.unique(x))])
    tap.done()


if __name__ == "__main__":
    main()
