#!/usr/bin/env bats
# Graphs: what is recorded, what gradients make of it, and PyTorch's rules for ops in place.

load helper

setup() {
	mkdir "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || return 1
	export TENSOR_GRAPH=g.json
}

# NumPy's value of an expression of the files' names: near dw.npy '2 * w'
near() {
	numpy 'import glob, os
env = {os.path.basename(f)[:-4].replace(".", "_").replace("-", "_"): np.load(f) for f in glob.glob("*.npy")}
x, w = np.load(sys.argv[2]), np.asarray(eval(sys.argv[3], dict(env, np=np)))
assert x.shape == w.shape and np.allclose(x, w, rtol=1e-12, atol=1e-14), (x, w)' "$1" "$2"
}

leaf() { # NAME SHAPE [SEED]: a leaf that requires grad
	tensor create randn "$2" --seed "${3:-1}" --requires-grad -o "$1.npy"
}

# The nodes of the document, for a Python expression: nodes 'len(n) == 3'
nodes() {
	numpy 'd = json.load(open("g.json")); n = [x for x in d["nodes"] if x["op"] != "amend"]
assert eval(sys.argv[2]), n' "$1"
}

@test "nothing is recorded without a graph, and files stay plain with one" {
	(
		unset TENSOR_GRAPH
		tensor create randn 3 --seed 1 -o a.npy
		tensor op exp a.npy -o b.npy
		only a.npy b.npy
		run -2 --separate-stderr tensor create zeros 3 --requires-grad -o c.npy
		message "tensor create: --requires-grad is recorded in a graph: name one with --graph FILE or TENSOR_GRAPH"
		run -2 --separate-stderr tensor op exp a.npy --save
		message "tensor op: --save keeps values for a graph: name one with --graph FILE or TENSOR_GRAPH"
		run -2 --separate-stderr tensor grad b.npy
		message "tensor grad: which graph? name it with --graph FILE or TENSOR_GRAPH"
	)
	tensor create randn 3 --seed 1 -o c.npy
	tensor op exp c.npy -o d.npy
	cmp a.npy c.npy
	cmp b.npy d.npy
	tensor op exp c.npy >e.npy
	cmp d.npy e.npy
	only a.npy b.npy c.npy d.npy e.npy g.json
	nodes '[x["op"] for x in n] == ["randn", "exp", "exp"] and n[0]["attr"]["seed"] == "1" and n[1]["in"] == [0] and n[2]["out"] == "e.npy"'
	# An empty variable is none; the option wins.
	TENSOR_GRAPH='' tensor op exp c.npy -o d.npy
	tensor op sin c.npy -o f.npy --graph other.json
	nodes 'len(n) == 3'
	numpy 'd = json.load(open("other.json")); assert [x["op"] for x in d["nodes"]] == ["leaf", "sin"] and d["nodes"][0]["out"] == "c.npy", d'
}

@test "gradients through pipes, tee, gzip, FIFOs, subshells and redirects" {
	leaf w 4
	tensor op exp w.npy | tensor op mul - w.npy | cat | tee copy.npy | gzip | gunzip | (tensor op sin -) | dd status=none | tensor reduce sum - -o loss.npy
	tensor grad loss.npy w.npy -o dw.npy
	near dw.npy 'np.cos(np.exp(w) * w) * np.exp(w) * (1 + w)'
	# What tee left has its tag, and is known by it.
	tensor reduce sum copy.npy -o l2.npy
	tensor grad l2.npy w.npy -o dw2.npy
	near dw2.npy 'np.exp(w) * (1 + w)'
	mkfifo fifo
	tensor op square w.npy >fifo &
	tensor reduce sum fifo -o l3.npy
	wait
	tensor grad l3.npy w.npy -o dw3.npy
	near dw3.npy '2 * w'
	tensor op mul <(tensor op exp w.npy) <(tensor op cos w.npy) | tensor reduce mean - >l4.npy
	tensor grad l4.npy w.npy >dw4.npy
	near dw4.npy 'np.exp(w) * (np.cos(w) - np.sin(w)) / 4'
	tensor op cube w.npy 2>/dev/null || tensor op power w.npy 3 >p.npy
	tensor reduce sum p.npy | tensor grad - w.npy -o dw5.npy
	near dw5.npy '3 * w ** 2'
	# Two arrays in one stream.
	{ tensor op exp w.npy; tensor op sin w.npy; } | tensor op sub - - | tensor reduce sum - | tensor grad - w.npy -o dw6.npy
	near dw6.npy 'np.exp(w) - np.cos(w)'
	# convert removes the tag.
	tensor convert copy.npy --detach -o plain.npy --no-grad
	! grep -q tensor: plain.npy
	grep -q tensor: copy.npy
	numpy 'assert (np.load("copy.npy") == np.load("plain.npy")).all()'
}

@test "outputs: one or several, an archive, standard output, NAME.grad.npy" {
	leaf a 3 1
	leaf b 3 2
	tensor eval 'sum(a * b * b)' a=a.npy b=b.npy -o loss.npy
	tensor grad loss.npy a.npy b.npy -o da.npy -o db.npy
	near da.npy 'b * b'
	near db.npy '2 * a * b'
	tensor grad loss.npy a.npy b.npy -o g.npz
	tensor compare g.npz:a da.npy --exact
	tensor compare g.npz:b db.npy --exact
	tensor grad loss.npy
	near a.grad.npy 'b * b'
	near b.grad.npy '2 * a * b'
	tensor grad loss.npy b.npy | tensor compare - db.npy --exact
	tensor grad loss.npy a.npy b.npy -o 'd_{}.npy'
	near d_b.npy '2 * a * b'
	run -2 --separate-stderr tensor grad loss.npy a.npy b.npy
	message "tensor grad: 2 gradients: name a file for each with -o, or one .npz"
	run -2 --separate-stderr tensor grad loss.npy a.npy b.npy -o x.npy -o y.npy -o z.npy
	message "tensor grad: 3 -o for 2 gradients"
	run -2 --separate-stderr tensor grad loss.npy a.npy b.npy -o x.npy
	message "tensor grad: 2 gradients and one -o: use an .npz, or -o for each"
	mkdir sub
	(cd sub && tensor grad ../loss.npy --graph ../g.json)
	[ ! -e sub/a.grad.npy ]
	# Gradients are constants.
	nodes 'not any(x["out"] in ("da.npy", "a.grad.npy") for x in n)'
}

