"""Ops that move, select or join elements, casts and matmul, against NumPy: values, several layouts, and what is refused."""

import json
import sys

import numpy as np

from oracle import COMPLEX, DTYPES, FLOATS, INTS, QUICK, Tap, arrays, bfloat16, exact, near_complex, parallel, reported, save, tensor, values

REFUSED = object()  # the expected result: status 4 and one line of message
USAGE = object()  # status 2


class A:
    """An operand: an array of this shape of the dtype under test, with elements that tell their place."""

    def __init__(self, *shape):
        self.shape = shape

    def make(self, dtype):
        n = int(np.prod(self.shape))
        x = np.arange(n) % 2 if dtype == "bool" else np.arange(n) % 251 - (n // 2 % 100) * (np.dtype(dtype).kind not in "u")
        x = x.astype(dtype).reshape(self.shape)
        return x * (1 - 2j).real + x * -2j if np.dtype(dtype).kind == "c" else x


class I:
    """An operand with these elements, whatever the dtype under test."""

    def __init__(self, elements, dtype="int64"):
        self.x = np.array(elements, dtype)

    def make(self, dtype):
        return self.x


def case(operands, args, want):
    return operands if isinstance(operands, list) else [operands], args.split(), want


def gather(x, i, axis):
    return np.take_along_axis(x[tuple(slice(0, n) if k != axis % x.ndim else slice(None) for k, n in enumerate(i.shape))], i, axis)


def scatter(x, i, v, axis, add=False):
    out = x.copy()
    at = list(np.indices(i.shape))
    at[axis] = i
    if add:
        np.add.at(out, tuple(at), v[tuple(slice(0, n) for n in i.shape)])
    else:
        out[tuple(at)] = v[tuple(slice(0, n) for n in i.shape)]
    return out


def index_add(x, i, v, axis, alpha=1):
    out = x.copy()
    at = [slice(None)] * x.ndim
    at[axis] = i
    np.add.at(out, tuple(at), (v * np.array(alpha).astype(x.dtype)).astype(x.dtype))
    return out


def unslice(shape, at):
    def want(x):
        out = np.zeros(shape, x.dtype)
        out[eval(f"np.s_[{at}]")] = x
        return out
    return want


def scattered(at):
    def want(x, y):
        out = x.copy()
        out[eval(f"np.s_[{at}]")] = y
        return out
    return want


def put(x, i, v, mode="raise"):
    out = x.copy()
    np.put(out, i, v, mode)
    return out


def cast(dtype):
    return lambda x: x.astype(dtype)


def torch_expand(*shape):
    return lambda x: np.broadcast_to(x, shape)


CASES = {
    "reshape": [
        case(A(3, 4), "2,6", lambda x: x.reshape(2, 6)), case(A(3, 4), "--shape 12", lambda x: x.reshape(12)),
        case(A(3, 4), "-1", lambda x: x.reshape(-1)), case(A(3, 4), "2,-1,3", lambda x: x.reshape(2, -1, 3)),
        case(A(1, 1), "()", lambda x: x.reshape(())), case(A(0, 4), "0,7", lambda x: x.reshape(0, 7)),
        case(A(0, 4), "-1,4", lambda x: x.reshape(-1, 4)), case(A(3, 4), "5,-1", REFUSED), case(A(3, 4), "-1,-1", REFUSED),
        case(A(3, 4), "3,5", REFUSED), case(A(0, 4), "0,-1", REFUSED), case(A(3, 4), "3,-2", REFUSED), case(A(3, 4), "", USAGE),
    ],
    "flatten": [
        case(A(3, 4, 2), "", lambda x: x.reshape(-1)), case(A(3, 4, 2), "1", lambda x: x.reshape(3, 8)),
        case(A(3, 4, 2), "--start-dim 0 --end-dim 1", lambda x: x.reshape(12, 2)), case(A(), "", lambda x: x.reshape(1)),
        case(A(3, 4), "--start-dim 1 --end-dim 0", REFUSED),
    ],
    "squeeze": [
        case(A(1, 3, 1), "", np.squeeze), case(A(1, 3, 1), "--axis 0", lambda x: x.squeeze(0)),
        case(A(1, 3, 1), "--dim=-1", lambda x: x.squeeze(-1)), case(A(1, 3, 1), "0,2", lambda x: x.squeeze((0, 2))),
        case(A(1, 3, 1), "--axis 1", REFUSED), case(A(1, 3), "--axis 5", REFUSED),
    ],
    "expand_dims": [
        case(A(3, 4), "0", lambda x: x[None]), case(A(3, 4), "--axis=-1", lambda x: x[..., None]),
        case(A(3, 4), "--axis 0,3", lambda x: np.expand_dims(x, (0, 3))), case(A(), "0", lambda x: x.reshape(1)),
        case(A(3, 4), "--axis 4", REFUSED), case(A(3, 4), "--axis 0,0", REFUSED),
    ],
    "permute_dims": [
        case(A(2, 3, 4), "2,0,1", lambda x: x.transpose(2, 0, 1)), case(A(2, 3, 4), "--axes 0,-1,1", lambda x: x.transpose(0, 2, 1)),
        case(A(), "()", lambda x: x), case(A(2, 3), "0,0", REFUSED), case(A(2, 3), "0", REFUSED), case(A(2, 3), "0,2", REFUSED),
    ],
    # squares of 16 bytes in squares of 128, and what is left of them
    "transpose": [case(A(2, 3, 4), "", np.transpose), case(A(3), "", np.transpose), case(A(40, 70), "", np.transpose),
                  *(case(A(*shape), "", np.transpose) for shape in ((1, 300), (300, 1), (64, 64), (65, 129), (127, 33), (17, 1000), (3, 7, 130))),
                  case(A(5, 66, 35), "--axes 0,2,1", lambda x: x.swapaxes(1, 2)), case(A(33, 5, 66), "--axes 2,1,0", np.transpose),
                  case(A(2, 3, 4), "--axes 1,2,0", lambda x: x.transpose(1, 2, 0))],
    "matrix_transpose": [case(A(2, 3, 4), "", lambda x: x.swapaxes(1, 2)), case(A(3), "", REFUSED)],
    "swapaxes": [case(A(2, 3, 4), "0,2", lambda x: x.swapaxes(0, 2)), case(A(2, 3, 4), "--axes=-1,0", lambda x: x.swapaxes(-1, 0)),
                 case(A(2, 3), "0,2", REFUSED)],
    "moveaxis": [case(A(2, 3, 4), "0 2", lambda x: np.moveaxis(x, 0, 2)),
                 case(A(2, 3, 4), "--source 0,1 --destination -1,0", lambda x: np.moveaxis(x, (0, 1), (-1, 0))),
                 case(A(2, 3, 4), "--source 0,1 --destination 0", REFUSED), case(A(2, 3, 4), "0,0 1,2", REFUSED)],
    "broadcast_to": [
        case(A(3, 1), "2,3,4", lambda x: np.broadcast_to(x, (2, 3, 4))), case(A(), "2,2", lambda x: np.broadcast_to(x, (2, 2))),
        case(A(1, 4), "--shape 0,4", lambda x: np.broadcast_to(x, (0, 4))), case(A(3, 1), "-1,4", torch_expand(3, 4)),
        case(A(3), "4", REFUSED), case(A(3, 4), "4", REFUSED),
    ],
    "sum_to_size": [case(A(2, 3, 4), "3,1", lambda x: x.sum(0).sum(1, keepdims=True, dtype=x.dtype).astype(x.dtype)),
                    case(A(2, 3), "2,3", lambda x: x), case(A(2, 3), "--shape ()", lambda x: x.sum(dtype=x.dtype)), case(A(1, 3), "1,3", lambda x: x),
                    case(A(2, 3), "2", REFUSED), case(A(3), "2,3", REFUSED), case(A(0, 3), "3", lambda x: x.sum(0, dtype=x.dtype))],
    "slice_backward": [case(A(*np.zeros(shape)[eval(f"np.s_[{at}]")].shape), f"--shape {','.join(map(str, shape))} --slice {at}", unslice(shape, at))
                       for shape, at in (((4, 5), "1"), ((4, 5), "1:3,-1"), ((4, 5), "::-1,::2"), ((4, 5), "3:0:-2,None,4:1:-1"), ((4, 5), "...,2"),
                                         ((7,), "1:6:3"), ((7,), "5:5"), ((2, 3, 4), ":,None,1,1::2"), ((4, 5), "7:,9:2"))]
                      + [case(A(3), "--shape 4 --slice 0:2", REFUSED)],
    "slice_scatter": [case([A(4, 5), A(*shape)], f"--slice {at}", scattered(at)) for shape, at in (((5,), "1"), ((2,), "1:3,-1"), ((4, 3), "::-1,::2"),
                                                                                                 ((5,), "1:3"), ((), "...,2"), ((0, 5), "7:"))]
                     + [case([A(4, 5), A(3)], "--slice 1", REFUSED), case([A(4, 5), A(5)], "--slice 4", REFUSED)],
    "slice": [
        case(A(4, 5), "0:3,::2", lambda x: x[0:3, ::2]), case(A(4, 5), "-1", lambda x: x[-1]), case(A(4, 5), ":,::-1", lambda x: x[:, ::-1]),
        case(A(4, 5), "...,0", lambda x: x[..., 0]), case(A(4, 5), "None,1,None", lambda x: x[None, 1, None]),
        case(A(4, 5), "--slice -3:", lambda x: x[-3:]), case(A(4, 5), "7:,9:2", lambda x: x[7:, 9:2]), case(A(4, 5), "3:-9:-2", lambda x: x[3:-9:-2]),
        case(A(4, 5), "2,3", lambda x: x[2, 3]), case(A(4, 5), "5", REFUSED), case(A(4, 5), "0,0,0", REFUSED), case(A(4, 5), "::0", REFUSED),
        case(A(4, 5), "a", USAGE), case(A(4, 5), "...,...", USAGE),
    ],
    "flip": [case(A(2, 3, 4), "", np.flip), case(A(2, 3, 4), "1", lambda x: np.flip(x, 1)), case(A(2, 3, 4), "--axis 0,-1", lambda x: np.flip(x, (0, -1))),
             case(A(2, 3), "2", REFUSED)],
    "roll": [
        case(A(3, 4), "5", lambda x: np.roll(x, 5)), case(A(3, 4), "--shift -1 --axis 1", lambda x: np.roll(x, -1, 1)),
        case(A(3, 4), "--shift 1,2 --axis 0,1", lambda x: np.roll(x, (1, 2), (0, 1))), case(A(0, 4), "3", lambda x: np.roll(x, 3)),
        case(A(3, 4), "--shift 1 --axis 2", REFUSED),
    ],
    "rot90": [case(A(3, 4), "", np.rot90), case(A(3, 4), "2", lambda x: np.rot90(x, 2)), case(A(2, 3, 4), "--k -1 --axes 1,2", lambda x: np.rot90(x, -1, (1, 2))),
              case(A(2, 3, 4), "--k 3 --axes 2,0", lambda x: np.rot90(x, 3, (2, 0))), case(A(3), "", REFUSED), case(A(3, 4), "--axes 0,0", REFUSED)],
    "tile": [case(A(2, 3), "2", lambda x: np.tile(x, 2)), case(A(2, 3), "2,1,2", lambda x: np.tile(x, (2, 1, 2))), case(A(2), "--repetitions 0", lambda x: np.tile(x, 0)),
             case(A(2, 3), "-1", REFUSED)],
    "repeat": [case(A(2, 3), "2", lambda x: np.repeat(x, 2)), case(A(2, 3), "--repeats 3 --axis 0", lambda x: np.repeat(x, 3, 0)),
               case(A(2, 3), "--repeats 0,2,1 --axis 1", lambda x: np.repeat(x, [0, 2, 1], 1)), case(A(2, 3), "--repeats 1,2 --axis 1", REFUSED),
               case(A(2, 3), "-1", REFUSED)],
    "pad": [
        case(A(2, 3), "1,1,2,2", lambda x: np.pad(x, ((1, 1), (2, 2)))), case(A(3), "--pad 0,2 --value 1", lambda x: np.pad(x, (0, 2), constant_values=x.dtype.type(1))),
        case(A(3, 4), "2,1,3,0 --mode edge", lambda x: np.pad(x, ((2, 1), (3, 0)), "edge")),
        case(A(3, 4), "2,1,3,0 --mode reflect", lambda x: np.pad(x, ((2, 1), (3, 0)), "reflect")),
        case(A(3, 4), "7,9,3,0 --mode reflect", lambda x: np.pad(x, ((7, 9), (3, 0)), "reflect")),
        case(A(3, 4), "7,9,3,0 --mode wrap", lambda x: np.pad(x, ((7, 9), (3, 0)), "wrap")),
        case(A(3, 4), "7,9,3,0 --mode symmetric", lambda x: np.pad(x, ((7, 9), (3, 0)), "symmetric")),
        case(A(3, 4), "2,1,3,0 --mode wrap", lambda x: np.pad(x, ((2, 1), (3, 0)), "wrap")),
        case(A(3, 4), "-1,0,0,0", REFUSED), case(A(3, 4), "1,2,3", REFUSED), case(A(0, 4), "1,1,0,0 --mode edge", REFUSED), case(A(3), "1,1 --mode nosuch", USAGE),
    ],
    "diagonal": [case(A(3, 4), "", np.diagonal), case(A(2, 3, 4), "--k 1 --axis1 1 --axis2 2", lambda x: np.diagonal(x, 1, 1, 2)),
                 case(A(2, 3, 4), "--offset -1", lambda x: np.diagonal(x, -1)), case(A(3, 4), "--k 9", lambda x: np.diagonal(x, 9)), case(A(3), "", REFUSED),
                 case(A(3, 4), "--axis1 0 --axis2 0", REFUSED)],
    "diag": [case(A(3), "", np.diag), case(A(3), "--k -2", lambda x: np.diag(x, -2)), case(A(3, 4), "1", lambda x: np.diag(x, 1)), case(A(2, 2, 2), "", REFUSED)],
    "tril": [case(A(3, 4), "", np.tril), case(A(2, 3, 4), "--k 1", lambda x: np.tril(x, 1)), case(A(3, 4), "--diagonal -1", lambda x: np.tril(x, -1)), case(A(3), "", np.tril)],
    "triu": [case(A(3, 4), "", np.triu), case(A(2, 3, 4), "--k 1", lambda x: np.triu(x, 1)), case(A(3, 4), "-1", lambda x: np.triu(x, -1)), case(A(3), "", np.triu)],
    "concat": [
        case([A(2, 3), A(4, 3)], "", lambda x, y: np.concatenate([x, y])), case([A(2, 3), A(2, 1), A(2, 0)], "--axis -1", lambda *x: np.concatenate(x, -1)),
        case([A(2, 3), A(4)], "--axis none", lambda *x: np.concatenate(x, None)), case([A(2, 3)], "--dim 1", lambda x: x),
        case([A(2, 3), A(2, 4)], "", REFUSED), case([A(2, 3), A(3)], "", REFUSED), case([A(), A()], "", REFUSED), case([A(2, 3), A(2, 3)], "--axis 2", REFUSED),
        case([A(2, 3), I([[1.5, 2, 3]], "float64")], "", lambda *x: np.concatenate(x)),
    ],
    "stack": [case([A(2, 3), A(2, 3)], "", lambda *x: np.stack(x)), case([A(2, 3), A(2, 3), A(2, 3)], "--dim -1", lambda *x: np.stack(x, -1)),
              case([A(), A()], "", lambda *x: np.stack(x)), case([A(2), A(3)], "", REFUSED), case([A(2), A(2)], "--axis 2", REFUSED)],
    "hstack": [case([A(2, 3), A(2, 1)], "", lambda *x: np.hstack(x)), case([A(2), A(3)], "", lambda *x: np.hstack(x)), case([A(), A()], "", lambda *x: np.hstack(x))],
    "vstack": [case([A(2, 3), A(1, 3)], "", lambda *x: np.vstack(x)), case([A(3), A(3)], "", lambda *x: np.vstack(x)), case([A(3), A(2)], "", REFUSED)],
    "split": [case(A(6, 2), "3", lambda x: np.split(x, 3)), case(A(6, 2), "--sections 1,4", lambda x: np.split(x, [1, 4])),
              case(A(2, 6), "2 --axis 1", lambda x: np.split(x, 2, 1)), case(A(4), "0", REFUSED), case(A(4, 2), "2 --axis 3", REFUSED)],
    "unstack": [case(A(3, 2), "", lambda x: list(x)), case(A(3, 2), "--axis -1", lambda x: list(x.T)), case(A(0, 2), "", lambda x: []), case(A(), "", REFUSED)],
    "take": [
        case([A(4, 5), I([3, 0, -1])], "--axis 0", lambda x, i: np.take(x, i, 0)), case([A(4, 5), I([[1, 2], [3, 19]])], "", lambda x, i: np.take(x, i)),
        case([A(4, 5), I(2)], "--axis 1", lambda x, i: np.take(x, i, 1)), case([A(4, 5), I([7, -9])], "--axis 0 --mode wrap", lambda x, i: np.take(x, i, 0, mode="wrap")),
        case([A(4, 5), I([7, -9])], "--axis 0 --mode clip", lambda x, i: np.take(x, i, 0, mode="clip")), case([A(4, 5), I([], "int64")], "--axis 1", lambda x, i: np.take(x, i, 1)),
        case([A(4, 5), I([4])], "--axis 0", REFUSED), case([A(4, 5), I([1.0], "float64")], "--axis 0", REFUSED), case([A(4, 5), I([0])], "--axis 2", REFUSED),
        case([A(4, 5), I([1, 2], "uint8")], "--dim 0", lambda x, i: np.take(x, i, 0)),
    ],
    "take_along_axis": [
        case([A(3, 4), I([[0, 3], [1, 1], [-1, 2]])], "--axis 1", lambda x, i: np.take_along_axis(x, i, 1)),
        case([A(3, 4), I([[0, 1, 2, 1]])], "--axis 0", lambda x, i: np.take_along_axis(x, i, 0)),
        case([A(3, 4), I([[9]])], "--axis 1", REFUSED), case([A(3, 4), I([0])], "--axis 1", REFUSED),
    ],
    "gather": [case([A(3, 4), I([[0, 3], [1, 1]])], "--axis 1", lambda x, i: gather(x, i, 1)), case([A(3, 4), I([[2, 0]])], "--dim 0", lambda x, i: gather(x, i, 0)),
               case([A(3, 4), I([[0, 4]])], "--axis 1", REFUSED)],
    "scatter": [case([A(3, 4), I([[0, 3], [1, 2]]), A(2, 2)], "--axis 1", lambda x, i, v: scatter(x, i, v, 1)),
                case([A(3, 4), I([[2, 0, 1, 1]]), A(3, 4)], "--dim 0", lambda x, i, v: scatter(x, i, v, 0)), case([A(3, 4), I([[5]]), A(3, 4)], "--axis 1", REFUSED)],
    "scatter_add": [case([A(3, 4), I([[0, 0], [1, 2]]), A(2, 2)], "--axis 1", lambda x, i, v: scatter(x, i, v, 1, True)),
                    case([A(3, 4), I([[2, 0, 1, 1], [2, 2, 2, 2]]), A(3, 4)], "--dim 0", lambda x, i, v: scatter(x, i, v, 0, True)),
                    case([A(3, 4), I([[5]]), A(3, 4)], "--axis 1", REFUSED)],
    "index_add": [case([A(3, 4), I([0, 2, 0]), A(3, 4)], "--axis 0", lambda x, i, v: index_add(x, i, v, 0)), case([A(3, 4), I([3, 3]), A(3, 2)], "--dim 1", lambda x, i, v: index_add(x, i, v, 1)),
                  case([A(3, 4), I([4]), A(3, 1)], "--axis 1", REFUSED)],
    "put": [case([A(3, 4), I([0, 11, -1]), A(2)], "", put), case([A(3, 4), I([13]), A(1)], "--mode wrap", lambda x, i, v: put(x, i, v, "wrap")), case([A(3, 4), I([13]), A(1)], "", REFUSED)],
    "masked_select": [case([A(3, 4), I(np.arange(12).reshape(3, 4) % 3 == 0, "bool")], "", lambda x, m: x[m]), case([A(3, 4), I([1, 0, 1], "bool")], "", lambda x, m: x[m]),
                      case([A(3, 4), I([0, 0, 0], "bool")], "", lambda x, m: x[m]), case([A(3, 4), I([1, 0, 1, 1], "bool")], "--broadcast", lambda x, m: x[np.broadcast_to(m, (3, 4))]),
                      case([A(3, 4), I([1, 0], "bool")], "", REFUSED), case([A(), I(True, "bool")], "", lambda x, m: x[m])],
    "compress": [case([I([0, 1, 1], "bool"), A(3, 4)], "--axis 0", lambda m, x: np.compress(m, x, 0)), case([I([1, 0, 1], "bool"), A(3, 4)], "", lambda m, x: np.compress(m, x)),
                 case([I([1, 0], "bool"), A(3, 4)], "--axis 1", lambda m, x: np.compress(m, x, 1))],
    "nonzero": [case(A(3, 4), "", lambda x: list(np.nonzero(x))), case(A(0, 2), "", lambda x: list(np.nonzero(x))), case(A(), "", REFUSED)],
    "argwhere": [case(A(3, 4), "", np.argwhere), case(A(5), "", np.argwhere)],
    "flatnonzero": [case(A(3, 4), "", np.flatnonzero)],
    "clone": [case(A(3, 4), "", lambda x: x), case(A(), "", lambda x: x), case(A(0, 3), "", lambda x: x)],
    "detach": [case(A(3, 4), "", lambda x: x)],
    "fill": [case(A(3, 4), "1", lambda x: np.full_like(x, 1)), case(A(3, 4), "--value 0", lambda x: np.full_like(x, 0))],
    "zero": [case(A(3, 4), "", np.zeros_like)],
    "copyto": [case([A(3, 4), A(4)], "", lambda x, y: np.broadcast_to(y, x.shape).astype(x.dtype)), case([A(3, 4), A(3)], "", REFUSED)],
    "astype": [case(A(3, 4), "--dtype " + d, cast(d)) for d in DTYPES if d not in COMPLEX] + [case(A(2), "nosuch", USAGE), case(A(2), "float", USAGE)],
    "clip": [
        case(A(3, 4), "1 3", lambda x: np.clip(x, 1, 3)), case(A(3, 4), "--min 1", lambda x: np.clip(x, 1, None)),
        case(A(3, 4), "--max 1", lambda x: np.clip(x, None, 1)), case(A(3, 4), "--min 3 --max 1", lambda x: np.clip(x, 3, 1)),
        case(A(3, 4), "", USAGE),
    ],
    "gelu": [], "round": [],
}
# What NumPy does with bool or complex operands is not what is looked at here.
NOT = {"clip": ["bool"] + COMPLEX, "fill": COMPLEX, "pad": ["bool"], "index_add": ["bool"]}

# Ops that promote to a type of their own are run for these only.
MOVED = ["bool", "uint8", "int64", "float16", "float32", "float64", "complex64"]


def laid(x, how):
    """x as an operand word, laid out otherwise."""
    if how == "F" and x.ndim:
        return save(np.asfortranarray(x))
    if how == "big":
        return save(x.astype(x.dtype.newbyteorder(">")))
    if how == "sliced" and x.ndim:
        big = np.zeros(tuple(2 * n + 1 for n in x.shape), x.dtype)
        view = big[tuple(slice(2 * n - 1, None, -2) if n else slice(0, 0) for n in x.shape)]
        view[...] = x
        return save(big) + "@" + ",".join("%d::-2" % (2 * n - 1) if n else "0:0" for n in x.shape)
    return save(np.ascontiguousarray(x) if x.ndim else x)


def check(name, operands, args, want, dtype, how, command):
    xs = [o.make(dtype) for o in operands]
    status, out, err = tensor(*command, *[laid(x, how) for x in xs], *args)
    where = "%s, %s, %s %s" % (dtype, how, name, " ".join(args))
    if want is REFUSED or want is USAGE:
        expected = 4 if want is REFUSED else 2
        if status != expected:
            return "%s: status %d, not %d %s" % (where, status, expected, err[:200])
        p = reported(status, err)
        return p and "%s: %s" % (where, p)
    if status:
        return "%s: status %d: %s" % (where, status, err[:300])
    expected = want(*xs)
    expected = expected if isinstance(expected, list) else [np.asarray(expected)]
    got = arrays(out)
    if len(got) != len(expected):
        return "%s: %d arrays, not %d" % (where, len(got), len(expected))
    for g, w in zip(got, expected):
        p = exact(g, np.asarray(w))
        if p:
            return "%s: %s" % (where, p)
    return None


def jobs(name, cases, command=None):
    skip = NOT.get(name, [])
    for operands, args, want in cases:
        for dtype in MOVED if want not in (REFUSED, USAGE) else ["float32"]:
            if dtype not in skip:
                for how in ("C",) if want in (REFUSED, USAGE) or QUICK and dtype != "float32" else ("C", "F", "big", "sliced"):
                    yield name, operands, args, want, dtype, how, command or ["op", name]


# matmul: shapes that multiply, and those that do not.
SHAPES = [((3, 4), (4, 5)), ((4,), (4,)), ((4,), (4, 5)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (6, 4, 5)), ((4,), (2, 4, 5)),
          ((2, 3, 4), (4,)), ((0, 4), (4, 5)), ((3, 0), (0, 5)), ((3, 4), (4, 0)), ((1, 1), (1, 1)), ((65, 130), (130, 33)), ((5, 1, 70), (70, 1))]
UNFIT = [((3, 4), (3, 4)), ((), (3,)), ((3,), ()), ((2, 3, 4), (3, 4, 5)), ((3,), (4,))]


def product(a, b, dtype, how, other=None):
    # Small integers, so that every order of summation gives the same.
    rng = np.random.default_rng(len(a) + 7 * len(b))
    kind = np.dtype(dtype).kind
    x, y = (rng.integers(0 if kind in "bu" else -4, 2 if kind == "b" else 5, s).astype(d) for s, d in ((a, dtype), (b, other or dtype)))
    if kind == "c":
        x, y = x * (1 + 2j), y * (2 - 1j)
        x, y = x.astype(dtype), y.astype(other or dtype)
    status, out, err = tensor("matmul", laid(x, how), laid(y, how))
    where = "%s %s @ %s %s %s" % (dtype, a, other or dtype, b, how)
    if status:
        return "%s: status %d: %s" % (where, status, err)
    p = exact(arrays(out)[0], np.matmul(x, y), zeros=False)
    return p and "%s: %s" % (where, p)


def accuracy(dtype, m, k, n):
    """Random values: within a few roundings of the exact sum of products."""
    rng = np.random.default_rng(k)
    x, y = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    status, out, err = tensor("matmul", save(x), save(y))
    if status:
        return "%s: %s" % (dtype, err)
    exactly = x.astype(np.longdouble) @ y.astype(np.longdouble)
    bound = k ** 0.5 * 4 * np.finfo(dtype).eps * (np.abs(x).astype(np.float64) @ np.abs(y).astype(np.float64)) / 4
    bad = np.abs(arrays(out)[0] - exactly) > bound
    return "%s (%d, %d, %d): %d differ" % (dtype, m, k, n, bad.sum()) if bad.any() else None


# Parts of computed arrays x (6, 5, 40, 33) and y (6, 33, 5, 40), as Python has them: read where they lie, or copied.
PARTS = [("x", "y.transpose(0, 2, 1, 3)"), ("x[1:5, 2:, 3:, :17]", "y[1:5, 10:27, 2:, 4:].transpose(0, 2, 1, 3)"),
         ("x.transpose(1, 0, 3, 2)[:, :, 2:9]", "y.transpose(2, 0, 3, 1)[:, :, :, 5:20]"), ("x[2:3]", "y[:, :, 4:].transpose(0, 2, 1, 3)"),
         ("x[0, 0, :, ::2]", "y[0, ::2, 0]"), ("x[0, 0, 20::-1]", "y[3, :, 2, 1:]"), ("x[:, 0, :1]", "y[:, :, 1, :]"), ("x[:, 0]", "y[:, :, 1, :1]"),
         ("x[:, 0, :, 4]", "y[0, :, 0].transpose(1, 0)[:, 2:]"), ("x[::2, 1]", "y[3, :, 2, :1]"), ("x[:, :, 1:, :]", "y[5, :, 1, :9]"),
         ("x.reshape(30, 40, 33)", "y[0, :, 0, 7:]"), ("x.reshape(6, 200, 33)[1:, 50:60, 2:32]", "y.reshape(6, 33, 200)[1:, 3:, 100:]"), ("x[5, 4]", "y[0, :, 0, 0]")]


def lying(a, b, dtype):
    rng = np.random.default_rng(5)
    x, y = rng.integers(-4, 5, (6, 5, 40, 33)).astype(dtype), rng.integers(-4, 5, (6, 33, 5, 40)).astype(dtype)
    status, out, err = tensor("eval", "x = x + 0; y = y + 0; (%s) @ (%s)" % (a, b), "x=" + save(x), "y=" + save(y), "--threads", "2")
    if status:
        return "%s @ %s: %s" % (a, b, err)
    p = exact(arrays(out)[0], eval(a) @ eval(b), zeros=False)
    return p and "%s: %s @ %s: %s" % (dtype, a, b, p)


def unfit(a, b):
    status, out, err = tensor("matmul", save(np.ones(a)), save(np.ones(b)))
    if status != 4 or out:
        return "%s @ %s: status %d" % (a, b, status)
    text = str(a) if len(a) and len(b) else ""
    return "message %r" % err if text not in err or reported(status, err) else None


def half(a, b):
    """bfloat16: products summed in float32 or better, rounded once."""
    rng = np.random.default_rng(3)
    x, y = rng.integers(-8, 9, a).astype(bfloat16), rng.integers(-8, 9, b).astype(bfloat16)
    status, out, err = tensor("matmul", save_descr(x), save_descr(y))
    if status:
        return "bfloat16: " + err
    got = arrays_bf16(out)
    want = (x.astype(np.float32) @ y.astype(np.float32)).astype(bfloat16)
    return None if got.shape == want.shape and (got == want).all() else "bfloat16: values differ"


def save_descr(x, name=None):
    """x of bfloat16 in a file whose descr names the type."""
    import io
    import os
    from oracle import DIR
    f = io.BytesIO()
    np.lib.format.write_array_header_1_0(f, {"descr": "bfloat16", "fortran_order": False, "shape": x.shape})
    name = save(np.zeros(1)) if name is None else name
    with open(os.path.join(DIR, name), "wb") as o:
        o.write(f.getvalue() + x.tobytes())
    return name


def arrays_bf16(data):
    import ast
    n = int.from_bytes(data[8:10], "little")
    h = ast.literal_eval(data[10:10 + n].decode())
    assert h["descr"] == "bfloat16", h
    return np.frombuffer(data[10 + n:], bfloat16).reshape(h["shape"])


def casts(a):
    """Every value of one dtype to every dtype."""
    x = values(a, 400)
    bad = []
    for b in DTYPES:
        status, out, err = tensor("op", "astype", save(x), b)
        if status:
            bad.append("%s to %s: %s" % (a, b, err))
            continue
        # What a float beyond an integer type becomes is left to the machine in C and in NumPy.
        keep = np.ones(x.shape, bool)
        if np.dtype(b).kind in "iu" and np.dtype(a).kind in "fc":
            info = np.iinfo(b)
            keep = (x.real > float(info.min) - 1) & (x.real < float(info.max))
        p = exact(arrays(out)[0][keep], x.astype(b)[keep], [x[keep]])
        if p:
            bad.append("%s to %s: %s" % (a, b, p))
    return "; ".join(bad) or None


def main():
    tap = Tap()
    rows = {r["name"]: r for r in json.loads(tensor("op", "--list", "--json")[1] or b"[]")}
    only = sys.argv[1:]
    for name, row in rows.items():
        if row["family"] in ("shape", "join", "index", "type") and name not in CASES and not only:
            tap.test("op " + name, ["no test knows this op"])
    for name, cases in CASES.items():
        if name in rows and cases and (not only or name in only):
            aliases = [None if tensor("help", "op", a)[0] == 0 else "help op " + a for a in rows[name]["aliases"]]
            tap.test("op " + name, aliases + parallel(check, list(jobs(name, cases))))
    if not only or "casts" in only:
        tap.test("casts", parallel(casts, [(d,) for d in DTYPES]))
    if not only or "matmul" in only:
        layouts = ["C"] if QUICK else ["C", "F", "big", "sliced"]
        tap.test("matmul", parallel(product, [(a, b, d, h) for a, b in SHAPES for d in DTYPES for h in layouts]))
        tap.test("matmul of parts of matrices", parallel(lying, [(a, b, d) for a, b in PARTS for d in ("float32", "float64", "int16", "complex64")]))
        tap.test("matmul of two dtypes", parallel(product, [((3, 4), (4, 5), a, "C", b) for a in DTYPES for b in DTYPES if "complex" not in a + b]))
        tap.test("matmul of bfloat16", parallel(half, [((3, 4), (4, 5)), ((2, 3, 70), (70, 5)), ((4,), (4,))]))
        tap.test("matmul is accurate", parallel(accuracy, [(d, *s) for d in FLOATS[1:] for s in ((3, 5, 4), (64, 64, 64), (100, 1000, 30), (1, 100000, 1))]))
        tap.test("matmul of shapes that do not fit", parallel(unfit, UNFIT))
    tap.done()


if __name__ == "__main__":
    main()
