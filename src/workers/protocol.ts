/** @file The messages between a pool and its worker threads. */
import type { ProblemCode } from "../base/problem.ts";

/** What a pool hands a new thread as its `workerData`. */
export interface Start {
  readonly setup: unknown;
}

export interface JobMessage {
  readonly id: number;
  readonly job: unknown;
}

/** Something that jobs mention and every thread was sent beforehand. */
export interface Pinned<T> {
  readonly pin: number;
  /** For the compiler alone. */
  readonly type?: T;
}

/** Hands a thread what jobs will mention. */
export interface Pin {
  readonly kind: "pin";
  readonly pin: number;
  readonly value: unknown;
}

/** No further job mentions it. */
export interface Unpin {
  readonly kind: "unpin";
  readonly pin: number;
}

/** Asks a thread to end when it is done with its jobs. */
export interface Leave {
  readonly kind: "leave";
}

export type Message = JobMessage | Pin | Unpin | Leave;

/** An error on its way between threads; coded errors travel as code and data and are rebuilt on arrival. */
export type Failure =
  | { readonly kind: "problem"; readonly code: ProblemCode; readonly data: unknown }
  | { readonly kind: "defect"; readonly error: unknown };

export type Reply =
  | { readonly kind: "ready" }
  | { readonly kind: "refused"; readonly failure: Failure }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure };
