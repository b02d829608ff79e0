"""The cases of test_grad.py: a command, the same in PyTorch, and operands; make_grad_values.py computes what PyTorch says.

An operand is a shape (values in -2..2), "pos SHAPE" (0.3..2), "unit SHAPE" (-0.9..0.9), "big SHAPE" (1.2..3), or a list of values; integer lists are
indices, which have no gradient.  In commands and expressions they are x, y, z.  The loss is the sum of the result times weights.
"""
import zlib

import numpy as np

NAN, INF = float("nan"), float("inf")
EDGE = [-2.0, -1.0, 0.0, 1.0, 3.0]

UNARY = {
    "negative": "-x", "positive": "x", "square": "x.square()", "sqrt pos": "x.sqrt()", "rsqrt pos": "x.rsqrt()", "reciprocal": "x.reciprocal()",
    "cbrt pos": "x.pow(1/3)", "exp": "x.exp()", "exp2": "x.exp2()", "expm1": "x.expm1()", "log pos": "x.log()", "log2 pos": "x.log2()",
    "log10 pos": "x.log10()", "log1p pos": "x.log1p()", "sin": "x.sin()", "cos": "x.cos()", "tan unit": "x.tan()", "asin unit": "x.asin()",
    "acos unit": "x.acos()", "atan": "x.atan()", "sinh": "x.sinh()", "cosh": "x.cosh()", "tanh": "x.tanh()", "asinh": "x.asinh()", "acosh big": "x.acosh()",
    "atanh unit": "x.atanh()", "sigmoid": "x.sigmoid()", "logsigmoid": "F.logsigmoid(x)", "softplus": "F.softplus(x)", "silu": "F.silu(x)", "mish": "F.mish(x)",
    "gelu": "F.gelu(x)", "erf": "x.erf()", "erfc": "x.erfc()", "erfinv unit": "x.erfinv()", "lgamma pos": "x.lgamma()", "sinc": "x.sinc()",
    "deg2rad": "x.deg2rad()", "rad2deg": "x.rad2deg()", "abs": "x.abs()", "relu": "x.relu()", "leaky_relu": "F.leaky_relu(x)", "elu": "F.elu(x)", "celu": "F.celu(x)",
    "selu": "F.selu(x)", "relu6": "F.relu6(x)", "hardtanh": "F.hardtanh(x)", "hardsigmoid": "F.hardsigmoid(x)", "hardswish": "F.hardswish(x)", "softsign": "F.softsign(x)",
    "frac": "x.frac()", "nan_to_num": "x.nan_to_num()", "logit pos": None, "clone": "x.clone()", "softmax": "x.softmax(-1)", "log_softmax": "x.log_softmax(-1)",
}
CASES = []


def case(command, expression, *operands):
    CASES.append((command, expression, operands))


for _name, _torch in UNARY.items():
    _op, _, _kind = _name.partition(" ")
    if _torch:
        case(f"op {_op} x", _torch, f"{_kind} 3,4" if _kind else (3, 4))
case("op logit x", "x.logit()", [0.1, 0.5, 0.9])
for _op, _torch in (("abs", "x.abs()"), ("relu", "x.relu()"), ("leaky_relu", "F.leaky_relu(x)"), ("elu", "F.elu(x)"), ("hardtanh", "F.hardtanh(x)"),
                    ("sign", "x.sign()"), ("floor", "x.floor()"), ("ceil", "x.ceil()"), ("trunc", "x.trunc()"), ("round", "x.round()"), ("sinc", "x.sinc()"),
                    ("sqrt", "x.sqrt()"), ("log", "x.log()"), ("celu", "F.celu(x)"), ("hardswish", "F.hardswish(x)")):
    case(f"op {_op} x", _torch, EDGE)
case("op gelu x --approximate tanh", "0.5*x*(1+(0.7978845608028654*(x+0.044715*x**3)).tanh())", (5,))
case("op nan_to_num x", "x.nan_to_num()", [1.0, NAN, INF, -INF])

