"""eval against Python itself: expressions made at random, and the ones that are easily got wrong."""

import random
import re
import sys

import numpy as np

from oracle import QUICK, Tap, arrays, parallel, reported, save, tensor

R = np.random.default_rng(3)
ARRAYS = {
    "a": R.standard_normal((3, 4)) * 3,
    "b": (R.standard_normal(4) * 3).astype("f4"),
    "i": R.integers(-9, 10, (3, 4)),
    "j": R.integers(1, 5, (3, 1)).astype("i1"),
    "u": R.integers(0, 200, 4).astype("u1"),
    "m": R.random((3, 4)) < 0.5,
    "n": R.random((3, 1)) < 0.5,
    "z": (R.standard_normal(4) + 1j * R.standard_normal(4)).astype("c8"),
    "s": R.standard_normal((4, 4)).astype("f4"),
}
SCALARS = {"k": 2, "r": 0.5, "t": True, "w": 3 + 4j}
FILES = [f"{name}={save(x, name + '.npy')}" for name, x in ARRAYS.items()] + ["k=2", "r=.5", "t=true", "w=3+4j"]


def concat(xs, axis=0):
    return np.concatenate(xs, axis)


NAMES = {name: getattr(np, name) for name in (
    "exp sqrt abs minimum maximum where sin floor arctan2 logical_not isnan sum mean max argmax var concatenate stack clip "
    "zeros_like ones_like arange linspace full eye zeros ones tril reshape transpose flip roll take matmul einsum quantile "
    "expand_dims squeeze cumsum sort pi e inf nan hypot log1p sign power bitwise_xor round diff outer").split()}
NAMES |= {"concat": concat, "cat": concat, "permute": np.transpose, "None": None, "np": np}


def python(text):
    """The value, by Python and NumPy; an exception where they refuse."""
    env = dict(NAMES, **ARRAYS, **SCALARS)
    for part in text.split(";"):
        name, equals, rest = part.partition("=")
        if equals and name.strip().isidentifier() and not rest.startswith("="):
            value = env[name.strip()] = eval(rest.strip(), BUILTINS, env)
        else:
            value = eval(part.strip(), BUILTINS, env)
    return np.asarray(value)


BUILTINS = {"__builtins__": {"__import__": __import__}}  # which methods of NumPy use


