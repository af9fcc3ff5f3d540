/** @file What the product asks of anything that can run a model. */
import type { Model } from "../graph/model.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface SessionOptions {
  /** Execution providers in order of preference; "cpu" when left out. */
  readonly providers?: readonly string[];
  /** Threads inside one run; 1 keeps results independent of the number of workers. */
  readonly threads?: number;
  /** Off reproduces the graph as written; full is the runtime's best. */
  readonly optimization?: "off" | "full";
  /**
   * Whether runs after the first take their memory in one piece, planned by the first one, whose own memory is kept
   * beside it. Off, training holds half as much and is as fast. Default on.
   */
  readonly plansMemory?: boolean;
}

export interface Session {
  /** Runs the model once. Shapes and dtypes must fit its inputs. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  open(model: Model, options?: SessionOptions): Promise<Session>;
}