for _op, _torch, _k in (("add", "x + y", ""), ("sub", "x - y", ""), ("mul", "x * y", ""), ("div", "x / y", "pos "), ("atan2", "x.atan2(y)", "pos "), ("hypot", "x.hypot(y)", "pos "),
                        ("logaddexp", "torch.logaddexp(x, y)", ""), ("logaddexp2", "torch.logaddexp2(x, y)", ""), ("maximum", "torch.maximum(x, y)", ""),
                        ("minimum", "torch.minimum(x, y)", ""), ("fmax", "torch.fmax(x, y)", ""), ("fmin", "torch.fmin(x, y)", ""), ("remainder", "x.remainder(y)", "pos "),
                        ("fmod", "x.fmod(y)", "pos "), ("copysign", "x.copysign(y)", ""), ("xlogy", "torch.xlogy(x, y)", "pos "), ("pow", "x.pow(y)", "pos ")):
    case(f"op {_op} x y", _torch, f"{_k}3,4", f"{_k}4")
    case(f"op {_op} x y", _torch, f"{_k}2,1,3", f"{_k}4,1")
for _op in ("maximum", "minimum", "fmax", "fmin"):
    case(f"op {_op} x y", f"torch.{_op}(x, y)", [1.0, 2.0, NAN, 4.0, NAN], [1.0, 3.0, 2.0, NAN, NAN])
case("op pow x 2", "x ** 2", (4,))
case("op pow x 0", "x ** 0", EDGE)
case("op pow x 0.5", "x ** 0.5", [0.0, 1.0, 4.0])
case("op pow x -1", "x ** -1", [1.0, 2.0, -4.0])
case("op pow 2 x", "2 ** x", (4,))
case("op pow x y", "x ** y", [0.0, 0.0, 2.0, -2.0, 0.0], [0.0, 2.0, 0.0, 2.0, 0.5])
case("op xlogy x y", "torch.xlogy(x, y)", [0.0, 0.0, 2.0], [1.0, 0.0, 3.0])
case("op hypot x y", "torch.hypot(x, y)", [0.0, 3.0], [0.0, 4.0])
case("op lerp x y --weight z", "torch.lerp(x, y, z)", (3,), (3,), (3,))
case("op addcmul x y z --value 2", "torch.addcmul(x, y, z, value=2)", (3,), (2, 3), (3,))
case("op addcdiv x y z --value 2", "torch.addcdiv(x, y, z, value=2)", (3,), (2, 3), "pos 3")
case("op where y x z", "torch.where(y > 0, x, z)", (3, 4), [1, 0, 1, 0], (4,))
case("op masked_fill x y --value 2", "x.masked_fill(y > 0, 2.0)", (3, 4), [1, 0, 1, 0])
case("op clip x --min -1 --max 1", "x.clamp(-1, 1)", EDGE)
case("op clip x --min 0", "x.clamp(min=0)", EDGE)
case("op clip x --max 1", "x.clamp(max=1)", EDGE)
case("op clip x --min 2 --max 1", "x.clamp(2, 1)", EDGE)
case("op clip x --min y --max z", "torch.clamp(x, y, z)", (6,), [-1.0] * 6, [0.5] * 6)
case("op astype x float32", "x.float()", (3,))

