/** @file Every study by the name it is run by, in the order of the page. */
import type { Study } from "../study.ts";
import { jointLenetStudy, jointResnetStudy } from "./joint.ts";
import { lenet5Study } from "./lenet5.ts";
import { oracleStudy } from "./oracle.ts";
import { resnet20Study, resnet56Study } from "./resnet-cifar.ts";
import { resnet50Study } from "./resnet50.ts";
import { robustnessStudy } from "./robustness.ts";
import { vgg16Study } from "./vgg16.ts";

export const studies: Readonly<Record<string, Study>> = {
  oracle: oracleStudy,
  lenet5: lenet5Study,
  resnet56: resnet56Study,
  resnet20: resnet20Study,
  vgg16: vgg16Study,
  resnet50: resnet50Study,
  robustness: robustnessStudy,
  "joint-lenet5": jointLenetStudy,
  "joint-resnet20": jointResnetStudy,
};
