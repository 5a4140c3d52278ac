// Runs graph models of TensorFlow.js; knows nothing of isozoo.
//
//     NODE_FOLDER=folder node exported_runtimes.mjs < jobs
//
// NODE_FOLDER has node_modules with @tensorflow/tfjs. A job is a line {"path": the model's folder, "given":
// [x.json, …], "out": [y.json, …], "seconds": s}; the JSON files hold name -> {shape, dtype, data},
// data a list of numbers. For each job prints {"seconds": the median time of the first batch}, or
// {"failed": why}.
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(path.join(process.env.NODE_FOLDER, "here.js"));
console.warn = () => {}; // that a package for Node.js would be faster
const tf = require("@tensorflow/tfjs");

const files = (folder) => ({
  async load() {
    const model = JSON.parse(fs.readFileSync(path.join(folder, "model.json"), "utf8"));
    const [group] = model.weightsManifest;
    const parts = group.paths.map((name) => fs.readFileSync(path.join(folder, name)));
    const whole = Buffer.concat(parts);
    return {
      ...model,
      weightSpecs: group.weights,
      weightData: whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.length),
    };
  },
});

async function called(model, given) {
  const wanted = Object.keys(model.modelSignature.inputs);
  const only = Object.keys(given).length === 1 ? Object.values(given)[0] : null;
  const tensors = {};
  for (const name of wanted) {
    const { shape, dtype, data } = given[name] ?? only;
    tensors[name] = tf.tensor(data, shape, dtype);
  }
  const results = model.modelSignature.outputs;
  const nodes = Object.values(results).map((one) => one.name);
  const found = [await model.executeAsync(tensors, nodes)].flat();
  const answer = {};
  for (const [place, name] of Object.keys(results).entries()) {
    const { shape, dtype } = found[place];
    answer[name] = { shape, dtype, data: Array.from(await found[place].data()) };
  }
  tf.dispose([tensors, found]);
  return answer;
}

async function run(job) {
  const model = await tf.loadGraphModel(files(job.path));
  const batches = job.given.map((name) => JSON.parse(fs.readFileSync(name, "utf8")));
  for (const [place, given] of batches.entries()) {
    fs.writeFileSync(job.out[place], JSON.stringify(await called(model, given)));
  }
  const taken = [];
  const end = performance.now() + 1000 * job.seconds;
  while (performance.now() < end || (job.seconds && taken.length < 3)) {
    const begun = performance.now();
    await called(model, batches[0]);
    taken.push((performance.now() - begun) / 1000);
  }
  model.dispose();
  return taken.length ? { seconds: taken.sort((a, b) => a - b)[taken.length >> 1] } : {};
}

await tf.setBackend("cpu");
for await (const line of readline.createInterface({ input: process.stdin })) {
  let report;
  try {
    report = await run(JSON.parse(line));
  } catch (error) {
    report = { failed: String(error.message ?? error).slice(0, 2000) };
  }
  console.log(JSON.stringify(report));
}