for _a, _t in (("", ""), ("--axis 1", "1"), ("--axis 0,2", "(0, 2)"), ("--axis -1 --keepdims", "-1, keepdim=True")):
    _d = f"({_t})" if _t else "()"
    case(f"reduce sum x {_a}", f"x.sum{_d}", (2, 3, 4))
    case(f"reduce mean x {_a}", f"x.mean{_d}", (2, 3, 4))
    _v = f"({_t}, unbiased=False)" if _t else "(unbiased=False)"
    case(f"reduce var x {_a}", f"x.var{_v}", (2, 3, 4))
    case(f"reduce std x {_a}", f"x.std{_v}", (2, 3, 4))
    case(f"reduce std x {_a} --correction 1", f"x.std{_v.replace('False', 'True', 1) if 'unbiased=False' in _v else _v}", (2, 3, 4))
    _l = _t or "(0, 1, 2)"
    case(f"reduce logsumexp x {_a}", f"x.logsumexp({_l})", (2, 3, 4))
    case(f"reduce amax x {_a}", f"x.amax({_l})", (2, 3, 4))
    case(f"reduce amin x {_a}", f"x.amin({_l})", (2, 3, 4))
    case(f"reduce nansum x {_a}", f"x.nansum{_d}", (2, 3, 4))
    case(f"reduce nanmean x {_a}", f"x.nanmean{_d}", (2, 3, 4))
    for _p in ("1", "2", "3", "0.5", "1.5", "inf"):
        case(f"reduce norm x {_a} --ord {_p}", f"torch.linalg.vector_norm(x, {_p.replace('inf', 'INF')}{', dim=' + _t if _t else ''})", (2, 3, 4))
for _a, _t in (("", ""), ("--axis 1", "1"), ("--axis -1 --keepdims", "-1, keepdim=True")):
    case(f"reduce prod x {_a}", f"x.prod({_t})", (2, 3, 4))
    case(f"reduce max x {_a}", f"x.max({_t}){'.values' if _t else ''}", (2, 3, 4))
    case(f"reduce min x {_a}", f"x.min({_t}){'.values' if _t else ''}", (2, 3, 4))
TIES = [1.0, 3.0, 3.0, 0.0, 0.0]
case("reduce max x", "x.max()", TIES)
case("reduce min x", "x.min()", TIES)
case("reduce max x --axis 0", "x.max(0).values", TIES)
case("reduce min x --axis 0", "x.min(0).values", TIES)
case("reduce amax x --axis 0", "x.amax(0)", TIES)
case("reduce max x", "x.max()", [1.0, NAN, NAN])
case("reduce amax x", "x.amax()", [1.0, NAN, NAN])
case("reduce norm x --ord inf", "torch.linalg.vector_norm(x, INF)", TIES)
for _p in ("1", "2", "3", "0.5"):
    case(f"reduce norm x --ord {_p}", f"torch.linalg.vector_norm(x, {_p})", [0.0, 0.0])
case("reduce prod x", "x.prod()", [2.0, 0.0, 3.0])
case("reduce prod x", "x.prod()", [2.0, 0.0, 0.0])
case("reduce std x", "x.std(unbiased=False)", [2.0, 2.0, 2.0])
case("reduce logsumexp x", "x.logsumexp(0)", [-INF, -INF])
case("reduce nansum x", "x.nansum()", [1.0, NAN, 2.0])
case("reduce ptp x --axis 1", "x.amax(1) - x.amin(1)", (3, 4))

