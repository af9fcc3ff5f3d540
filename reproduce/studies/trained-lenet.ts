/** @file LeNet-5 trained by the product, for every study that starts from it. */
import type { TrainingRecord } from "../../src/pipeline/training-record.ts";
import type { Piece, Workshop } from "../workshop.ts";

/** Where it is, and what its training found. */
export interface TrainedLenet {
  readonly path: string;
  readonly piece: Piece<TrainingRecord>;
}

/** Trains it by its recipe (ten epochs), or takes the one that was trained before with this seed. */
export async function trainedLenet(workshop: Workshop, seed: number): Promise<TrainedLenet> {
  const path = workshop.file(`base-${seed}.onnx`, "lenet5");
  const argv = [
    ...["train", "lenet5", "--data", workshop.place("train-images-idx3-ubyte")],
    ...["--test-data", workshop.place("t10k-images-idx3-ubyte"), "--seed", seed, "--out", path],
  ];
  const piece = await workshop.command<TrainingRecord>(`base-${seed}`, argv, {
    study: "lenet5",
    makes: path,
  });
  return { path, piece };
}
