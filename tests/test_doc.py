"""The documentation: every example of README.md and the man pages runs and prints what it says; the synopsis of each page is
the usage that -h prints, and each option of -h has its place in a page.

"test_doc.py --update" writes the real output of the examples into the files."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TENSOR = os.environ.get("TENSOR", os.path.join(TOP, "build", "tensor"))


def run(command, directory, exported):
    """What a user at a terminal of 80 columns sees; "export NAME=VALUE" holds for the commands that follow."""
    if m := re.fullmatch(r"export (\w+)=(\S+)", command):
        exported[m[1]] = m[2]
        return ""
    env = dict(os.environ, **exported, PATH=os.path.dirname(TENSOR) + ":" + os.environ["PATH"], TERM="dumb", COLUMNS="80")
    p = subprocess.run(["script", "-qec", command, "/dev/null"], cwd=directory, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    return p.stdout.decode().replace("\r\n", "\n").rstrip("\n")


def examples(lines, man):
    """(index of the first line, the command, index past its output) of each "$ command" in the literal blocks."""
    inside, prefix = False, "" if man else "    "
    i = 0
    while i < len(lines):
        if man and lines[i].startswith((".Bd -literal", ".Ed")):
            inside = lines[i].startswith(".Bd")
        elif not man:
            inside = lines[i].startswith("    ")
        if inside and lines[i].startswith(prefix + "$ "):
            start, command = i, lines[i][len(prefix) + 2:]
            while command.endswith("\\" if not man else "\\e"):
                i += 1
                command += "\n" + lines[i][len(prefix):].removeprefix("> ")
            first = i + 1
            i = first
            while i < len(lines) and not lines[i].startswith(prefix + "$ ") and not lines[i].startswith(".Ed"):
                if not man and not lines[i].startswith("    "):
                    break
                i += 1
            yield start, command.replace("\\e", "\\").replace("\\&", "") if man else command, first, i
            continue
        i += 1


def document(path, update):
    man = not path.endswith(".md")
    with open(path) as f:
        lines = f.read().split("\n")
    out, problems, done, n, exported = [], [], 0, 0, {}
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(os.path.join(TOP, "tests", "data", "iris.csv"), directory)
        for _, command, first, end in examples(lines, man):
            n += 1
            got = run(command, directory, exported).split("\n")
            got = [] if got == [""] else got
            want = [s.replace("\\e", "\\").replace("\\&", "") if man else s[4:] for s in lines[first:end]]
            if got != want:
                problems.append("$ %s\n#     prints:\n#       %s\n#     not:\n#       %s" % (command, "\n#       ".join(got), "\n#       ".join(want)))
            out += lines[done:first] + [s.replace("\\", "\\e") if man else "    " + s for s in got]
            done = end
    if update and problems:
        with open(path, "w") as f:
            f.write("\n".join(out + lines[done:]))
    return n, problems


def squeezed(text):
    return " ".join(text.split())


def synopsis(page):
    """The SYNOPSIS as text, and the whole page."""
    text = subprocess.run(["mandoc", "-Tascii", page], stdout=subprocess.PIPE, check=True).stdout.decode()
    text = re.sub(".\b", "", text)
    return squeezed(re.search(r"\nSYNOPSIS\n(.*?)\n[A-Z]", text, re.S).group(1)), text


def usage(*words):
    text = subprocess.run([TENSOR, *words], stdout=subprocess.PIPE, check=True).stdout.decode()
    return squeezed(re.match(r"usage: (.*?)\n\n", text, re.S).group(1)), text


def main():
    update = "--update" in sys.argv
    n = failed = 0

    def test(name, problems):
        nonlocal n, failed
        n += 1
        failed += bool(problems)
        print("%sok %d - %s" % ("not " if problems else "", n, name))
        for p in problems:
            print("#   " + p)

    pages = sorted(glob.glob(os.path.join(TOP, "man", "*.1")))
    for path in [os.path.join(TOP, "README.md"), *pages]:
        count, problems = document(path, update)
        test("%d examples of %s" % (count, os.path.relpath(path, TOP)), problems if count else ["no examples"])
    if not shutil.which("mandoc"):
        print("ok %d - the synopses # skip mandoc is not installed" % (n + 1))
        n += 1
        pages = []
    common = synopsis(os.path.join(TOP, "man", "tensor.1"))[1] if pages else ""
    for page in pages:
        command = os.path.basename(page)[:-2].replace("tensor-", "")
        words = [] if command == "tensor" else [command]
        shown, text = synopsis(page)
        said, help_text = usage(*words, "-h")
        problems = [] if shown == said else ["the page: %s\n#   -h:       %s" % (shown, said)]
        for option in re.findall(r"^ +(?:-\w, )?(--[\w-]+)", help_text, re.M):
            if not re.search(re.escape(option) + r"(?![\w-])", text + common):
                problems.append("%s is in no page" % option)
        test("tensor %s -h and %s" % (" ".join(words), os.path.basename(page)), problems)
    if pages:
        listed = re.findall(r"^  (\w+)  ", usage("-h")[1], re.M)
        missing = [c for c in listed if c not in ("help", "version") and not os.path.exists(os.path.join(TOP, "man", "tensor-%s.1" % c))]
        test("every command has a page", ["tensor-%s.1" % c for c in missing])
    print("1..%d" % n)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