case("op reshape x 6,2", "x.reshape(6, 2)", (3, 4))
case("op flatten x", "x.flatten()", (3, 4))
case("op squeeze x", "x.squeeze()", (3, 1, 4))
case("op unsqueeze x --axis 1", "x.unsqueeze(1)", (3, 4))
case("op permute x 2,0,1", "x.permute(2, 0, 1)", (2, 3, 4))
case("op transpose x", "x.permute(2, 1, 0)", (2, 3, 4))
case("op mT x", "x.mT", (2, 3, 4))
case("op swapaxes x 0,1", "x.swapaxes(0, 1)", (2, 3, 4))
case("op moveaxis x --source 0,1 --destination 2,0", "x.movedim((0, 1), (2, 0))", (2, 3, 4))
case("op broadcast_to x 2,3,4", "x.expand(2, 3, 4)", (3, 1))
case("op slice x 1:3,::-2", "x[1:3].flip(1)[:, ::2]", (4, 4))
case("op slice x 1,None,::2", "x[1, None, ::2]", (4, 4))
case("op slice_scatter x y --slice 1:3", "torch.cat([x[:1], y, x[3:]])", (4, 4), (2, 4))
case("op slice_scatter x y --slice :,0", "torch.cat([y[:, None], x[:, 1:]], 1)", (4, 3), (4,))
case("op flip x --axis 0", "x.flip(0)", (3, 4))
case("op flip x", "x.flip(0, 1)", (3, 4))
case("op roll x 2", "x.roll(2)", (3, 4))
case("op roll x --shift 1,-1 --axis 0,1", "x.roll((1, -1), (0, 1))", (3, 4))
case("op rot90 x", "x.rot90()", (3, 4))
case("op tile x 2,3", "x.tile(2, 3)", (3, 4))
case("op repeat x 2 --axis 1", "x.repeat_interleave(2, 1)", (3, 4))
case("op pad x 1,2,0,1", "F.pad(x, (0, 1, 1, 2))", (3, 4))
case("op tril x", "x.tril()", (4, 4))
case("op triu x --k 1", "x.triu(1)", (4, 4))
case("op diagonal x", "x.diagonal()", (4, 3))
case("op diag x", "x.diag()", (3,))
case("op diag x", "x.diag()", (3, 3))
case("op cat x y z --axis 1", "torch.cat([x, y, z], 1)", (2, 3), (2, 1), (2, 2))
case("op stack x y --axis 1", "torch.stack([x, y], 1)", (2, 3), (2, 3))
case("op hstack x y", "torch.hstack([x, y])", (2, 3), (2, 1))
case("op vstack x y", "torch.vstack([x, y])", (3,), (3,))
case("op index_select x y --axis 1", "x.index_select(1, y)", (3, 4), [0, 2, 2])
case("op take x y", "x.take(y)", (3, 4), [0, 5, 5, 11])
case("op gather x y --axis 1", "x.gather(1, y)", (2, 3), [[0, 0], [2, 1]])
case("op scatter x y z --axis 1", "x.scatter(1, y, z)", (2, 3), [[0, 1], [2, 1]], (2, 2))
case("op scatter_add x y z --axis 1", "x.scatter_add(1, y, z)", (2, 3), [[0, 0], [2, 1]], (2, 2))
case("op index_add x y z --axis 0", "x.index_add(0, y, z)", (3, 2), [0, 0], (2, 2))
case("op masked_select x y", "x.masked_select(y > 0)", (4,), "bool 1,0,1,1")
case("op cumsum x --axis 1", "x.cumsum(1)", (3, 4))
case("op cumsum x", "x.flatten().cumsum(0)", (3, 4))
case("op cumprod x --axis 1", "x.cumprod(1)", (3, 4))
case("op cumprod x", "x.cumprod(0)", [2.0, 3.0, 0.0, 4.0, 5.0])
case("op cumprod x", "x.cumprod(0)", [2.0, 0.0, 3.0, 0.0, 5.0])
case("op logcumsumexp x --axis 1", "x.logcumsumexp(1)", (3, 4))
case("op cummax x --axis 1", "x.cummax(1).values", (3, 4))
case("op cummin x --axis 1", "x.cummin(1).values", (3, 4))
case("op cummax x", "x.cummax(0).values", [1.0, 3.0, 3.0, 2.0, 3.0])
case("op diff x", "x.diff()", (3, 4))
case("op diff x --n 2 --axis 0", "x.diff(n=2, dim=0)", (4, 3))
case("op sort x", "x.sort().values", (3, 4))
case("op sort x --descending --axis 0", "x.sort(0, descending=True).values", (3, 4))
case("op sort x", "x.sort(stable=True).values", TIES)

