/** @file The worker's side of training: parameters read from shared memory, gradients left there. */
import type { Session } from "../engine/engine.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { Handover } from "../workers/serve.ts";
import type { ExchangeSetup, Job, JobResult } from "./jobs.ts";

type ExchangeJob = Extract<Job, { readonly kind: "exchange" }>;
type Feeds = Readonly<Record<string, Tensor>>;

/** Private copies of the shared parameters of so many models, renewed when their version changes: the runtime takes no shared memory. */
export function parameterCopies(models: number): (job: ExchangeJob) => Feeds {
  const copies = new Map<number, { version: number; readonly data: Float32Array; readonly feeds: Feeds }>();
  return ({ setup, from, version }) => {
    let copy = copies.get(setup.model.id);
    if (copy === undefined) {
      // a removal in rounds trains one network after the other
      if (copies.size >= models) copies.delete(copies.keys().next().value!);
      const data = new Float32Array(setup.inputs.size);
      copy = { version: version - 1, data, feeds: tensorsOver(setup, data) };
      copies.set(setup.model.id, copy);
    }
    if (copy.version !== version) copy.data.set(from);
    copy.version = version;
    return copy.feeds;
  };
}

function tensorsOver({ inputs }: ExchangeSetup, data: Float32Array): Feeds {
  const feeds: Record<string, Tensor> = {};
  for (const { name, shape, offset } of inputs.entries) {
    feeds[name] = { dtype: "float32", shape, data: data.subarray(offset, offset + sizeOf(shape)) };
  }
  return feeds;
}

/** Runs the model and leaves its gradients. */
export async function exchange(
  session: Session,
  parameters: Feeds,
  job: ExchangeJob,
): Promise<Handover<JobResult>> {
  const outputs = await session.run({ ...parameters, ...job.feeds });
  for (const { name, offset } of job.setup.outputs.entries) {
    job.into.set(outputs[name]!.data as Float32Array, offset);
    delete outputs[name];
  }
  return new Handover<JobResult>(outputs, transferable(outputs));
}

/** Buffers that can be handed over with what lies in them. */
export function transferable(outputs: Readonly<Record<string, Tensor>>): ArrayBuffer[] {
  return [...new Set(Object.values(outputs).map(({ data }) => data.buffer as ArrayBuffer))];
}