@test "--grad-output, --accumulate, --allow-unused" {
	leaf w 2,3
	leaf unused 2
	tensor op exp w.npy -o y.npy
	run -4 --separate-stderr tensor grad y.npy w.npy -o dw.npy
	message "tensor grad: y.npy (2, 3): grad can be implicitly created only for scalar outputs; --grad-output FILE weights the elements"
	numpy 'np.save("v.npy", np.arange(6.).reshape(2, 3)); np.save("bad.npy", np.zeros(3))'
	tensor grad y.npy w.npy --grad-output v.npy -o dw.npy
	near dw.npy 'v * np.exp(w)'
	tensor grad y.npy w.npy --grad-output 3 -o dw.npy
	near dw.npy '3 * np.exp(w)'
	run -4 --separate-stderr tensor grad y.npy w.npy --grad-output bad.npy -o dw.npy
	message "tensor grad: Mismatch in shape: grad_output?0? (bad.npy) has a shape of (3,) and output?0? (y.npy) has a shape of (2, 3)"
	tensor grad y.npy w.npy --grad-output v.npy -o acc.npy --accumulate
	tensor grad y.npy w.npy --grad-output 3 -o acc.npy --accumulate
	near acc.npy '(v + 3) * np.exp(w)'
	tensor reduce sum y.npy -o loss.npy
	run -4 --separate-stderr tensor grad loss.npy unused.npy -o du.npy
	message "tensor grad: unused.npy: One of the differentiated Tensors appears to not have been used in the graph. Set --allow-unused if this is the desired behavior."
	tensor grad loss.npy unused.npy --allow-unused -o du.npy
	holds du.npy '[0., 0.]'
	numpy 'np.save("wrong.npy", np.zeros(5))'
	run -4 --separate-stderr tensor grad loss.npy w.npy --accumulate -o wrong.npy
	holds wrong.npy 'np.zeros(5)'
}

@test "--accumulate from ten processes at once loses nothing" {
	leaf w 3
	tensor reduce sum w.npy -o loss.npy
	for _ in $(seq 10); do
		tensor grad loss.npy w.npy --accumulate -o acc.npy &
	done
	wait
	holds acc.npy '[10., 10, 10]'
}

@test "what requires grad: leaves, results, integers, --off, detach, --no-grad" {
	tensor create arange 3 -o i.npy
	run -4 --separate-stderr tensor graph require i.npy
	message "tensor graph: i.npy is int64: only Tensors of floating point and complex dtype can require gradients"
	run -4 --separate-stderr tensor create arange 3 --requires-grad -o j.npy
	message "tensor create: only Tensors of floating point and complex dtype can require gradients, not int64"
	[ ! -e j.npy ]
	tensor create linspace 1 2 3 -o w.npy
	tensor op exp w.npy -o y.npy
	tensor reduce sum y.npy -o loss.npy
	run -4 --separate-stderr tensor grad loss.npy w.npy -o dw.npy
	message "tensor grad: loss.npy: element 0 of tensors does not require grad and does not have a grad_fn (nothing it was made from requires grad: *"
	tensor graph require w.npy
	tensor graph require w.npy
	tensor op exp w.npy -o y.npy
	tensor reduce sum y.npy -o loss.npy
	tensor grad loss.npy w.npy -o dw.npy
	near dw.npy 'np.exp(w)'
	nodes 'sum(x["op"] == "leaf" for x in n) == 1'
	run -4 --separate-stderr tensor graph require --off y.npy
	message "tensor graph: y.npy: you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that doesn't require differentiation use 'tensor op detach'"
	tensor op detach y.npy | tensor op mul - w.npy | tensor reduce sum - -o l2.npy
	tensor grad l2.npy w.npy -o d2.npy
	near d2.npy 'np.exp(w)'
	tensor op mul y.npy 2 --no-grad | tensor reduce sum - -o l3.npy
	run -4 --separate-stderr tensor grad l3.npy w.npy -o d3.npy
	message "tensor grad: l3.npy: element 0 of tensors does not require grad and does not have a grad_fn (no gradient flows through node * mul under --no-grad)"
	tensor op greater y.npy 2 | tensor op where - y.npy 0 | tensor reduce sum - -o l4.npy
	tensor grad l4.npy w.npy -o d4.npy
	near d4.npy 'np.where(y > 2, np.exp(w), 0)'
	run -4 --separate-stderr tensor grad l4.npy i.npy -o d5.npy
	message "tensor grad: i.npy is int64: only Tensors of floating point and complex dtype can require gradients"
	tensor graph require --off w.npy
	tensor op exp w.npy | tensor reduce sum - -o l5.npy
	run -4 tensor grad l5.npy w.npy -o d5.npy
	run -2 --separate-stderr tensor graph require w.npy@0
	message "tensor graph: w.npy@0: name the whole array, without a slice"
	run -3 --separate-stderr tensor graph require nothing.npy
}

@test "zeros_like and its kin have no history; they can be leaves" {
	leaf w 3
	tensor create rand_like w.npy --seed 3 | tensor reduce sum - -o s.npy
	nodes '[x["op"] for x in n if x.get("rg")] == ["randn"]'
	run -4 --separate-stderr tensor grad s.npy w.npy -o d.npy
	tensor create ones_like w.npy --requires-grad -o p.npy
	run -4 --separate-stderr tensor op add_ p.npy 1
	message "tensor op: p.npy: a leaf Variable that requires grad is being used in an in-place operation.*"
	tensor op mul w.npy p.npy | tensor reduce sum - -o loss.npy
	tensor grad loss.npy
	near p.grad.npy w
	near w.grad.npy p
	run -0 tensor graph show p.npy
	[[ "$output" == *' leaf  p.npy' ]]
}

@test "a clone, a result that is computed twice, a result under --no-grad: each is a tensor of its own" {
	leaf w 3
	tensor op clone w.npy -o c.npy
	tensor op mul c.npy w.npy | tensor reduce sum - -o l1.npy
	tensor grad l1.npy c.npy -o d1.npy
	near d1.npy w
	tensor grad l1.npy w.npy -o d2.npy
	near d2.npy '2 * w'
	tensor op mul w.npy 2 -o y1.npy
	tensor op mul w.npy 2 -o y2.npy
	tensor op mul y1.npy y2.npy | tensor reduce sum - -o l2.npy
	tensor grad l2.npy y1.npy -o d3.npy
	near d3.npy '2 * w'
	tensor op mul w.npy 2 --no-grad | tensor op mul - y1.npy | tensor op mul - w.npy | tensor reduce sum - -o l3.npy
	tensor grad l3.npy w.npy -o d4.npy
	near d4.npy '8 * w ** 2'
}