case("matmul x y", "x @ y", (3, 4), (4, 5))
case("matmul x y", "x @ y", (4,), (4, 5))
case("matmul x y", "x @ y", (3, 4), (4,))
case("matmul x y", "x @ y", (4,), (4,))
case("matmul x y", "x @ y", (2, 3, 4), (4, 5))
case("matmul x y", "x @ y", (3, 4), (2, 4, 5))
case("matmul x y", "x @ y", (2, 1, 3, 4), (5, 4, 2))
case("matmul x y", "x @ y", (4,), (2, 4, 5))
case("matmul x y", "x @ y", (2, 3, 4), (4,))
case("op dot x y", "x.dot(y)", (4,), (4,))
case("op outer x y", "x.outer(y)", (3,), (4,))
case("op inner x y", "torch.inner(x, y)", (3, 4), (2, 4))
case("op vecdot x y", "(x * y).sum(-1)", (3, 4), (3, 4))
case("op tensordot x y 1", "torch.tensordot(x, y, 1)", (2, 3, 4), (4, 5))
case("op tensordot x y [[0,1],[1,0]]", "torch.tensordot(x, y, ([0, 1], [1, 0]))", (2, 3, 4), (3, 2, 5))
case("op einsum ij,jk->ik x y", "torch.einsum('ij,jk->ik', x, y)", (3, 4), (4, 5))
case("op einsum bij,bjk->bi x y", "torch.einsum('bij,bjk->bi', x, y)", (2, 3, 4), (2, 4, 5))
case("op einsum i,j x y", "torch.einsum('i,j', x, y)", (3,), (4,))
case("op einsum ij->j x", "torch.einsum('ij->j', x)", (3, 4))
case("op einsum ...ij,...jk->...ik x y", "torch.einsum('...ij,...jk->...ik', x, y)", (2, 3, 4), (2, 4, 5))
case("op cross x y", "torch.cross(x, y, dim=-1)", (2, 3), (2, 3))
case("op trace x", "x.trace()", (3, 4))
case("op softmax x --axis 0", "x.softmax(0)", (3, 4))
case("op log_softmax x --axis 0", "x.log_softmax(0)", (3, 4))

# in expressions: reuse, diamonds, long chains
case("eval exp(-x/y)*where(x>0,y,0)", "(-x/y).exp()*torch.where(x > 0, y, torch.zeros_like(y))", (5,), "pos 5")
case("eval x*x*x+x/x", "x*x*x+x/x", (4,))
case("eval (x@y).T[1:,::2].sum(axis=0)", "(x@y).T[1:, ::2].sum(0)", (3, 4), (4, 5))
case("eval " + "tanh(" * 20 + "x" + ")" * 20, "x" + ".tanh()" * 20, (3,))
case("eval softmax(x@y,axis=-1).max(axis=1)", "(x@y).softmax(-1).max(1).values", (3, 4), (4, 5))


def operands(command, specs):
    """The arrays, and which of them are indices; the same for every caller."""
    rng = np.random.default_rng(zlib.crc32(f"{command} {specs}".encode()))
    out = []
    for s in specs:
        if isinstance(s, list):
            a = np.array(s)
            out.append((a.astype(np.float64) if a.dtype.kind == "f" else a.astype(np.int64), a.dtype.kind != "f"))
            continue
        kind, _, shape = (s if isinstance(s, str) else " " + ",".join(map(str, s))).rpartition(" ")
        if kind == "bool":
            out.append((np.array([int(v) for v in shape.split(",")], bool), True))
            continue
        shape = tuple(int(v) for v in shape.split(",") if v)
        low, high = {"": (-2, 2), "pos": (0.3, 2), "unit": (-0.9, 0.9), "big": (1.2, 3)}[kind.strip()]
        out.append((rng.uniform(low, high, shape), False))
    return out


def weights(shape):
    """What the result is multiplied with before it is summed to the loss."""
    n = int(np.prod(shape))
    return (np.cos(np.arange(n) * 1.7) + 0.3).reshape(shape)
