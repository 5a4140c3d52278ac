"""Nothing that is read may run: calls by which a file could execute code, and size of files."""

from __future__ import annotations

import ast

from .tree import ROOT, called, importing, imports, modules, nodes, walked, where

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
# By bare name, and by the last two names of a dotted call.
BARE = {"eval", "exec", "compile", "__import__"}
DOTTED = {
    "torch.load", "numpy.fromregex", "np.fromregex", "os.system", "os.popen",
    "runpy.run_path", "runpy.run_module", "shutil.unpack_archive",
}  # fmt: skip
METHODS = {"extractall", "load_library", "load_op_library"}
# Options that switch a guard off.
KEYWORDS = {"allow_pickle": True, "trust_remote_code": True, "weights_only": False}
MAX_LINES = 700


def dotted(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return ""


def dangers(found: list[ast.AST]):
    """(node, what is wrong with it) for every forbidden call among a module's nodes."""
    for node in found:
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in BARE:
            yield node, f"{node.func.id}()"
        elif dotted(node) in DOTTED:
            yield node, f"{dotted(node)}()"
        elif isinstance(node.func, ast.Attribute) and called(node) in METHODS:
            yield node, f".{called(node)}()"
        for keyword in node.keywords:
            value = keyword.value
            if isinstance(value, ast.Constant) and keyword.arg in KEYWORDS:
                if value.value is KEYWORDS[keyword.arg]:
                    yield node, f"{keyword.arg}={value.value}"


def test_the_search_finds_what_it_looks_for():
    source = """
eval(text); exec(text); compile(text, "", "exec"); __import__(name)
torch.load(path); archive.extractall(folder); np.load(path, allow_pickle=True)
model.eval(); torch.compile(model); re.compile("a"); np.load(path, allow_pickle=False)
"""
    assert [node.lineno for node, _ in dangers(walked(ast.parse(source)))] == [2, 2, 2, 2, 3, 3, 3]


def test_no_call_that_a_file_could_run_code_through():
    wrong = []
    for path in modules().values():
        wrong += [f"{where(path, node)}: {what}" for node, what in dangers(nodes(path))]
    assert not wrong, "\n".join(wrong)


def test_no_module_that_runs_what_it_reads():
    wrong = []
    for module in modules():
        for name, _, at in imports(module):
            if name.split(".")[0] in MODULES:
                wrong.append(f"{at}: {name}")
    assert not wrong, "\n".join(wrong)


def test_names_from_files_are_never_imported():
    """hub/ reads what others wrote: there, a module's name is always a literal.

    Its `__init__.py` files apart, whose lazy names come from a table in the same file.
    """
    wrong = []
    for module, path in modules().items():
        if not module.startswith("isozoo.hub") or path.name == "__init__.py":
            continue
        for node in importing(path).everywhere:
            if isinstance(node, ast.Call) and called(node) == "import_module":
                if not (node.args and isinstance(node.args[0], ast.Constant)):
                    wrong.append(where(path, node))
    assert not wrong, "\n".join(wrong)


def test_files_are_read_in_one_sitting():
    files = [*modules().values(), *(ROOT / "tests").rglob("*.py")]
    lines = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in files}
    long = {name: count for name, count in lines.items() if count > MAX_LINES}
    assert not long