# == in place: the table of PyTorch's rules ==

@test "in place on a leaf that requires grad, and on views of it" {
	leaf w 4
	cp w.npy before.npy
	for command in 'add_ w.npy 1' 'zero_ w.npy' 'mul_ w.npy w.npy'; do
		read -ra words <<<"$command"
		run -4 --separate-stderr tensor op "${words[@]}"
		message "tensor op: w.npy: a leaf Variable that requires grad is being used in an in-place operation. (--no-grad writes it without recording gradients)"
	done
	run -4 --separate-stderr tensor op add_ w.npy@1:3 1
	message "tensor op: w.npy@1:3: a view of a leaf Variable that requires grad is being used in an in-place operation. *"
	tensor op slice w.npy 1:3 --view -o v.view.json
	run -4 --separate-stderr tensor op add_ v.view.json 1
	message "tensor op: v.view.json: a view of a leaf Variable that requires grad is being used in an in-place operation. *"
	tensor op flip v.view.json --view -o v2.view.json
	run -4 --separate-stderr tensor op add_ v2.view.json 1
	message "tensor op: v2.view.json: a view of a leaf Variable that requires grad is being used in an in-place operation. *"
	cmp w.npy before.npy
	# Gradients flow through views.
	tensor op mul v2.view.json w.npy@0 | tensor reduce sum - -o loss.npy
	tensor grad loss.npy w.npy -o dw.npy
	near dw.npy 'np.array([w[1] + w[2], w[0], w[0], 0])'
}

@test "--no-grad writes a leaf; a loss that saved the old value is refused, another is not" {
	numpy 'np.save("w.npy", np.array([0.5, 1, 2]))'
	tensor graph require w.npy
	tensor op sin w.npy | tensor reduce sum - -o saved.npy
	tensor reduce sum w.npy -o free.npy
	cp w.npy old.npy
	tensor op mul_ w.npy 2 --no-grad
	near w.npy '2 * old'
	run -4 --separate-stderr tensor grad saved.npy w.npy -o dw.npy
	message "tensor grad: one of the variables needed for gradient computation has been modified by an inplace operation: w.npy: node 1 (sin) saved it; node * (mul_) wrote it (--recompute computes it again)"
	[ ! -e dw.npy ]
	run -4 --separate-stderr tensor grad saved.npy w.npy -o dw.npy --recompute
	message "tensor grad: w.npy: node * (mul_, in place) has overwritten the values of node 0 (leaf), and they are needed: keep a copy under another name"
	tensor grad free.npy w.npy -o dw.npy
	holds dw.npy '[1., 1, 1]'
	# Training: the loss of the next step is of the new value.
	tensor op square w.npy | tensor reduce sum - -o l2.npy
	tensor grad l2.npy w.npy -o dw.npy
	near dw.npy '2 * w'
	nodes 'n[-1]["rg"] == 1 and [x["ver"] for x in n if "ver" in x] == [1]'
}

@test "in place on results: fine where nothing saved them, else refused, naming both nodes; --recompute" {
	leaf w 3
	# exp saves its result.
	tensor op exp w.npy -o h.npy
	tensor op add_ h.npy 1
	tensor reduce sum h.npy -o loss.npy
	run -4 --separate-stderr tensor grad loss.npy w.npy -o dw.npy
	message "tensor grad: one of the variables needed for gradient computation has been modified by an inplace operation: h.npy: node 1 (exp) saved it; node 2 (add_) wrote it (--recompute computes it again)"
	[ ! -e dw.npy ]
	tensor grad loss.npy w.npy --recompute -o dw.npy
	near dw.npy 'np.exp(w)'
	# sin saves its operand, not its result; add saves nothing; mul_ by a number saves nothing.
	tensor op sin w.npy -o s.npy
	tensor op mul_ s.npy 3
	tensor op add_ s.npy w.npy
	tensor reduce sum s.npy -o l2.npy
	tensor grad l2.npy w.npy -o d2.npy
	near d2.npy '3 * np.cos(w) + 1'
	tensor grad l2.npy w.npy --check
	# An operand that was saved.
	tensor op cos w.npy -o c.npy
	tensor op exp w.npy -o e.npy
	tensor op mul c.npy e.npy -o m.npy
	tensor op neg_ c.npy
	tensor reduce sum m.npy -o l3.npy
	run -4 --separate-stderr tensor grad l3.npy w.npy -o d3.npy
	message "*modified by an inplace operation: c.npy: node * (mul) saved it; node * (neg_) wrote it (--recompute computes it again)"
	tensor grad l3.npy w.npy -o d3.npy --recompute
	near d3.npy '(np.cos(w) - np.sin(w)) * np.exp(w)'
	# Through a slice.
	tensor op sin w.npy -o t.npy
	tensor op mul_ t.npy@1: 5
	tensor op square t.npy | tensor reduce sum - -o l4.npy
	tensor grad l4.npy w.npy -o d4.npy
	near d4.npy '2 * np.sin(w) * np.cos(w) * np.array([1, 25, 25])'
	tensor grad l4.npy w.npy --check
	# copy_, fill_, zero_
	tensor op sin w.npy -o u.npy
	tensor op copy_ u.npy@0 w.npy@2
	tensor op fill_ u.npy@1 7
	tensor reduce sum u.npy -o l5.npy
	tensor grad l5.npy w.npy -o d5.npy
	near d5.npy 'np.array([0, 0, np.cos(w[2]) + 1])'
}

@test "a plain tensor becomes a result by an op in place; under --no-grad a result stays what it was" {
	leaf w 3
	tensor create linspace 1 2 3 -o p.npy
	cp p.npy p0.npy
	tensor op mul_ p.npy w.npy
	tensor reduce sum p.npy -o loss.npy
	tensor grad loss.npy w.npy -o dw.npy
	near dw.npy p0
	tensor op sin w.npy -o s.npy
	tensor op mul_ s.npy 3 --no-grad
	tensor reduce sum s.npy -o l2.npy
	tensor grad l2.npy w.npy -o d2.npy
	near d2.npy 'np.cos(w)'
	tensor op square s.npy | tensor reduce sum - -o l3.npy
	tensor grad l3.npy w.npy -o d3.npy
	near d3.npy '6 * np.sin(w) * np.cos(w)'
}

