/** @file The catalogue of everything that can go wrong for a reason a user can mend: code, message, next step. */

/** Exit status of the command line for each kind of outcome. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  targetMissed: 3,
  notSupported: 4,
  interrupted: 130,
} as const;

export type Outcome = keyof typeof exitCodes;

interface Entry<D> {
  readonly outcome: Outcome;
  /** Says what is wrong, where, and what to do next. */
  readonly explain: (data: D) => string;
}

const entry = <D>(outcome: Outcome, explain: (data: D) => string): Entry<D> => ({ outcome, explain });

const mebibytes = (bytes: number): number => Math.ceil(bytes / 2 ** 20);

/** One entry per code. Programs read `code` and `data`; people read `explain(data)`. */
export const catalogue = {
  "file-not-found": entry("failed", (d: { path: string }) => `${d.path}: no such file. Check the path.`),
  "file-unreadable": entry(
    "failed",
    (d: { path: string; detail: string }) => `${d.path}: cannot be read (${d.detail}). Check permissions.`,
  ),
  "file-unwritable": entry(
    "failed",
    (d: { path: string; detail: string }) =>
      `${d.path}: cannot be written (${d.detail}). Nothing was left behind; choose another place or free some space.`,
  ),
  "model-not-onnx": entry(
    "failed",
    (d: { path: string; detail: string }) =>
      `${d.path}: not an ONNX model (${d.detail}). Export the network to ONNX and pass that file.`,
  ),
  "model-damaged": entry(
    "failed",
    (d: { path: string; detail: string }) =>
      `${d.path}: damaged ONNX model (${d.detail}). Fetch or export the file again.`,
  ),
  "model-version": entry(
    "notSupported",
    (d: { path: string; what: string; found: number; needed: number }) =>
      `${d.path}: ${d.what} ${d.found} is too old, ${d.needed} or later is needed. Export the network again with a newer opset.`,
  ),
  "model-too-large": entry(
    "failed",
    (d: { sizeBytes: number }) =>
      `A model of ${d.sizeBytes} bytes does not fit into one ONNX file (2 GiB at most). Write it with its weights in a data file (externalData).`,
  ),
  "tensor-invalid": entry(
    "failed",
    (d: { tensor: string; detail: string }) =>
      `Tensor "${d.tensor}": ${d.detail}. The model file is damaged or was written by a faulty exporter.`,
  ),
  "external-data-refused": entry(
    "failed",
    (d: { tensor: string; location: string; reason: string }) =>
      `Tensor "${d.tensor}": external data at "${d.location}" are refused because ${d.reason}. Put the data file beside the model.`,
  ),
  "external-data-missing": entry(
    "failed",
    (d: { tensor: string; location: string; detail: string }) =>
      `Tensor "${d.tensor}": external data "${d.location}" cannot be read (${d.detail}). Put the data file beside the model.`,
  ),
  "external-data-too-short": entry(
    "failed",
    (d: { tensor: string; path: string; needed: number; found: number }) =>
      `Tensor "${d.tensor}": ${d.path} has ${d.found} bytes, ${d.needed} are needed. Fetch the data file again.`,
  ),
  "external-data-changed": entry(
    "failed",
    (d: { tensor: string; path: string }) =>
      `Tensor "${d.tensor}": ${d.path} was changed after the model was read. Read the model again.`,
  ),
  "graph-duplicate-value": entry(
    "failed",
    (d: { graph: string; value: string; first: string; second: string }) =>
      `Graph "${d.graph}": value "${d.value}" is defined twice, by ${d.first} and by ${d.second}. Every value needs one maker.`,
  ),
  "graph-unknown-value": entry(
    "failed",
    (d: { graph: string; value: string; reader: string }) =>
      `Graph "${d.graph}": ${d.reader} reads value "${d.value}", which nothing defines. Check the exporter.`,
  ),
  "graph-cycle": entry(
    "failed",
    (d: { graph: string; nodes: readonly string[] }) =>
      `Graph "${d.graph}": nodes wait for each other: ${d.nodes.join(", ")}. Check the exporter.`,
  ),
  "graph-missing-opset": entry(
    "failed",
    (d: { node: string; domain: string }) =>
      `Node "${d.node}": the model imports no operator set for domain "${d.domain === "" ? "ai.onnx" : d.domain}". Add it to opset_import.`,
  ),
  usage: entry("usage", (d: { detail: string }) => d.detail),
  "invalid-option": entry(
    "usage",
    (d: { option: string; got: string; expected: string }) =>
      `--${d.option}: got "${d.got}", expected ${d.expected}.`,
  ),
  "data-file-corrupt": entry(
    "failed",
    (d: { path: string; detail: string }) => `${d.path}: ${d.detail}. Write or download the file again.`,
  ),
  "data-format-unknown": entry(
    "failed",
    (d: { path: string; detail: string }) =>
      `${d.path}: ${d.detail}. Data can be .npy, .npz, IDX (plain or gzipped) or a folder with one sub-folder of images per class.`,
  ),
  "data-dtype-unsupported": entry(
    "failed",
    (d: { path: string; got: string; expected: string }) =>
      `${d.path}: holds elements of type ${d.got}; expected ${d.expected}. Convert the array and save it again.`,
  ),
  "data-empty": entry("failed", (d: { path: string }) => `${d.path}: holds no examples. Give at least one.`),
  "data-not-finite": entry(
    "failed",
    (d: { path: string; example: number; got: string }) =>
      `${d.path}: example ${d.example} contains ${d.got}. Remove or repair such examples first.`,
  ),
  "data-counts-differ": entry(
    "failed",
    (d: { path: string; counts: string }) =>
      `${d.path}: inputs and labels must have one entry per example each, but there are ${d.counts}.`,
  ),
  "data-shape-mismatch": entry(
    "failed",
    (d: { path: string; input: string; got: string; expected: string; hint: string }) =>
      `${d.path}: the model's input "${d.input}" expects ${d.expected}, but the data give ${d.got}. ${d.hint}`,
  ),
  "data-inputs-mismatch": entry(
    "failed",
    (d: { path: string; got: string; expected: string }) =>
      `${d.path}: the data hold ${d.got}, but the model's inputs are ${d.expected}. Name each array after the input it belongs to.`,
  ),
  "data-too-large": entry(
    "failed",
    (d: { path: string; sizeBytes: number; limitBytes: number; hint: string }) =>
      `${d.path}: takes ${d.sizeBytes} bytes in memory, more than the ${d.limitBytes} an array can have. ${d.hint}`,
  ),
  "spool-full": entry(
    "failed",
    (d: { path: string; folder: string; neededBytes: number; roomBytes: number; hint: string }) =>
      `${d.path}: its examples take ${mebibytes(d.neededBytes)} MiB, too much for memory, and ${d.folder} has room for ${Math.floor(d.roomBytes / 2 ** 20)} MiB. Free some space there, or name a folder on another disk in the environment variable TMPDIR.${d.hint === "" ? "" : ` ${d.hint}`}`,
  ),
  "spool-unwritable": entry(
    "failed",
    (d: { path: string; folder: string; detail: string }) =>
      `${d.path}: its examples are too many for memory, and they cannot be unpacked in ${d.folder} (${d.detail}). Name another folder in the environment variable TMPDIR.`,
  ),
  "data-range": entry(
    "failed",
    (d: { path: string; got: string; expected: string }) =>
      `${d.path}: value ${d.got} does not fit ${d.expected}. Check how the array was made.`,
  ),
  "labels-missing": entry(
    "failed",
    (d: { path: string; instead?: string }) =>
      `${d.path}: has no labels, which this step needs. Give them with --labels${d.instead === undefined ? "" : `, or ${d.instead}`}.`,
  ),
  "labels-invalid": entry(
    "failed",
    (d: { path: string; example: number; got: string; expected: string }) =>
      `${d.path}: label ${d.got} of example ${d.example} is not ${d.expected}. Check that labels and model belong together.`,
  ),
  "image-library-missing": entry(
    "failed",
    (d: { path: string }) =>
      `${d.path}: reading image files needs the optional package "sharp". Install it with: npm install sharp`,
  ),
  "image-size-differs": entry(
    "failed",
    (d: { path: string; got: string; expected: string }) =>
      `${d.path}: is ${d.got} where the images before it are ${d.expected}. Give --image-size to resize all of them alike.`,
  ),
  "targets-mismatch": entry(
    "failed",
    (d: { metric: string; got: string; expected: string }) =>
      `Metric "${d.metric}" needs ${d.expected}, but got ${d.got}. Choose another metric or other labels.`,
  ),
  "output-not-finite": entry(
    "failed",
    (d: { metric: string; row: number }) =>
      `Metric "${d.metric}": the model's output for row ${d.row} contains NaN or infinity. Check the model on the plain data, and the preprocessing.`,
  ),
  "config-invalid": entry(
    "usage",
    (d: { path: string; field: string; expected: string; got: string; nearest: readonly string[] }) =>
      `${d.path}${d.field === "" ? "" : `, "${d.field}"`}: expected ${d.expected}, got ${d.got}${d.nearest.length === 0 ? "" : `; nearest names: ${d.nearest.join(", ")}`}. Mend the file; docs/configuration.md says what may stand in it.`,
  ),
  "budget-too-small": entry(
    "usage",
    (d: { needed: number; got: number }) =>
      `A budget of ${d.got} rows is too small: this estimator needs at least ${d.needed} rows here. Raise the budget or choose a cheaper estimator.`,
  ),
  "budget-invalid": entry(
    "usage",
    (d: { detail: string }) =>
      `The budget is not usable: ${d.detail}. Give a number of rows, a time, or a target precision.`,
  ),
  "payoff-not-finite": entry(
    "failed",
    (d: { payoff: number; example: number; kept: number; players: number }) =>
      `The payoff of example ${d.example} is ${d.payoff} with ${d.kept} of ${d.players} players kept. Check the data and the weights for NaN and overflow, or choose a bounded payoff such as accuracy.`,
  ),
  "game-invalid": entry(
    "failed",
    (d: { detail: string }) => `The game cannot be valued: ${d.detail}. Correct the game's implementation.`,
  ),
  "derivative-not-finite": entry(
    "failed",
    (d: { derivative: number; example: number; player: number }) =>
      `The derivative of the payoff on example ${d.example} for player ${d.player} is ${d.derivative}. Use an estimator without gradients, such as permutation, or look at the network for a division by zero or a root.`,
  ),
  "game-without-gradients": entry(
    "usage",
    (d: { estimator: string }) =>
      `The estimator ${d.estimator} asks for derivatives, and this game has none. Use the estimator permutation, or make the game with gradients.`,
  ),
  "weighting-not-supported": entry(
    "usage",
    (d: { estimator: string; weighting: string; supported: string }) =>
      `The estimator ${d.estimator} cannot weigh coalitions by "${d.weighting}" (it supports: ${d.supported}). Use exact or permutation instead.`,
  ),
  "weighting-empty": entry(
    "usage",
    (d: { from: number; to: number; players: number }) =>
      `No step between two coalition sizes of ${d.players} players lies inside the window ${d.from} to ${d.to}. Widen the window.`,
  ),
  "too-many-coalitions": entry(
    "usage",
    (d: { players: number; coalitions: number; limit: number }) =>
      `${d.players} players mean ${d.coalitions} coalitions, more than the ${d.limit} that can be enumerated. Use a sampling estimator such as permutation.`,
  ),
  "too-few-players": entry(
    "usage",
    (d: { estimator: string; needed: number; got: number }) =>
      `The estimator ${d.estimator} needs at least ${d.needed} players and got ${d.got}. Use exact, which is cheap here.`,
  ),
  "resume-mismatch": entry(
    "usage",
    (d: { field: string; saved: string; got: string }) =>
      `The saved state belongs to another run: its ${d.field} is ${d.saved}, this run has ${d.got}. Use the options of the saved run, or start afresh.`,
  ),
  "group-not-maskable": entry(
    "notSupported",
    (d: { group: string; detail: string }) =>
      `Group "${d.group}" cannot be valued row by row: ${d.detail}. Leave it out with --ignore, or use a criterion that needs no data.`,
  ),
  "activations-too-large": entry(
    "failed",
    (d: { needed: number; available: number; group: string; examples: number; isHalvable: boolean }) =>
      `Group "${d.group}": what is kept of ${d.examples} examples, the most that a batch reads, takes ${mebibytes(d.needed)} MiB, and ${mebibytes(d.available)} MiB may be used. Use fewer examples (--limit) than that${d.isHalvable ? ", keep them in halves (--activations float16)" : ""} or raise --memory.`,
  ),
  "activation-overflow": entry(
    "failed",
    (d: { value: string; group: string; got: number }) =>
      `Group "${d.group}": "${d.value}" reaches ${d.got.toPrecision(6)}, and float16 ends at 65504. Keep activations in float32 (--activations float32).`,
  ),
  "fixed-batch": entry(
    "notSupported",
    (d: { size: number; detail: string }) =>
      `The model fixes its batch size at ${d.size} and it cannot be opened: ${d.detail}. Export it with a dynamic batch axis.`,
  ),
  "output-unknown": entry(
    "usage",
    (d: { output: string; available: readonly string[] }) =>
      `The model has no output "${d.output}". It has: ${d.available.join(", ")}.`,
  ),
  "slice-differs": entry(
    "failed",
    (d: { difference: number; tolerance: number }) =>
      `The sliced model differs from the masked one by ${d.difference.toExponential(1)} of the output's scale (allowed: ${d.tolerance.toExponential(0)}). This is a defect of ours: nothing was written; please report the model.`,
  ),
  "weights-not-finite": entry(
    "failed",
    (d: { path: string; initializer: string; index: number; value: number }) =>
      `${d.path}: weight "${d.initializer}" holds ${d.value} at position ${d.index}. Repair or export the model again.`,
  ),
  "floor-not-held": entry(
    "targetMissed",
    (d: { floor: number; accuracy: number }) =>
      `The model's accuracy before pruning, ${(100 * d.accuracy).toFixed(2)}%, is below the floor of ${(100 * d.floor).toFixed(2)}%. Lower --min-accuracy.`,
  ),
  "state-mismatch": entry(
    "usage",
    (d: { path: string; detail: string }) =>
      `${d.path}: belongs to another run (${d.detail}). Use the settings of that run, or start anew without --resume.`,
  ),
  "file-invalid": entry("failed", (d: { path: string; detail: string }) => `${d.path}: ${d.detail}.`),
  "input-size-open": entry(
    "usage",
    (d: { input: string }) =>
      `Input "${d.input}" leaves sizes open besides the batch. State them, for example --input-shape ${d.input}:N,3,224,224.`,
  ),
  "invalid-plan": entry(
    "usage",
    (d: { group: string; detail: string }) => `Plan, group "${d.group}": ${d.detail}.`,
  ),
  "cannot-open": entry(
    "failed",
    (d: { path: string; program: string; detail: string }) =>
      `${d.path} was written, but "${d.program}" did not open it (${d.detail}). Open it in a browser.`,
  ),
  "impossible-budget": entry(
    "targetMissed",
    (d: { target: string; wanted: number; smallest: number; original: number }) =>
      `The target of ${d.wanted} ${d.target} cannot be reached: with these settings at least ${d.smallest} of ${d.original} ${d.target} stay. Raise the target, or loosen --max-ratio, --round-to, --only and --ignore.${d.wanted <= 100 ? ` For a share of the original write ${d.wanted}%.` : ""}`,
  ),
  "contradictory-budget": entry(
    "usage",
    (d: { group: string; detail: string }) => `Budget, group "${d.group}": ${d.detail}.`,
  ),
  "budget-missing": entry(
    "usage",
    (_: Record<string, never>) =>
      "Nothing says how much to remove. Give --target-macs, --target-params, --keep, --keep-channels, --min-accuracy or a --plan.",
  ),
  "unknown-group": entry(
    "usage",
    (d: { pattern: string; option: string; nearest: readonly string[] }) =>
      `--${d.option}: "${d.pattern}" matches no channel group${d.nearest.length === 0 ? "" : `; nearest names: ${d.nearest.join(", ")}`}. See inspect for the groups of this model.`,
  ),
  "unknown-network": entry(
    "usage",
    (d: { name: string; nearest: readonly string[]; known: readonly string[] }) =>
      `There is no reference network "${d.name}"${d.nearest.length === 0 ? "" : `; nearest names: ${d.nearest.join(", ")}`}. Choose one of ${d.known.join(", ")}.`,
  ),
  "nothing-selected": entry(
    "usage",
    (d: { groups: number }) =>
      `None of the ${d.groups} channel groups is selected. Loosen --only and --ignore; see inspect for the groups of this model.`,
  ),
  "nothing-prunable": entry(
    "notSupported",
    (d: { groups: number }) =>
      `None of the ${d.groups} channel groups of this model has a channel that may go. See inspect for what locks them.`,
  ),
  "score-not-finite": entry(
    "failed",
    (d: { group: string; channel: number; score: number }) =>
      `Group "${d.group}": the score of channel ${d.channel} is ${d.score}. Check weights and data for NaN and overflow.`,
  ),
  "criterion-not-applicable": entry(
    "usage",
    (d: { criterion: string; group: string; detail: string }) =>
      `Criterion "${d.criterion}" does not apply to group "${d.group}": ${d.detail}. Leave the group out with --ignore, or choose another criterion.`,
  ),
  "criterion-needs-data": entry(
    "usage",
    (d: { criterion: string }) =>
      `Criterion "${d.criterion}" is measured on examples and got none. Give data, or choose a criterion that reads weights alone.`,
  ),
  "payoff-not-differentiable": entry(
    "usage",
    (d: { payoff: string; detail: string }) =>
      `The payoff "${d.payoff}" cannot be differentiated: ${d.detail}. Choose another --payoff, or a criterion without gradients.`,
  ),
  "values-too-large": entry(
    "failed",
    (d: { needed: number; available: number; examples: number; channels: number; aggregate: string }) =>
      `Aggregate "${d.aggregate}" keeps one number for each of ${d.examples} examples and ${d.channels} channels, which takes ${mebibytes(d.needed)} MiB; ${mebibytes(d.available)} MiB may be used. Use fewer examples (--limit), fewer groups (--only), more --memory, or another --aggregate.`,
  ),
  "nothing-removed": entry(
    "failed",
    (_: Record<string, never>) =>
      "Nothing was removed: every channel stays under these settings. Ask for a smaller model, or see inspect for what is locked.",
  ),
  interrupted: entry("interrupted", (d: { next: string }) => `Interrupted. ${d.next}`),
  "engine-missing": entry(
    "failed",
    (d: { detail: string }) =>
      `onnxruntime-node cannot be loaded (${d.detail}). Run: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`,
  ),
  "provider-unavailable": entry(
    "usage",
    (d: { provider: string; available: readonly string[] }) =>
      `--provider ${d.provider}: not in this build of onnxruntime-node. Available: ${d.available.join(", ")}.`,
  ),
  "engine-failed": entry(
    "failed",
    (d: { doing: string; detail: string }) => `The engine failed while ${d.doing}: ${d.detail}`,
  ),
  "feed-mismatch": entry(
    "failed",
    (d: { input: string; got: string; expected: string }) =>
      `Model input "${d.input}": got ${d.got}, expected ${d.expected}.`,
  ),
  "kernel-missing": entry(
    "notSupported",
    (d: { opType: string; domain: string; node: string }) =>
      `Node "${d.node}": no reference kernel for ${d.domain === "" ? "" : `${d.domain}.`}${d.opType}. Run the model on onnxruntime instead.`,
  ),
  "kernel-unsupported": entry(
    "notSupported",
    (d: { opType: string; node: string; detail: string }) =>
      `Node "${d.node}": the reference kernel of ${d.opType} does not cover ${d.detail}. Run the model on onnxruntime instead.`,
  ),
  "unknown-weight": entry(
    "usage",
    (d: { pattern: string; nearest: readonly string[] }) =>
      `--freeze: "${d.pattern}" matches no trainable weight and no node that reads one${d.nearest.length === 0 ? "" : `; nearest names: ${d.nearest.join(", ")}`}. Take the names from the model.`,
  ),
  "nothing-to-train": entry(
    "failed",
    (d: { constants: number }) =>
      `None of the model's ${d.constants} constants is a trainable weight that the loss depends on. Check --freeze, --output and --treat-as-constant; a quantized model is trained before it is quantized.`,
  ),
  "teacher-mismatch": entry(
    "failed",
    (d: { detail: string }) =>
      `The teacher does not suit the model: ${d.detail}. Use the network the model was pruned from.`,
  ),
  "no-gradient": entry(
    "notSupported",
    (d: { node: string; opType: string; reason: string }) =>
      `Node "${d.node}" (${d.opType}) cannot be differentiated: ${d.reason}. In training, freeze what lies before it or name the operator in --treat-as-constant; in rankings, choose a criterion without gradients.`,
  ),
  "training-diverged": entry(
    "failed",
    (d: { step: number; detail: string; kept: string; advice: string }) =>
      `Training diverged at step ${d.step}: ${d.detail}. ${d.kept} ${d.advice}`,
  ),
  "checkpoint-missing": entry(
    "usage",
    (d: { path: string }) =>
      `--resume: there is no checkpoint ${d.path} to go on from. Leave --resume out to start anew, or repeat the --out or --checkpoint of the run that was interrupted.`,
  ),
  "checkpoint-damaged": entry(
    "failed",
    (d: { path: string; detail: string }) =>
      `${d.path}: damaged or not a training checkpoint (${d.detail}). Go on from an earlier checkpoint, or start anew without --resume.`,
  ),
  "checkpoint-version": entry(
    "notSupported",
    (d: { path: string; found: string; expected: string }) =>
      `${d.path}: a checkpoint of format ${d.found}, this version reads ${d.expected}. Finish the run with the version that began it, or start anew without --resume.`,
  ),
  "augmentation-not-applicable": entry(
    "usage",
    (d: { input: string; detail: string }) =>
      `Input "${d.input}" cannot be augmented: ${d.detail}. Change --augment or leave it out.`,
  ),
  "calibration-too-small": entry(
    "failed",
    (d: { path: string; got: number; needed: number }) =>
      `${d.path}: repair has ${d.got} examples to calibrate on and needs at least ${d.needed}, better some hundred. Give more data, or leave repair out with --no-repair.`,
  ),
  "activation-not-finite": entry(
    "failed",
    (d: { node: string; got: number }) =>
      `Node "${d.node}": on the calibration examples its values contain ${d.got}. Check the model on the plain data, and the preprocessing.`,
  ),
  "opset-not-raised": entry(
    "notSupported",
    (d: { node: string; opType: string; from: number; to: number; reason: string }) =>
      `Node "${d.node}" (${d.opType}) cannot be carried from operator set ${d.from} to ${d.to}: ${d.reason}. Export the network with operator set ${d.to} or later.`,
  ),
  "weight-mismatch": entry(
    "failed",
    (d: { weight: string; detail: string }) =>
      `Weight "${d.weight}" cannot be written into the model: ${d.detail}. Use values that were trained from this very model.`,
  ),
  "loss-invalid": entry("usage", (d: { detail: string }) => `The loss does not suit the model: ${d.detail}.`),
  "group-locked": entry(
    "usage",
    (d: { group: string; reason: string; groups: readonly string[] }) =>
      `Group "${d.group}" has nothing to remove: ${d.reason}. Choose one of: ${d.groups.join(", ")}.`,
  ),
  "unknown-criterion": entry(
    "usage",
    (d: { name: string; nearest: readonly string[]; known: readonly string[] }) =>
      `There is no criterion and no estimator "${d.name}"${d.nearest.length === 0 ? "" : `; nearest names: ${d.nearest.join(", ")}`}. Choose from ${d.known.join(", ")}.`,
  ),
  "oracle-too-large": entry(
    "usage",
    (d: { group: string; players: number; limit: number; rows: number; estimate: string }) =>
      `Group "${d.group}" has ${d.players} channels: trying every coalition takes ${d.rows.toPrecision(3)} rows, about ${d.estimate} on this machine, and at most ${d.limit} channels are tried exhaustively. Use --search beam or --search branch-and-bound, which find good sets without calling them oracle sets.`,
  ),
  "store-corrupt": entry(
    "failed",
    (d: { path: string; detail: string }) =>
      `${d.path}: the store of coalitions is damaged (${d.detail}). Delete the folder and run again: what it held is computed anew.`,
  ),
  "store-unusable": entry(
    "failed",
    (d: { path: string; detail: string }) =>
      `${d.path}: cannot be used as a store of coalitions (${d.detail}). Name another folder with --store.`,
  ),
  "pieces-foreign": entry(
    "usage",
    (d: { path: string; detail: string }) =>
      `${d.path}: holds pieces of another comparison (${d.detail}). Name another place with --out or --store, or delete the folder.`,
  ),
  "pieces-corrupt": entry(
    "failed",
    (d: { path: string; folder: string }) =>
      `${d.path}: damaged. Delete this file, or the folder ${d.folder}, and run again: what is missing is computed anew.`,
  ),
  "worker-died": entry(
    "failed",
    (d: { detail: string }) =>
      `A worker thread ended unexpectedly (${d.detail}). Try fewer --workers or a smaller batch if memory ran out.`,
  ),
} as const;

export type ProblemCode = keyof typeof catalogue;
export type ProblemData<C extends ProblemCode> = Parameters<(typeof catalogue)[C]["explain"]>[0];

/**
 * An error with a code from the catalogue. Everything a user can cause is thrown as one of these; any other
 * error is a defect of ours.
 */
export class PrunerError<C extends ProblemCode = ProblemCode> extends Error {
  override readonly name = "PrunerError";
  readonly code: C;
  readonly data: ProblemData<C>;

  constructor(code: C, data: ProblemData<C>, options?: { readonly cause?: unknown }) {
    const { explain } = catalogue[code] as Entry<ProblemData<C>>;
    super(explain(data), options);
    this.code = code;
    this.data = data;
  }

  /** Exit status the command line ends with. */
  get exitCode(): number {
    return exitCodes[catalogue[this.code].outcome];
  }
}

/** Narrows an unknown error to a coded one, optionally with a given code. */
export function isProblem<C extends ProblemCode>(error: unknown, code?: C): error is PrunerError<C> {
  return error instanceof PrunerError && (code === undefined || error.code === code);
}