class Maker:
    """Random text of expressions: no more parentheses than it happens to have, so that precedence matters."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def blank(self):
        return self.r.choice(["", "", " ", "  "])

    def number(self, integer):
        return self.r.choice(["0", "1", "2", "3", "7", "k"] + ([] if integer else ["0.5", "1e-1", ".25", "3.", "pi", "r", "2e1", "1.5"]))

    def atom(self, integer, depth):
        r = self.r.random()
        if depth <= 0 or r < 0.35:
            return self.r.choice(["i", "j", "u", "m", "n", "i", "t", "True"] if integer else ["a", "b", "i", "a", "j", "s[1]", "z"])
        if r < 0.55:
            return self.number(integer)
        if r < 0.7:
            return "(" + self.blank() + self.expression(integer, depth - 1) + self.blank() + ")"
        if r < 0.8:
            return "(" + self.expression(integer, depth - 1) + ")" + self.r.choice(
                [".sum(axis=-1, keepdims=True)", ".max(-1, keepdims=True)", "[..., None]", "[..., ::-1]", ".T.T", "[-1:]", ".sum()", ".real"])
        if r < 0.9:
            x, y = self.expression(integer, depth - 1), self.expression(integer, depth - 1)
            return self.r.choice([f"maximum({x}, {y})", f"where(m, {x},{y})", f"where({x} > {y}, 1, {x})", f"minimum( {x} ,{y})"])
        if integer:
            return self.r.choice(["a > 0", "i == 3", "b <= r", "i != j", "u >= 100", "a[0] < b"]).join("()")
        return self.r.choice(["exp(-{0} / 9)", "abs({0})", "sqrt(abs({0}))", "floor({0})", "sin({0})"]).format(self.expression(False, depth - 1))

    def unary(self, integer, depth):
        r = self.r.random()
        sign = self.r.choice("-+~" if integer else "-+")
        text = self.atom(integer, depth) if r < 0.7 else sign + self.blank() + self.unary(integer, depth)
        if "**" not in text and self.r.random() < 0.15:
            text += self.blank() + "**" + self.blank() + self.r.choice(["2", "3", "-1", "0.5", "-k", "k", "2**2", "1"] if not integer else ["3", "2 ** 2", "(k + 1)"])
        return text

    def expression(self, integer, depth):
        ops = ["+", "-", "*", "//", "%", "&", "|", "<<", ">>"] if integer else ["+", "-", "*", "/", "//", "%", "*", "-"]
        text = self.unary(integer, depth)
        for _ in range(self.r.choice([0, 1, 1, 2, 3])):
            op = self.r.choice(ops)
            right = self.r.choice(["1", "2", "k"]) if op in ("<<", ">>") else self.unary(integer, depth)
            text += self.blank() + op + self.blank() + right
        return text

    def statement(self):
        integer = self.r.random() < 0.5
        text = self.expression(integer, 2)
        if self.r.random() < 0.15:
            text += self.r.choice([" < ", "<=", "==", " != ", ">"]) + self.unary(integer, 1)
        return text


# Expressions of every kind that the manual names, each against Python's own value.
FIXED = """
-a**2; 2**-1; -2**2; -2**-2; 2**3**2; (-8)**2; -a**-2; a**-1**2; ~i + 1; -i % 3; -7 // 2; -7 % 3; 7 % -3; -7.5 // 2; -7.5 % 2; 7.5 % -2; 1 - 2 - 3
2 * 3 % 4; 2 / 3 * 4; 2 ** 3 * 2; 1 << 2 + 1; 1 | 2 & 3; i & 3 == 3; 6 & 3 | 8; 5 & 3 << 1; ~5; ~True; -True; True + True; True & False; True | 2; 3 > 2; 3 == 3.0
2 ** 62; 2 ** 63 - 1; 3 ** 20; 1 << 40; 7 >> 1; -7 >> 1; 2 ** 0.5; (-8) ** (1/3); 1j * 1j; (1+2j) / (3-4j); (1+2j) ** 2; (1+2j) ** 0.5; 2j ** 2; 3 - 4j; -2j; 10 ** -3
b * 2 * pi; b * (2 ** 3); b * (1 << 3); b + (7 // 2); b * -1; b + 2 ** -1; b * (k * r); b * (True + 1); b * 1j; u + 2 ** 3; j * (5 % 3); b + 1 / 3; u * True; b ** 2; b ** 0.5; i ** 2; a ** k
a@a.T; a @ s @ b; -a @ b; a@s*2; a @ (b + 1); (a @ s).T; a.T; a.T.shape[0]; a.ndim; a.size; a.shape[-1] * 2; s.mT
a[1]; a[-1]; a[1:]; a[:, 1]; a[1:, None]; a[::-1]; a[..., 0]; a[..., None]; a[None, :, ::2]; a[-2:, :-1]; a[:, ::-2]; a[2:0:-1]; a[5:]; a[0][1]; a[k]; a[k-1:]; a[:, -k:]; a[0, 1]; a[(1 + 1)]; a[:a.shape[0] - 1]
a[m]; a[a > 0]; a[i > 3]; i[~m]; a[n[:, 0]]; s[j[:, 0] - 1]; a[[0, 2]]; a[:, [0, -1]]; a[..., [1]]; a[[0], :]; a[m].sum(); a[[[0, 1], [2, 0]]]; a[1:][m[1:]]
a.sum(); a.sum(0); a.sum(-1); a.sum(axis=0); a.sum(axis=(0, 1)); a.sum(axis=-1, keepdims=True); sum(a, axis=0); sum(a, axis=(0,), keepdims=True); a.mean(axis=None); a.var(ddof=1); a.argmax(1); max(a); sum(a, 1)
a.reshape(4, 3); a.reshape((2, 6)); a.reshape(-1); a.reshape(-1, 2); a.reshape([12]); a.reshape(2, k, -1); a.reshape(b.shape[0], 3); reshape(a, (2, a.size // 2)); i.reshape(s.shape[0] - 1, 4); a.transpose(1, 0); transpose(a, (1, 0)); expand_dims(a, axis=0)
where(a > 0, a, 0); where(m, 1, 2); where(m & n, b, -b); clip(a, -1, 1); a.clip(0, None); a.clip(min=0); clip(a, None, 1); a.clip(max=r); minimum(a, b); concat([a, a]); concat((a, i), axis=1); concat((a, b[None])); stack([b, b], axis=1); concatenate((a,a,), 0); stack((b, u), 1)
exp (b); sqrt(4); abs(-2.5); sin( pi ); e ** 2; -inf; nan; inf - inf; exp(-a/2) * where(a > 1, k, 0); 1 / (1 + exp(-a)); round(a, 1); log1p(abs(a))
arange(5); arange(1, 7, 2); arange(a.shape[0]); arange(3.0); arange(k + 1); linspace(0, 1, 5); full((2, 2), 7); full(3, r); zeros((2, 3)); ones(3); eye(3); zeros_like(a) + 1; ones_like(i)
[1, 2, 3]; [1.5, 2]; b + [1, 2, 3, 4]; [[1, 2], [3, 4]]; [True, False]; [b, b]; [k, r]
x = a + 1
y = exp(b); y / y.sum()
x = i; y = x * 2; x + y
x=a;x=x+1;x*2
x = a ; y = x == a; y
roll(a, 1, 0); roll(a, (1, 2), (0, 1)); flip(a, 0); tril(s); tril(s, -1); take(a, [0, 2], axis=0); einsum('ij,kj->ik', a, a); einsum("ii", s); quantile(a, 0.25); quantile(a, [0.5, 0.1], axis=1); cumsum(a, axis=1); sort(a, axis=0); diff(a)
u << 1; u >> k; i << 2; 1 << j; ~m; ~u; m & n; m | n; bitwise_xor(m, n); m + m; m * 2; m + 0.5; i // 2; i / 2; i % 4; u % 7; a // 1; a % 1; -u; i // -3
(a > 0) & (a < 1); (a == a).all(); i == 3; a != b; m == n; z.real; z.imag; z * 1j; abs(z); z ** 2; z == z; w * b; a * w; w - 1; z.T
( a
  + 1 )
"""


def fixed():
    out = []
    for line in FIXED.strip().split("\n"):
        if "=" in line and line[0] in "xy" and ";" in line or line.startswith("x = a +"):
            out.append(line)
        elif line.startswith("( a"):
            out.append("( a\n  + 1 )")
        elif not line.startswith("  "):
            out += [part.strip() for part in line.split(";")]
    return out


def check(text):
    """What differs from Python, or None; skipped where Python refuses what is defined here."""
    try:
        with np.errstate(all="ignore"):
            want = python(text)
    except (ZeroDivisionError, MemoryError, AttributeError):  # 1 / 0 is inf here, and a number has the methods of an array
        return None
    except Exception as e:  # it refuses: so must eval
        want = e
    status, out, err = tensor("eval", text, *FILES)
    if isinstance(want, Exception):
        # Python's bool and int are bounded only by memory, and its shifts of them refuse what is 0 here
        if status == 0 and not any(word in str(want) for word in ("negative", "too large", "boolean", "subscriptable")):
            return f"Python refuses ({want!r}), eval does not"
        return None
    if want.dtype == object:
        return None
    if status:
        return f"status {status}: {err}" if reported(status, err.split("\n")[0]) is None else f"crash {status}: {err}"
    got = arrays(out)[0]
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{got.shape}, not {want.dtype}{want.shape}"
    if want.dtype.kind in "biu":
        same = got == want
    else:
        # Precedence is what is tested; a last bit of float32 that // makes a whole step of is none of it.
        finite = np.isfinite(want)
        size = max(1, np.abs(want[finite]).max(initial=0))
        same = (np.abs(got - want) <= 1e-5 * size) | (got == want) | ~finite & (~np.isfinite(got) | (want.dtype.kind == "c"))
    if np.all(same) or (want.dtype.kind != "i" and ("//" in text or "%" in text) and re.search(r"\b[bsz]\b", text)):
        return None
    return f"{got.ravel()[:6]}, not {want.ravel()[:6]}"


HOSTILE = ["(" * 5000, "- " * 5000 + "a", "a**" * 5000 + "a", "exp(" * 5000, "a[" * 5000, "[" * 5000, "reshape(a,(" * 3000, "x" * 5000, "a" + " & ~a" * 3000 + "("]
CUT = ("y = exp(-a/2) * where(m > 1, b[..., None].sum(axis=-1, keepdims=True)[0], 1e-3); concat([y, y], axis=1).T; x = '\\n'\n"
       "a.reshape((3, 4)).take([1, k], axis=0)[:, ::-1] ** -.5 @ [[1, 2], (3)]")


def refused(text, whole=False):
    status, out, err = tensor("eval", text, *FILES)
    if status == 0 and not whole:
        return None
    return reported(status, err.split("\n")[0]) if status != 0 else "it is not refused"


def long_chain():
    """A long chain is no nesting."""
    status, out, err = tensor("eval", "i" + " + 1" * 20000, *FILES)
    return err or (None if np.array_equal(arrays(out)[0], ARRAYS["i"] + 20000) else "wrong")


def main():
    tap = Tap()
    texts = fixed()
    for text, problem in zip(texts, parallel(check, [(t,) for t in texts])):
        tap.test(text.replace("\n", " "), [problem])
    for seed in range(2 if QUICK else 8):
        maker = Maker(seed)
        texts = [maker.statement() for _ in range(200)]
        problems = parallel(check, [(t,) for t in texts])
        tap.test(f"200 expressions made from seed {seed}", [f"{t!r}: {p}" for t, p in zip(texts, problems) if p])
    tap.test("text that is nested too deeply, or never ends", parallel(refused, [(t, True) for t in HOSTILE]))
    tap.test("text that is cut off anywhere", parallel(refused, [(CUT[:n],) for n in range(len(CUT))]))
    tap.test("a chain of 20000 operators", [long_chain()])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