@test "in place: shapes and types that do not fit change nothing and record nothing" {
	leaf w 2,3
	tensor create zeros 3 -o z.npy
	tensor create zeros 3 --dtype int64 -o i.npy
	cp g.json before.json
	run -4 --separate-stderr tensor op add_ z.npy w.npy
	message "tensor op: z.npy: output with shape (3,) doesn't match the broadcast shape (2, 3)"
	run -4 --separate-stderr tensor op add_ i.npy z.npy
	message "tensor op: i.npy: result type Double can't be cast to the desired output type Long (float64 to int64)"
	cmp g.json before.json
	holds z.npy '[0., 0, 0]'
}

@test "a file that another program changed is refused, also with an old time or through mmap" {
	leaf w 1000
	tensor op exp w.npy | tensor reduce sum - -o loss.npy
	touch -r w.npy time
	numpy 'x = np.load("w.npy", mmap_mode="r+"); x[500] = 7; x.flush()'
	touch -r time w.npy
	run -4 --separate-stderr tensor grad loss.npy w.npy -o dw.npy
	message "tensor grad: w.npy changed on disk since node 0 (randn); 'tensor graph require w.npy' takes it as it is now"
	touch w.npy
	run -4 --separate-stderr tensor op exp w.npy -o y.npy
	message "tensor op: w.npy changed on disk since node 0 (randn); 'tensor graph require w.npy' takes it as it is now"
	[ ! -e y.npy ]
	tensor graph require w.npy
	tensor op exp w.npy | tensor reduce sum - -o loss.npy
	tensor grad loss.npy w.npy -o dw.npy
	near dw.npy 'np.exp(w)'
	# A result that was changed: its values are needed.
	tensor op exp w.npy -o h.npy
	tensor reduce sum h.npy -o l2.npy
	numpy 'np.save("h.npy", np.zeros(1000))'
	run -4 --separate-stderr tensor grad l2.npy w.npy -o dw2.npy
	message "tensor grad: h.npy changed on disk since node * (exp); *"
	# Written again as it was: fine.
	tensor grad l2.npy w.npy --recompute -o dw2.npy
	near dw2.npy 'np.exp(w)'
	TENSOR_GRAPH='' tensor op exp w.npy -o h.npy
	tensor grad l2.npy w.npy -o dw3.npy
	cmp dw2.npy dw3.npy
	# Another dtype or shape, bytes that are the same
	numpy 'x = np.load("h.npy"); np.save("h.npy", x.reshape(10, 100))'
	run -4 --separate-stderr tensor grad l2.npy w.npy -o dw4.npy
	rm h.npy
	tensor grad l2.npy w.npy -o dw4.npy
	cmp dw2.npy dw4.npy
	# A missing leaf cannot be made again; one that was drawn can.
	tensor graph verify >/dev/null || true
	mv w.npy elsewhere.npy
	run -4 --separate-stderr tensor grad l2.npy --grad-output 1 -o dw5.npy
	[ ! -e dw5.npy ]
}

