"""Opens exported models by the programs that they are for; knows nothing of isozoo.

    python scripts/exported_runtimes.py FORMAT < jobs

A job is a line {"path": the model, "given": [x.npz, …], "out": [y.npz, …], "seconds": s}. Each
batch of inputs, arrays by name or one under "", is put through the model, and its outputs are
written by name. For each job prints a line {"seconds": the median time of the first batch}, or
{"failed": why}.
"""

import json
import sys
import time

import numpy as np

THREADS = 2


def by_name(found, name=""):
    """Arrays by name of what a program gives."""
    if isinstance(found, dict):
        parts = {f"{name}_{key}" if name else key: one for key, one in found.items()}
    elif isinstance(found, list | tuple):
        parts = {f"{name or 'output'}_{at}": one for at, one in enumerate(found)}
    else:
        return {name or "output_0": np.asarray(found)}
    return {key: x for part, one in parts.items() for key, x in by_name(one, part).items()}


def ordered(given, names):
    """The arrays in the order of a program's inputs."""
    if len(names) == 1 and len(given) == 1:
        return list(given.values())
    return [given[name] for name in names]


def torch_program(path):
    import torch

    torch.set_num_threads(THREADS)
    module = torch.export.load(path).module()
    return _called_by_torch(module)


def aoti_package(path):
    import torch

    torch.set_num_threads(THREADS)
    return _called_by_torch(torch._inductor.aoti_load_package(path))


def _called_by_torch(module):
    import torch

    def call(given):
        tensors = {name: torch.from_numpy(x) for name, x in given.items()}
        with torch.inference_mode():
            return module(*tensors.values()) if "" in given else _either(module, tensors)

    return call


def _either(module, given):
    """Calls a program that takes a dict, or else the same arrays one by one."""
    try:
        return module(given)
    except (TypeError, ValueError):
        return module(*given.values())


def stablehlo_program(path):
    import jax
    from jax import export

    with open(path, "rb") as file:
        called = jax.jit(export.deserialize(bytearray(file.read())).call)
    return lambda given: called(given[""]) if "" in given else _either(called, given)


def saved_model(path):
    import tensorflow as tf

    serve = tf.saved_model.load(path).signatures["serving_default"]
    names = list(serve.structured_input_signature[1])

    def call(given):
        return serve(**dict(zip(names, map(tf.constant, ordered(given, names)), strict=True)))

    return call


def lite_model(path):
    import tensorflow as tf

    runner = tf.lite.Interpreter(model_path=path, num_threads=THREADS).get_signature_runner()
    names = list(runner.get_input_details())
    return lambda given: runner(**dict(zip(names, ordered(given, names), strict=True)))


def onnx_model(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    results = [one.name for one in session.get_outputs()]

    def call(given):
        feed = dict(zip(names, ordered(given, names), strict=True))
        return dict(zip(results, session.run(None, feed), strict=True))

    return call


def openvino_model(path):
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": THREADS}
    model = openvino.Core().compile_model(path, "CPU", settings)
    names = [one.get_any_name() for one in model.inputs]
    results = [one.get_any_name() for one in model.outputs]

    def call(given):
        found = model(ordered(given, names))
        return {name: found[place] for place, name in enumerate(results)}

    return call


RUNTIMES = {
    "tf_saved_model": saved_model,
    "litert": lite_model,
    "torch": torch_program,
    "aoti": aoti_package,
    "onnx": onnx_model,
    "stablehlo": stablehlo_program,
    "openvino": openvino_model,
}


def run(opened, job):
    """The report of a job: opens the model, and puts every batch through it."""
    call = opened(job["path"])
    batches = [dict(np.load(path)) for path in job["given"]]
    for given, out in zip(batches, job["out"], strict=True):
        np.savez(out, **by_name(call(given)))
    taken, end = [], time.perf_counter() + job["seconds"]
    while time.perf_counter() < end or len(taken) < 3 * bool(job["seconds"]):
        begun = time.perf_counter()
        by_name(call(batches[0]))
        taken.append(time.perf_counter() - begun)
    return {"seconds": sorted(taken)[len(taken) // 2]} if taken else {}


def main():
    opened = RUNTIMES[sys.argv[1]]
    for line in sys.stdin:
        try:
            report = run(opened, json.loads(line))
        except Exception as error:  # whatever a program raises is what the table is to show
            report = {"failed": f"{type(error).__name__}: {error}"[:2000]}
        print(json.dumps(report), flush=True)
    assert not any(name.partition(".")[0] == "isozoo" for name in sys.modules)


if __name__ == "__main__":
    main()
