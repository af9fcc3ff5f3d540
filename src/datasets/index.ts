/** @file Reading data: open a set, split it, bind it to a model, take batches. */
export { type Dataset, type DatasetParts, datasetOf, take, unnamed } from "./dataset.ts";
export type { ImageOptions } from "./decode-image.ts";
export { fitTo, fitToInputs } from "./fit.ts";
export { type DatasetArrays, type DatasetOptions, datasetFromArrays } from "./from-arrays.ts";
export { classesSeen, classLabels, ignored, type LabelOptions, type Labels, takeLabels } from "./labels.ts";
export { labelNames, type OpenOptions, openDataset } from "./open.ts";
export type { OpenProgress, OpenWork } from "./opening.ts";
export type { Preprocessing } from "./preprocess.ts";
export type { ExampleSource, Feed, Layout } from "./source.ts";
export { type BatchOptions, batches, type LimitOptions, type SplitOptions, split } from "./split.ts";
export { type StoredInput, storedInputs } from "./stored-inputs.ts";