@test "values that cannot be had: piped and overwritten, and --save" {
	leaf w 3
	numpy 'np.save("x.npy", np.array([0.5, 1, 2]))'
	cp x.npy x0.npy
	tensor op exp x.npy | tensor op mul - w.npy | tensor reduce sum - -o loss.npy
	tensor grad loss.npy w.npy -o dw.npy
	near dw.npy 'np.exp(x0)'
	tensor create zeros 3 -o x.npy
	run -4 --separate-stderr tensor grad loss.npy w.npy -o dw2.npy
	message "tensor grad: x.npy: node * (zeros) has overwritten the values of node * (leaf), and they are needed: keep a copy under another name"
	# What was drawn is drawn again.
	tensor create randn 3 --seed 5 -o r.npy
	cp r.npy r0.npy
	tensor op exp r.npy | tensor op mul - w.npy | tensor reduce sum - -o l2.npy
	tensor create zeros 3 -o r.npy
	tensor grad l2.npy w.npy -o d2.npy
	near d2.npy 'np.exp(r0)'
	tensor op exp x0.npy --save | tensor op mul - w.npy | tensor reduce sum - -o loss.npy
	rm x0.npy
	tensor grad loss.npy w.npy -o dw2.npy
	cmp dw.npy dw2.npy
	ls g.json.d/*.npy
	nodes 'any(x["out"] == "g.json.d/%d.npy" % x["id"] and x["op"] == "exp" for x in n)'
}

@test "convert of a tensor that requires grad wants --detach" {
	leaf w 3
	run -4 --separate-stderr tensor convert w.npy -o w.csv
	message "tensor convert: w.npy: Can't call numpy() on Tensor that requires grad. Use 'tensor convert --detach' instead"
	[ ! -e w.csv ]
	for words in 'w.npy --dtype float32' 'w.npy@0:2' 'w.npy@::-1 --dtype float16'; do
		# shellcheck disable=SC2086 # a list of words
		run -4 --separate-stderr tensor convert $words -o no.npy
		message "tensor convert: *w.npy*: Can't call numpy() on Tensor that requires grad. Use 'tensor convert --detach' instead"
	done
	tensor convert w.npy@0:2 --dtype float32 --detach -o half.npy
	tensor op exp half.npy | tensor reduce sum - -o loss.npy
	run -4 --separate-stderr tensor grad loss.npy w.npy
	tensor convert w.npy --detach -o w.csv
	tensor convert w.npy -o w.raw --to raw --detach
	tensor op detach w.npy -o plain.npy
	tensor convert plain.npy -o p.csv
	cmp w.csv p.csv
}

@test "zero gradients warn, ops without gradients fail, both by name" {
	leaf w 3
	tensor op floor w.npy | tensor op mul - w.npy | tensor reduce sum - -o loss.npy
	run -0 --separate-stderr tensor grad loss.npy w.npy -o dw.npy
	message "tensor grad: the gradient of 'floor' is zero everywhere: what flows through node 1 (floor) stops there"
	near dw.npy 'np.floor(w)'
	run -0 --separate-stderr tensor grad loss.npy w.npy -o dw.npy -q
	message ''
	tensor op heaviside w.npy 1 | tensor reduce sum - -o l2.npy
	run -4 --separate-stderr tensor grad l2.npy w.npy -o d2.npy
	message "tensor grad: node * (heaviside): the derivative for 'heaviside' is not implemented"
	[ ! -e d2.npy ]
}

@test "half floats: gradients are carried in float32 and rounded once" {
	for dtype in float16 bfloat16; do
		tensor create full 2049 0.1 --dtype $dtype -o x.npy
		tensor create ones 1 --dtype $dtype --requires-grad -o w.npy
		# Each of 2049 contributions to w; in float16 a running sum would stop at 256.
		tensor op mul x.npy w.npy | tensor reduce sum - -o loss.npy
		tensor grad loss.npy w.npy -o dw.npy
		run -0 tensor info dw.npy --field dtype
		output_is $dtype
		TENSOR_GRAPH='' tensor convert x.npy --dtype float64 -o x64.npy
		TENSOR_GRAPH='' tensor reduce sum x64.npy | TENSOR_GRAPH='' tensor op reshape - 1 | TENSOR_GRAPH='' tensor convert - --dtype $dtype --casting unsafe -o want.npy
		TENSOR_GRAPH='' tensor compare dw.npy want.npy --exact
	done
}

@test "second derivatives: --create-graph, grad of grad, Hessian-vector products" {
	leaf x 4
	tensor op power x.npy 3 | tensor reduce sum - -o y.npy
	tensor grad y.npy x.npy --create-graph -o dx.npy
	near dx.npy '3 * x ** 2'
	tensor reduce sum dx.npy -o s.npy
	tensor grad s.npy x.npy --create-graph -o ddx.npy
	near ddx.npy '6 * x'
	tensor grad ddx.npy x.npy --grad-output 1 -o dddx.npy
	holds dddx.npy '[6., 6, 6, 6]'
	# Through a pipe, with other uses of x in between.
	tensor grad y.npy x.npy --create-graph | tensor op mul - x.npy | tensor reduce sum - | tensor grad - x.npy -o h.npy
	near h.npy '9 * x ** 2'
	# Without --create-graph the gradient is a constant.
	tensor grad y.npy x.npy -o c.npy
	tensor reduce sum c.npy -o s2.npy
	run -4 --separate-stderr tensor grad s2.npy x.npy -o no.npy
	message "tensor grad: s2.npy: element 0 of tensors does not require grad*"
}

@test "grad --check tells where gradients and differences disagree" {
	leaf x 3,2
	tensor op exp x.npy | tensor op mul - x.npy | tensor reduce sum - -o y.npy
	run -0 tensor grad y.npy x.npy --check
	output_is 'x.npy: 6 of 6 elements: agrees with central differences within 1e-07 + 1e-05 * |value|'
	# The gradient of a jump is zero; differences across it are not.
	numpy 'np.save("j.npy", np.array([0.5, 1.0, 1.5]))'
	tensor graph require j.npy
	tensor op floor j.npy | tensor reduce sum - -o f.npy
	run -1 --separate-stderr tensor grad f.npy j.npy --check
	[[ "$output" == 'j.npy: 3 of 3 elements: DIFFERS, worst at [1]: gradient 0, differences '* ]]
	run -2 --separate-stderr tensor grad y.npy x.npy --check -o z.npy
	message "tensor grad: --check prints a report; -o does not go with it"
}

@test "several results of one op, operands of attributes, archives, slices, literals" {
	leaf x 3,4
	tensor op split x.npy 2 --axis 1 -o 'p{}.npy'
	tensor op mul p0.npy p1.npy | tensor reduce sum - -o loss.npy
	tensor grad loss.npy x.npy -o dx.npy
	near dx.npy 'np.concatenate([x[:, 2:], x[:, :2]], 1)'
	tensor op topk x.npy 2 -o top.npz
	tensor reduce sum top.npz:values -o l2.npy
	tensor grad l2.npy x.npy -o d2.npy
	numpy 'x = np.load("x.npy"); w = np.zeros_like(x); np.put_along_axis(w, np.argsort(-x, 1)[:, :2], 1, 1); assert (np.load("d2.npy") == w).all()'
	leaf lo ''\(\)
	tensor op clip x.npy --min lo.npy --max 1 | tensor reduce sum - -o l3.npy
	tensor grad l3.npy x.npy lo.npy -o dx3.npy -o dlo.npy
	near dx3.npy '1.0 * ((x >= lo) & (x <= 1))'
	near dlo.npy '1.0 * (x < lo).sum()'
	tensor create array '[[1, 2], [3, 4]]' --dtype float64 --requires-grad -o m.npy
	tensor matmul m.npy m.npy | tensor op mul - m.npy@0 | tensor reduce sum - -o l4.npy
	tensor grad l4.npy m.npy --check
	numpy 'np.savez("w.npz", a=np.arange(3.), b=np.ones(3))'
	tensor graph require w.npz:a w.npz:b
	tensor op mul w.npz:a w.npz:b | tensor reduce sum - -o l5.npy
	tensor grad l5.npy -q
	holds w.a.grad.npy '[1., 1, 1]'
	holds w.b.grad.npy '[0., 1, 2]'
}

@test "what several threads write in tiles of any size has the hash of its values" {
	tensor create rand 3000,1000 -o x.npy
	tensor graph require x.npy
	for words in 'op cumsum x.npy --axis 1' 'op cumprod x.npy --axis 0' 'op transpose x.npy' 'op cumsum x.npy@:,::3 --axis 1' 'reduce sum x.npy --axis 1' 'op astype x.npy float16'; do
		for tile in '' 64 960 5056; do
			rm -f y.npy
			# shellcheck disable=SC2086
			TENSOR_TILE=$tile tensor $words -o y.npy --threads 3
			run -0 tensor graph verify y.npy
		done
	done
}

@test "graph show, dot, verify" {
	leaf w 2,3
	tensor create arange 3 --dtype float64 -o x.npy
	tensor op mul w.npy x.npy | tensor reduce sum - -o loss.npy
	run -0 tensor graph show
	output_is 'id  op      of   array           grad  file
 0  randn        float64 (2, 3)  leaf  w.npy
 1  arange       float64 (3,)          x.npy
 2  mul     0 1  float64 (2, 3)  grad
 4  sum     2    float64 ()      grad  loss.npy'
	run -0 tensor graph show x.npy
	output_is 'id  op      of  array         grad  file
 1  arange      float64 (3,)        x.npy'
	run -0 tensor graph dot
	[[ "$output" == 'digraph tensor {'*'n0 -> n2'*'n1 -> n2'*'n2 -> n4'*'}' ]]
	run -0 tensor graph verify
	output_is '3 files as recorded, 0 changed or gone'
	numpy 'np.save("x.npy", np.zeros(3))'
	rm loss.npy
	run -1 tensor graph verify
	output_is 'x.npy: changed (node 1, arange)
loss.npy: is gone (node 4, sum)
1 file as recorded, 2 changed or gone'
	tensor op mul_ w.npy 2 --no-grad
	run -0 tensor graph verify w.npy
	run -4 --separate-stderr tensor graph show nothing.npy
	message "tensor graph: nothing.npy is not in the graph *"
	run -2 --separate-stderr tensor graph
	message "tensor graph: a subcommand is missing: require, show, dot, verify, prune or replay"
	run -2 --separate-stderr tensor graph frobnicate
	run -3 --separate-stderr tensor graph show --graph none.json
	[ ! -e none.json ]
}

@test "graph replay: the same bits, other leaves, nothing recorded" {
	leaf w 100,3
	tensor create rand 100,3 --seed 3 -o x.npy
	tensor op exp x.npy | tensor op mul - w.npy -o y.npy
	tensor op dropout y.npy --seed 4 | tensor reduce sum - --axis 0 -o z.npy
	cp g.json before.json
	tensor graph replay z.npy -o again.npy
	cmp z.npy again.npy
	tensor graph replay -o again.npy
	cmp z.npy again.npy
	tensor graph replay z.npy y.npy -o a.npy -o b.npy
	cmp z.npy a.npy
	cmp y.npy b.npy
	numpy 'np.save("x2.npy", np.ones((100, 3)))'
	tensor graph replay y.npy --set x.npy=x2.npy -o y2.npy
	near y2.npy 'w * np.e'
	# Another length
	numpy 'np.save("x3.npy", np.ones((1, 3)))'
	tensor graph replay y.npy --set x.npy=x3.npy -o y3.npy
	cmp g.json before.json
	run -2 --separate-stderr tensor graph replay y.npy --set x.npy -o y4.npy
	run -4 --separate-stderr tensor graph replay y.npy --set nothing.npy=x2.npy -o y4.npy
	message "tensor graph: --set nothing.npy: it is not in the graph"
	# What was written in place is computed from its first version.
	tensor op sin w.npy -o s.npy
	tensor op mul_ s.npy 3
	tensor op add_ s.npy@0 1
	tensor graph replay s.npy | TENSOR_GRAPH='' tensor compare - s.npy --exact
}

@test "graph prune keeps what files need, and their numbers" {
	leaf w 3
	for i in $(seq 20); do
		tensor op mul w.npy "$i" | tensor reduce sum - -o loss.npy
	done
	tensor grad loss.npy w.npy -o before.npy
	before=$(wc -l <g.json)
	tensor graph prune
	[ "$(wc -l <g.json)" -lt $((before / 4)) ]
	nodes 'len(n) == 3'
	tensor grad loss.npy w.npy -o after.npy
	cmp before.npy after.npy
	tensor op exp w.npy | tensor reduce sum - -o l2.npy
	tensor grad l2.npy w.npy -o d.npy
	near d.npy 'np.exp(w)'
	nodes '[x["id"] for x in n] == sorted({x["id"] for x in n})'
	only after.npy before.npy d.npy g.json l2.npy loss.npy w.npy
}

@test "paths: other directories, absolute ones, links, odd names" {
	mkdir a b
	leaf a/w 3
	(cd a && tensor op exp w.npy -o ../b/y.npy --graph ../g.json)
	tensor reduce sum "$PWD/b/y.npy" -o b/loss.npy
	ln -s ../a/w.npy b/link.npy
	tensor grad b/loss.npy b/link.npy -o dw.npy
	numpy 'assert np.allclose(np.load("dw.npy"), np.exp(np.load("a/w.npy")))'
	nodes '{x["out"] for x in n} == {"a/w.npy", "b/y.npy", "b/loss.npy"}'
	(cd a && tensor grad ../b/loss.npy --graph ../g.json)
	[ -e a/w.grad.npy ]
	# The whole tree can move.
	mkdir moved && mv a b g.json moved/
	tensor grad moved/b/loss.npy moved/a/w.npy --graph moved/g.json -o dw2.npy
	cmp dw.npy dw2.npy
	name=$'odd "name"\\\n\xff.npy'
	tensor create ones 2 --requires-grad -o "$name"
	tensor reduce sum "$name" -o 'l@1.npy'
	tensor grad 'l@1.npy' "$name" -o d.npy
	holds d.npy '[1., 1]'
	jq . g.json >/dev/null 2>&1 || numpy 'json.load(open("g.json"))'
}

@test "a pipe that is closed early, a graph that cannot be written, a full disk" {
	leaf w 1000000
	tensor op exp w.npy | head -c 1000 >/dev/null
	tensor graph verify
	chmod a-w g.json
	run -5 --separate-stderr permitted tensor op exp w.npy -o y.npy
	[ ! -e y.npy ]
	chmod u+w g.json
	run -5 --separate-stderr tensor op exp w.npy -o y.npy --graph none/g.json
	[ ! -e y.npy ]
	run -5 --separate-stderr tensor op exp w.npy -o y.npy --graph /dev/full
	[ ! -e y.npy ]
	run -3 --separate-stderr tensor op exp w.npy -o y.npy --graph w.npy
	[ ! -e y.npy ]
	TENSOR_GRAPH='' tensor op exp w.npy >/dev/null
}

@test "another graph's arrays are constants, with a word; another program's comments in headers are not ours" {
	leaf w 2
	tensor op exp w.npy | tensor reduce sum - -o l.npy --graph other.json 2>err.txt
	grep -q 'it comes from another graph (.*) and counts as a constant in ' err.txt
	run -4 tensor grad l.npy --graph other.json
	tensor op exp w.npy | TENSOR_GRAPH='' tensor reduce sum - -o l2.npy
	run -4 --separate-stderr tensor grad l2.npy
	message "tensor grad: l2.npy is not in the graph *: it was made without --graph or TENSOR_GRAPH"
	run -4 --separate-stderr tensor grad - w.npy <l2.npy
	message "tensor grad: standard input: its history is not in *g.json: record it with TENSOR_GRAPH set for the whole pipeline"
}

@test "a loss of before the last steps of training" {
	numpy 'np.save("w.npy", np.array([1., 2, 3]))'
	tensor graph require w.npy
	for _ in 1 2 3; do
		tensor op square w.npy | tensor reduce sum - -o loss.npy
		tensor grad loss.npy w.npy | tensor op sub_ w.npy - --no-grad
	done
	# What it needs went with the last step; the message names that, not the first of what is missing.
	tensor op relu w.npy | tensor op exp - | tensor reduce sum - -o loss.npy
	tensor op sub_ w.npy 1 --no-grad
	run -4 --separate-stderr tensor grad loss.npy w.npy
	message "tensor grad: w.npy: node * (sub_, in place) has overwritten the values of node * (sub_), and they are needed: keep a copy under another name"
}

@test "a network with two layers learns the iris" {
	run -0 --separate-stderr "$TOP/tests/mlp"
	[ -z "$stderr" ]
	numpy 'assert float(sys.argv[2].split()[-1]) > 0.95, sys.argv[2]' "$output"
}

# == the document ==

# Valid JSON, numbers ascending; one line a node.
valid() {
	numpy 'd = json.load(open("g.json")); ids = [x["id"] for x in d["nodes"]]
assert ids == sorted(set(ids)) and len(open("g.json").readlines()) == len(ids) + 2, ids'
}

@test "16 processes at once lose nothing" {
	leaf w 3
	for i in $(seq 16); do
		{
			for k in $(seq 6); do
				tensor op mul w.npy "$i" | tensor op add - "$k" -o "y$i-$k.npy"
			done
		} &
	done
	wait
	valid
	nodes 'sum(x["op"] == "mul" for x in n) == sum(x["op"] == "add" for x in n) == 96 and len({x["out"] for x in n}) == 98'
	run -0 tensor graph verify
	output_is '97 files as recorded, 0 changed or gone'
	tensor grad y16-6.npy w.npy --grad-output 1 -o d.npy
	holds d.npy '[16., 16, 16]'
}

@test "SIGKILL while many record: what is there stays, what was torn is repaired by the next" {
	leaf w 3
	for _ in $(seq 8); do
		for i in 1 2 3 4; do
			setsid sh -c "while :; do tensor op mul w.npy $i -o k$i.npy -q; done" 2>/dev/null &
			pids[i]=$!
		done
		sleep 0.15
		for i in 1 2 3 4; do kill -9 -- "-${pids[i]}"; done
		wait "${pids[@]}" 2>/dev/null || true
		tensor op exp w.npy -o y.npy 2>/dev/null
		valid
	done
	# A file never appears before its node.
	numpy 'import glob
outs = {x.get("out") for x in json.load(open("g.json"))["nodes"]}
assert all(f in outs for f in glob.glob("*.npy")), outs'
	tensor reduce sum y.npy -o loss.npy
	tensor grad loss.npy w.npy -o d.npy
	near d.npy y
}

@test "a document that was torn at any byte of its end is repaired, and says what was lost" {
	leaf w 3
	tensor op exp w.npy -o y.npy
	cp g.json whole.json
	size=$(stat -c %s g.json)
	for cut in 1 2 3 4 5 20 100; do
		head -c $((size - cut)) whole.json >g.json
		run -0 --separate-stderr tensor op sin w.npy -o z.npy
		if [ "$cut" -lt 5 ]; then
			message "tensor op: g.json: was cut short and is repaired; nothing was lost"
		else
			message "tensor op: g.json: was cut short and is repaired; lost: {\"id\":1,\"op\":\"exp\"*"
		fi
		valid
		nodes 'n[-1]["op"] == "sin" and n[0]["op"] == "randn"'
	done
	# -q says nothing; a head that is torn is no document
	head -c $((size - 9)) whole.json >g.json
	run -0 --separate-stderr tensor op sin w.npy -o z.npy -q
	message ''
	head -c 30 whole.json >g.json
	run -3 --separate-stderr tensor op sin w.npy -o z2.npy
	message "tensor op: g.json: *"
	[ ! -e z2.npy ]
}

@test "10,000 nodes: of another program's making, laid out anew; a line stays short" {
	leaf w 3
	numpy 'd = json.load(open("g.json"))
for i in range(1, 10000):
    d["nodes"].append({"id": i, "op": "exp", "in": [i - 1], "rg": 1, "dtype": "<f8", "shape": [3], "out": f"f{i % 5000}.npy" if i % 2 else None})
w = dict(d["nodes"][0]); head = dict(d, nodes=[])
for x in d["nodes"]: x.pop("idx", None); x.pop("last", None)
open("g.json", "w").write(json.dumps(head)[:-2] + "\n" + ",\n".join(json.dumps(x, separators=(",", ":")) for x in d["nodes"]) + "\n]}\n")'
	tensor op sin w.npy -o y.npy
	valid
	nodes 'len(n) == 10001 and n[-1]["in"] == [0] and max(len(json.dumps(x)) for x in n) < 600'
	before=$(stat -c %i g.json)
	tensor op sin w.npy -o y.npy
	[ "$(stat -c %i g.json)" = "$before" ]
	tensor reduce sum y.npy -o loss.npy
	tensor grad loss.npy w.npy -o d.npy
	near d.npy 'np.cos(w)'
}

@test "hostile documents: every one of the fuzzer's corpus ends in a result or an error" {
	tensor create ones 3 -o w.npy --graph ''
	for f in "$TOP"/tests/fuzz/corpus/graph/*; do
		for command in 'graph show' 'graph dot' 'graph verify' 'graph prune' 'grad w.npy -o d.npz' 'op exp w.npy -o y.npy' 'graph replay -o z.npy'; do
			read -ra words <<<"$command"
			cp "$f" g.json
			run --separate-stderr timeout 10 tensor "${words[@]}"
			# shellcheck disable=SC2154 # stderr is set by run
			if [ "$status" -gt 5 ] || { [ "$status" -gt 1 ] && [ -z "$stderr" ]; }; then
				echo "$command of $f: $status $stderr"
				return 1
			fi
		done
	done
	while read -r name message; do
		cp "$TOP/tests/fuzz/corpus/graph/$name" g.json
		run -3 --separate-stderr tensor graph verify
		message "tensor graph: *g.json: $message"
	done <<-'EOT'
		cycle node 1: an input is neither a number nor a node before this one
		self node 1: an input is neither a number nor a node before this one
		missing there is no node 0
		twice node 0 comes after node 0
		deep is nested too deeply for a graph
		huge node 0: shape is *
		major is a graph of version 2.0; this program reads versions 1.x
		not_json is no JSON at byte 0
		no_nodes is a graph without nodes
	EOT
	# Unknown keys stay, newer minor versions are read.
	cp w.npy x.npy
	cp "$TOP/tests/fuzz/corpus/graph/unknown" g.json
	tensor op exp x.npy -o y.npy
	tensor graph prune
	numpy 'assert json.load(open("g.json"))["nodes"][0]["colour"] == {"a": [1, 2, "\u00e9"]}'
	cp "$TOP/tests/fuzz/corpus/graph/minor" g.json
	tensor op exp x.npy -o y.npy
	numpy 'd = json.load(open("g.json")); assert d["tensor_graph"] == [1, 7] and len(d["nodes"]) == 3, d'
}

@test "the schema of tensor-graph(5) describes what is written, and tells what is not" {
	"$PYTHON" -c 'import jsonschema' 2>/dev/null || skip "no jsonschema"
	leaf w 2,3
	tensor create array '[1, 2, 3]' --dtype bfloat16 -o b.npy
	tensor create full 3 1e300 -o f.npy
	tensor op clip w.npy --min f.npy --max inf | tensor op mul - 2.5 | tensor op add - 9007199254740993 >r.npy
	tensor op split w.npy 3 --axis 1 -o 's{}.npy'
	tensor op add_ s0.npy 1
	tensor op mul_ w.npy@0 2 --no-grad
	tensor op detach w.npy -o d.npy
	tensor op dropout w.npy -o $'odd\xff.npy'
	tensor op mul w.npy 1+2j | tensor reduce sum - -o l.npz
	tensor eval 'sum(exp(w) * w)' w=w.npy -o loss.npy
	tensor grad loss.npy w.npy --create-graph -o dw.npy
	tensor graph require f.npy l.npz
	numpy 'import jsonschema
schema = json.load(open(sys.argv[2])); d = json.load(open("g.json"))
jsonschema.Draft202012Validator.check_schema(schema)
v = jsonschema.Draft202012Validator(schema)
bad = list(v.iter_errors(d))
assert not bad, bad
known = set(schema["$defs"]["node"]["properties"])
assert {k for n in d["nodes"] for k in n} <= known and {k for n in d["nodes"] for k in n.get("file", {})} <= set(schema["$defs"]["file"]["properties"]), known
assert {"alias", "cut", "attr", "rg", "idx", "last"} <= {k for n in d["nodes"] for k in n}
for change in ("tensor_graph", [2, 0]), ("id", 5), ("nodes", [{"id": -1, "op": "exp", "dtype": "<f8", "shape": [], "out": None}]), ("nodes", [{"id": 0, "op": "exp", "dtype": "<f9", "shape": [], "out": None}]), ("nodes", [{"id": 0, "op": "exp"}]):
    assert not v.is_valid({**d, change[0]: change[1]}), change' "$TOP/man/tensor-graph.schema.json"
}

@test "a gradient does not read the steps before: a long history costs nothing" {
	leaf w 3
	numpy 'np.save("x.npy", np.ones(3))'
	for _ in $(seq 12); do
		tensor op mul w.npy x.npy | tensor op square - | tensor reduce sum - -o loss.npy
		tensor grad loss.npy w.npy | tensor op mul - 0.1 | tensor op sub_ w.npy - --no-grad
	done
	tensor op mul w.npy x.npy | tensor op square - | tensor reduce sum - -o loss.npy
	# Lines in the middle that cannot be parsed are not looked at.
	numpy 'lines = open("g.json").read().split("\n"); n = len(lines)
for i in range(n // 4, n // 2): lines[i] = lines[i].replace("\"op\":\"", "\"op\":!\"", 1)
open("g.json", "w").write("\n".join(lines))'
	tensor grad loss.npy w.npy -o d.npy
	near d.npy '2 * w'
	run -3 tensor graph verify
}

@test "members of archives are replayed and set by name" {
	numpy 'np.savez("z.npz", a=np.arange(3.), b=np.ones(3))'
	tensor graph require z.npz:a
	tensor op mul z.npz:a z.npz:b -o y.npz
	run -0 tensor graph show y.npz:arr_0
	[[ "$output" == *'y.npz:arr_0' ]]
	tensor graph replay y.npz:arr_0 -o again.npy
	holds again.npy '[0., 1, 2]'
	tensor graph replay y.npz:arr_0 --set z.npz:b=3 -o again.npy
	holds again.npy '[0., 3, 6]'
	run -4 --separate-stderr tensor graph replay y.npz:none -o again.npy
	message "tensor graph: y.npz:none is not in the graph *"
	run -4 --separate-stderr tensor grad y.npz:none
	message "tensor grad: y.npz:none is not in the graph *"
}

@test "graph prune beside writers loses nothing of theirs" {
	leaf w 3
	for i in 1 2 3; do
		{
			for k in $(seq 12); do
				tensor op mul w.npy "$k" | tensor op add - "$i" -o "y$i-$k.npy"
			done
		} &
	done
	for _ in 1 2 3 4 5 6; do
		tensor graph prune
	done
	wait
	valid
	run -0 tensor graph verify
	output_is '37 files as recorded, 0 changed or gone'
	tensor grad y3-12.npy w.npy --grad-output 1 -o d.npy
	holds d.npy '[12., 12, 12]'
}

@test "a copy of a tensor that requires grad is a constant, and the message says of what" {
	leaf w 3
	cp w.npy c.npy
	tensor op exp c.npy | tensor reduce sum - -o l.npy
	run -4 --separate-stderr tensor grad l.npy
	message "*does not require grad and does not have a grad_fn (*) (c.npy has the same content as node 0, w.npy, but no history)"
}
